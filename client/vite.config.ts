import { fileURLToPath } from 'node:url';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig } from 'vite';
import solid from 'vite-plugin-solid';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const SERVER = 'http://127.0.0.1:4000';

export default defineConfig({
  root: here('.'),
  plugins: [solid(), tailwindcss()],
  // no data: URLs: the content security policy allows only our own files
  build: { outDir: here('../dist/client'), emptyOutDir: true, target: 'es2022', assetsInlineLimit: 0 },
  server: {
    proxy: {
      '/graphql': { target: SERVER, ws: true },
      '/runs': {
        target: SERVER,
        bypass: (request) => (request.headers.accept?.includes('text/html') ? '/index.html' : undefined),
      },
    },
  },
});
