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
      // one after the other, and not beside other projects: real servers side by side would measure each other
      ...['flow', 'security', 'browser', 'faults'].map((name, i) => ({
        resolve: { alias },
        test: {
          name,
          include: [`tests/${name}/**/*.test.ts`],
          globalSetup: 'tests/support/build-server.ts',
          testTimeout: process.env.SOAK === '1' ? 3_600_000 : 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: i + 1 },
        },
      })),
      './tests/client/vitest.config.ts',
    ],
  },
});
