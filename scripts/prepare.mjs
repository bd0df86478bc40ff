// Does all that is missing before `npm start` and `npm test`: packages, build, Ansible. A step that is done is skipped,
// and one that was interrupted is done anew. Plain JavaScript without dependencies: an old Node must get as far as being
// told that it is old.
import { readFileSync } from 'node:fs';

const [, , task] = process.argv;
const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const [leastMajor, leastMinor] = /(\d+)\.(\d+)/.exec(engines.node).slice(1).map(Number);
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < leastMajor || (major === leastMajor && minor < leastMinor)) {
  process.stderr.write(
    `Sible needs Node ${leastMajor}.${leastMinor} or newer; this is ${process.version}. Get one at https://nodejs.org/.\n`,
  );
  process.exit(1);
}

// imported only now: an old Node may not even parse them
const { SetupError } = await import('./prepare/setup-error.mjs');
const { withSetupLock } = await import('./prepare/setup-lock.mjs');
const { missingPackages } = await import('./prepare/packages.mjs');
const { missingBuild } = await import('./prepare/build.mjs');
const { missingAnsible } = await import('./prepare/ansible.mjs');

/** Each answers with the work that is missing, or null. */
const steps =
  task === 'start' ? [missingPackages, missingBuild, missingAnsible] : [missingPackages, missingAnsible];

try {
  if (steps.some((missing) => missing() !== null)) {
    // looked at again under the lock: another set-up may have done it meanwhile
    await withSetupLock(async () => {
      for (const missing of steps) await missing()?.();
    });
  }
} catch (error) {
  const text = error instanceof SetupError ? error.message : (error?.stack ?? String(error));
  process.stderr.write(`\nSible could not be set up.\n${text}\n`);
  process.exitCode = 1;
}
