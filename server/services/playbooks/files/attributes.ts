import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { codeOf } from '../../../domain/caught.ts';

/**
 * Copies owner, group, mode, ACL and extended attributes to a replacement file, as far as the system permits.
 * What cannot be kept never grants access to more users: if the group is lost, the new group gets only the
 * rights of others.
 * @param original the file being replaced @param copy created by us, readable by its owner only
 */
export async function copyAttributes(original: FileHandle, copy: FileHandle): Promise<void> {
  const wanted = await original.stat();
  if (process.platform === 'linux') await copyExtended(original, copy);
  const made = await copy.stat();
  if (made.uid !== wanted.uid) await attempt(copy.chown(wanted.uid, -1));
  if (made.gid !== wanted.gid) await attempt(copy.chown(-1, wanted.gid));
  // last: chown clears the setuid and setgid bits
  await copy.chmod(modeFor(await copy.stat(), wanted));
}

function modeFor(made: Stats, wanted: Stats): number {
  let mode = wanted.mode & 0o7777;
  if (made.uid !== wanted.uid) mode &= ~0o4000;
  if (made.gid !== wanted.gid) mode = (mode & ~0o2070) | (((mode & 0o7) << 3) & mode);
  return mode;
}

/**
 * Node supports neither extended attributes nor ACLs, but GNU `cp` does. Where it is missing they are lost.
 */
async function copyExtended(original: FileHandle, copy: FileHandle): Promise<void> {
  const options = ['--attributes-only', '--preserve=all', '--no-preserve=timestamps,links'];
  const child = spawn('cp', [...options, '--', '/proc/self/fd/3', '/proc/self/fd/4'], {
    stdio: ['ignore', 'ignore', 'ignore', original.fd, copy.fd],
    env: { PATH: process.env.PATH },
  });
  // `cp` skips what it cannot copy; a missing `cp` is an error event
  await once(child, 'close').catch(() => undefined);
}

async function attempt(change: Promise<void>): Promise<void> {
  try {
    await change;
  } catch (error) {
    const code = codeOf(error);
    // we may not change it, or the file system has no owners
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EINVAL') throw error;
  }
}
