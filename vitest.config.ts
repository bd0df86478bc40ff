import { createRequire } from 'node:module';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { LongestFirst } from './tests/support/longest-first.ts';

const require = createRequire(import.meta.url);

/** Pothos loads the CommonJS build of graphql; the tests must use the same one, or its classes are not the same. */
const alias = { graphql: require.resolve('graphql/index.js') };

/** What measures time or memory, or fills a disk, and would find what runs beside it in its figures. */
const ALONE = '**/*.alone.test.ts';
const WITH_SERVERS = ['faults', 'flow', 'browser', 'security'];
/**
 * Tests that share a worker, and with it the modules that each of them would load anew: they replace no module, change
 * nothing of the process, and leave nothing running.
 */
const SHARING = ['domain', 'graphql', 'http', 'services/runs', 'services/schedules', 'storage'].map(
  (folder) => `tests/server/${folder}/**/*.test.ts`,
);
const isSoak = process.env.SOAK === '1';

const withServer = {
  globalSetup: 'tests/support/build-server.ts',
  testTimeout: isSoak ? 3_600_000 : 120_000,
  hookTimeout: 120_000,
};

/** `npm test` runs all; one with `npx vitest run --project NAME`. */
export default defineConfig({
  test: {
    reporters: process.env.CI
      ? ['default', ['json', { outputFile: 'test-results/vitest.json' }]]
      : ['default'],
    // what tests start and wait for uses the processors, more than the tests do
    maxWorkers: isSoak ? 1 : 3,
    maxConcurrency: isSoak ? 1 : 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'unit',
          include: ['tests/*.test.ts', 'tests/server/**/*.test.ts', 'tests/scripts/**/*.test.ts'],
          exclude: [ALONE, ...SHARING],
          testTimeout: 30_000,
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'unit-shared',
          include: SHARING,
          exclude: [ALONE],
          isolate: false,
          testTimeout: 30_000,
        },
      },
      {
        resolve: { alias },
        test: { name: 'storage', include: ['tests/storage/**/*.test.ts'], testTimeout: 30_000 },
      },
      ...WITH_SERVERS.map(
        (name): TestProjectInlineConfiguration => ({
          resolve: { alias },
          test: {
            ...withServer,
            name,
            include: [`tests/${name}/**/*.test.ts`],
            exclude: [ALONE],
            // after the parts, which look at the processes of the machine: here servers are killed
            sequence: { groupOrder: 1 },
          },
        }),
      ),
      ...['faults', 'security'].map(
        (name): TestProjectInlineConfiguration => ({
          resolve: { alias },
          test: {
            ...withServer,
            name: `${name}-alone`,
            include: [`tests/${name}/${ALONE}`],
            // one after the other, when everything else is done
            fileParallelism: false,
            sequence: { groupOrder: 2 },
          },
        }),
      ),
      {
        resolve: { alias },
        test: {
          name: 'unit-alone',
          include: [`tests/server/${ALONE}`],
          testTimeout: 30_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      './tests/client/vitest.config.ts',
    ],
  },
});
