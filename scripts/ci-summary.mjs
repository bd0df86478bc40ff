// Prints one line with the counts of vitest's JSON report, and fails when something failed or nothing ran.
import { existsSync, readFileSync } from 'node:fs';

const [, , file] = process.argv;
if (!file || !existsSync(file)) {
  process.stdout.write('0 passed, 1 failed\n');
  process.exit(1);
}
const { numPassedTests, numFailedTests, numPendingTests, success } = JSON.parse(readFileSync(file, 'utf8'));
process.stdout.write(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped\n`);
process.exit(success && numPassedTests > 0 ? 0 : 1);
