import { createHash } from 'node:crypto';
import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from '../../domain/caught.ts';
import { unescapePath } from './mounts.ts';
import { readProc, readStat, signal } from './process-tree.ts';

/**
 * A cgroup (version 2) for each run: whatever a process does to its environment, session and parent, it stays
 * in the cgroup that it was started in. Needs no controller, so enables none.
 */
export interface Cgroups {
  /** Creates a run's cgroup. @returns its folder; null where none can be created */
  create(runId: string): string | null;
  /**
   * The cgroup of a run, created by this server or an earlier one; null when there is none.
   * @param supervisor its process id if it lives: an earlier server may have created its cgroups elsewhere
   */
  find(runId: string, supervisor: number | null): Promise<Cgroup | null>;
  /** Removes a run's cgroup; one that still has processes is removed once they have ended. */
  remove(runId: string): Promise<void>;
  /** Removes what can be removed. */
  close(): Promise<void>;
}

export interface Cgroup {
  holds(pid: number): Promise<boolean>;
  /** SIGKILLs everything in it until it is empty. @returns how many processes it had at first */
  kill(): Promise<number>;
}

/** Interval between polls while killing. */
const LOOK_MS = 20;
const MAX_KILL_ROUNDS = 100;
/** Number of cgroups with remaining processes that are retried each time. */
const TRIED_AGAIN = 10;

/**
 * @param parent cgroup folder under which cgroups are created; defaults to the server's own; null: none are
 * created
 */
export function createCgroups(dataDir: string, parent: string | null = findOwnCgroup()): Cgroups {
  const base = parent === null ? null : makeBase(parent, dataDir);
  /** Folders of cgroups that still have processes although their runs have ended. */
  const left = new Set<string>();
  const swept = base === null ? Promise.resolve() : sweep(base);

  /** Removes what earlier servers left; a cgroup with processes cannot be removed. */
  async function sweep(folder: string): Promise<void> {
    for (const path of await listGroups(folder)) if (!(await removeGroup(path))) left.add(path);
  }

  async function removeLeft(): Promise<void> {
    for (const path of [...left].slice(0, TRIED_AGAIN)) {
      left.delete(path);
      // to the back of the queue
      if (!(await removeGroup(path))) left.add(path);
    }
  }

  return {
    create(runId) {
      if (base === null) return null;
      const path = join(base, runId);
      try {
        mkdirSync(path);
        return path;
      } catch (error) {
        // the limit of cgroups is reached, or the permission was revoked
        return codeOf(error) === 'EEXIST' ? path : null;
      }
    },

    async find(runId, supervisor) {
      const own = base === null ? null : join(base, runId);
      if (own !== null && (await isGroup(own))) return groupAt(own);
      if (supervisor === null) return null;
      const theirs = pathOf((await readProc(`/proc/${supervisor}/cgroup`))?.toString() ?? '');
      return theirs !== null && basename(theirs) === runId ? groupAt(theirs) : null;
    },

    async remove(runId) {
      if (base === null) return;
      const path = join(base, runId);
      if (!(await removeGroup(path))) left.add(path);
      await removeLeft();
    },

    async close() {
      await swept.catch(() => undefined);
      if (base === null) return;
      for (const path of left) await removeGroup(path);
      await rmdir(base).catch(() => undefined);
    },
  };
}

/** The folder of this process's cgroup; null without cgroup version 2. */
function findOwnCgroup(): string | null {
  try {
    return pathOf(readFileSync('/proc/self/cgroup', 'utf8'));
  } catch {
    return null;
  }
}

/** Where the cgroup named in /proc/PID/cgroup is mounted. */
function pathOf(membership: string): string | null {
  const path = /^0::(\/.*)$/m.exec(membership)?.[1];
  // a path outside this container's view begins with "/.."
  if (path === undefined || path.startsWith('/..')) return null;
  try {
    for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
      const [mount = '', kind = ''] = line.split(' - ');
      if (!kind.startsWith('cgroup2 ')) continue;
      const [, , , root = '', point = ''] = mount.split(' ');
      const below =
        root === '/' ? path : path.startsWith(`${root}/`) || path === root ? path.slice(root.length) : null;
      if (below !== null) return join(unescapePath(point), below);
    }
  } catch {
    // no /proc: no cgroups
  }
  return null;
}

/** The folder for the cgroups of this data folder's runs; null when no process could be moved there. */
function makeBase(parent: string, dataDir: string): string | null {
  const base = join(parent, `sible-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`);
  try {
    // moving a process takes write access to the cgroup it leaves and to their common parent
    accessSync(join(parent, 'cgroup.procs'), constants.W_OK);
    mkdirSync(base, { recursive: true });
    return readFileSync(join(base, 'cgroup.type'), 'utf8').trim() === 'domain' ? base : null;
  } catch {
    return null;
  }
}

function groupAt(path: string): Cgroup {
  return {
    holds: async (pid) => (await listMembers(path)).includes(pid),

    async kill() {
      let found = 0;
      for (let round = 0; round < MAX_KILL_ROUNDS; round += 1) {
        const members = await listMembers(path);
        if (members.length === 0) break;
        if (round === 0) found = members.length;
        await killMembers(path, members);
        await delay(LOOK_MS);
      }
      return found;
    },
  };
}

async function killMembers(path: string, members: readonly number[]): Promise<void> {
  // needs Linux 5.14
  if (await tell(path, 'cgroup.kill', '1')) return;
  // a frozen process cannot fork
  await tell(path, 'cgroup.freeze', '1');
  for (const pid of members) {
    const stat = await readStat(pid);
    if (stat) signal(stat, 'SIGKILL');
  }
  await tell(path, 'cgroup.freeze', '0');
}

/** @returns false when the kernel has no such file, or denies access */
function tell(path: string, file: string, value: string): Promise<boolean> {
  // r+ does not create a missing file
  return writeFile(join(path, file), value, { flag: 'r+' }).then(
    () => true,
    () => false,
  );
}

/** Processes of a cgroup and of those that the playbook created in it. */
async function listMembers(path: string): Promise<number[]> {
  const text = await readFile(join(path, 'cgroup.procs'), 'utf8').catch(() => '');
  const own = text.split('\n').filter(Boolean).map(Number);
  const inner = await Promise.all((await listGroups(path)).map(listMembers));
  return [...own, ...inner.flat()];
}

async function listGroups(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
}

function isGroup(path: string): Promise<boolean> {
  return readdir(path).then(
    () => true,
    () => false,
  );
}

/** @returns false when it still has processes */
async function removeGroup(path: string): Promise<boolean> {
  for (const inner of await listGroups(path)) await removeGroup(inner);
  return rmdir(path).then(
    () => true,
    (error: unknown) => codeOf(error) === 'ENOENT',
  );
}
