import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { DataDirError, openDataDir, seedPlaybooks } from '../../server/data-dir.ts';
import { makeTempDir } from '../support/temp-dir.ts';

async function makePath() {
  const folder = await makeTempDir();
  onTestFinished(() => folder.remove());
  return join(folder.path, 'data');
}

it('lets one server in at a time, and the next one when it is gone', async () => {
  const path = await makePath();
  const first = await openDataDir(path);

  const refused = openDataDir(path);
  await expect(refused).rejects.toThrow(DataDirError);
  await expect(refused).rejects.toThrow(
    /Another Sible \(process \d+\) uses this data folder: .*Stop it first/,
  );

  first.release();
  const second = await openDataDir(path);
  expect(second.workerId).toBe(first.workerId);
  second.release();
});

it('is not held by a server that was killed, whatever its process id was', async () => {
  const path = await makePath();
  (await openDataDir(path)).release();
  const holder = join(path, 'holder.mjs');
  const libsql = import.meta.resolve('libsql');
  writeFileSync(
    holder,
    `import Database from ${JSON.stringify(libsql)};
     new Database(${JSON.stringify(join(path, 'lock.sqlite'))}).exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT');
     console.log('held'); setInterval(() => undefined, 1_000);`,
  );
  const child = spawn(process.execPath, [holder], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  await expect(openDataDir(path)).rejects.toThrow(/Another Sible/);

  child.kill('SIGKILL');
  await once(child, 'exit');
  (await openDataDir(path)).release();
});

it('says what is wrong with a folder that cannot be used', async () => {
  const path = await makePath();
  writeFileSync(path, '');
  await expect(openDataDir(path)).rejects.toThrow(/cannot be used.*SIBLE_DATA_DIR/);
  await expect(seedPlaybooks(path, path)).rejects.toThrow(/SIBLE_PLAYBOOKS_DIR.*not a folder/);
});
