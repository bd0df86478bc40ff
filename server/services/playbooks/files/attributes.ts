import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { codeOf } from '../../../domain/caught.ts';

/**
 * Gives a file that is to replace another one its owner, group, mode, access list and extended attributes, as far as the
 * system lets us. What cannot be kept never opens the file to more users: without its group the group may do what others may.
 * @param original what is replaced @param copy made by us, readable by its owner only
 */
export async function copyAttributes(original: FileHandle, copy: FileHandle): Promise<void> {
  const wanted = await original.stat();
  if (process.platform === 'linux') await copyExtended(original, copy);
  const made = await copy.stat();
  if (made.uid !== wanted.uid) await attempt(copy.chown(wanted.uid, -1));
  if (made.gid !== wanted.gid) await attempt(copy.chown(-1, wanted.gid));
  // last: changing the owner takes the setuid and setgid bits off
  await copy.chmod(modeFor(await copy.stat(), wanted));
}

function modeFor(made: Stats, wanted: Stats): number {
  let mode = wanted.mode & 0o7777;
  if (made.uid !== wanted.uid) mode &= ~0o4000;
  if (made.gid !== wanted.gid) mode = (mode & ~0o2070) | (((mode & 0o7) << 3) & mode);
  return mode;
}

/** Node knows no extended attributes and no access lists; `cp` of the GNU tools does. Where it is missing they are not kept. */
async function copyExtended(original: FileHandle, copy: FileHandle): Promise<void> {
  const options = ['--attributes-only', '--preserve=all', '--no-preserve=timestamps,links'];
  const child = spawn('cp', [...options, '--', '/proc/self/fd/3', '/proc/self/fd/4'], {
    stdio: ['ignore', 'ignore', 'ignore', original.fd, copy.fd],
    env: { PATH: process.env.PATH },
  });
  // what it could not keep it leaves; that it is not there at all is an error event
  await once(child, 'close').catch(() => undefined);
}

async function attempt(change: Promise<void>): Promise<void> {
  try {
    await change;
  } catch (error) {
    const code = codeOf(error);
    // not ours to give away, or the file system has no owners
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EINVAL') throw error;
  }
}
