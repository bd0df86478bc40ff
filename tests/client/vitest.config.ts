import solid from 'vite-plugin-solid';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [solid()],
  test: { name: 'client', environment: 'jsdom', include: ['**/*.test.{ts,tsx}'], root: import.meta.dirname },
});
