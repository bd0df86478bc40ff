import { createRequire } from 'node:module';
import { defineConfig } from 'vitest/config';

const require = createRequire(import.meta.url);

/** Pothos loads the CommonJS build of graphql; the tests must use the same one, or its classes are not the same. */
const alias = { graphql: require.resolve('graphql/index.js') };

/** `npm test` runs all; one with `npx vitest run --project NAME`. */
export default defineConfig({
  test: {
    reporters: process.env.CI
      ? ['default', ['json', { outputFile: 'test-results/vitest.json' }]]
      : ['default'],
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'unit',
          include: ['tests/*.test.ts', 'tests/server/**/*.test.ts', 'tests/scripts/**/*.test.ts'],
          testTimeout: 30_000,
        },
      },
      {
        resolve: { alias },
        test: { name: 'storage', include: ['tests/storage/**/*.test.ts'], testTimeout: 30_000 },
      },
      {
        resolve: { alias },
        test: {
          name: 'flow',
          include: ['tests/flow/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          // real servers and real Ansible: side by side they would measure each other
          fileParallelism: false,
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'browser',
          include: ['tests/browser/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      './tests/client/vitest.config.ts',
    ],
  },
});
