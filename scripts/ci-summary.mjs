// Prints the slowest files of vitest's JSON report and one line with its counts; fails when something failed or nothing ran.
import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';

const SLOWEST = 10;
const [, , file] = process.argv;
if (!file || !existsSync(file)) {
  process.stdout.write('0 passed, 1 failed\n');
  process.exit(1);
}
const { numPassedTests, numFailedTests, numPendingTests, success, testResults } = JSON.parse(
  readFileSync(file, 'utf8'),
);
const slowest = testResults
  .map(({ name, startTime, endTime }) => ({
    name: relative('', name),
    seconds: (endTime - startTime) / 1_000,
  }))
  .sort((one, other) => other.seconds - one.seconds)
  .slice(0, SLOWEST);
process.stdout.write(`the ${SLOWEST} slowest files, in seconds\n`);
for (const { name, seconds } of slowest) process.stdout.write(`${seconds.toFixed(1).padStart(7)}  ${name}\n`);
process.stdout.write(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped\n`);
process.exit(success && numPassedTests > 0 ? 0 : 1);
