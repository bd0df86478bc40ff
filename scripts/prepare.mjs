// Does all that is missing before `npm start` and `npm test`: packages, build, Ansible. Every step is skipped when it is
// done, and one that was interrupted is done anew. Plain JavaScript without dependencies: an old Node must get as far as
// being told that it is old.
import { readFileSync } from 'node:fs';

const [, , task] = process.argv;
const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const wanted = /(\d+)\.(\d+)/.exec(engines.node).slice(1).map(Number);
const running = process.versions.node.split('.').map(Number);
if (running[0] < wanted[0] || (running[0] === wanted[0] && running[1] < wanted[1])) {
  process.stderr.write(
    `Sible needs Node ${wanted.join('.')} or newer; this is ${process.version}. See https://nodejs.org/.\n`,
  );
  process.exit(1);
}

const { SetupError, withSetupLock } = await import('./prepare/setup-lock.mjs');
const { installPackages } = await import('./prepare/packages.mjs');
const { build } = await import('./prepare/build.mjs');
const { provideAnsible } = await import('./prepare/ansible.mjs');

try {
  await withSetupLock(async () => {
    await installPackages();
    if (task === 'start') await build();
    await provideAnsible(process.env);
  });
} catch (error) {
  process.stderr.write(
    `\nSible could not be set up.\n${error instanceof SetupError ? error.message : (error?.stack ?? error)}\n`,
  );
  process.exit(1);
}
