import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { OF_NO_RUN } from './process-tree.ts';

/** A child that outlives its parent, and prints the id of the one it has then: proc_pid_stat(5), field 4. */
const ORPHAN = `/bin/sh -c '
  while read -r _ _ _ parent _ </proc/$$/stat && [ "$parent" = "$0" ]; do :; done
  echo "$parent"
' "$$" &`;

let adopter: Promise<number> | null = null;

/**
 * The process that becomes the parent of orphans of ours: init, or the nearest ancestor that is a subreaper.
 * Nothing in /proc tells which one that is (PR_SET_CHILD_SUBREAPER, prctl(2)), so we make an orphan and look.
 * @throws when no process can be started
 */
export function findAdopter(): Promise<number> {
  adopter ??= tryOrphan().catch((error: unknown) => {
    adopter = null;
    throw error;
  });
  return adopter;
}

async function tryOrphan(): Promise<number> {
  // the orphan holds the output open until it ends
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', ORPHAN], { env: OF_NO_RUN });
  const pid = Number(stdout);
  if (!Number.isSafeInteger(pid) || pid < 1) throw new Error(`an orphan has no parent but "${stdout}"`);
  return pid;
}
