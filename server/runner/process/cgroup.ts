import { createHash } from 'node:crypto';
import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from '../../domain/caught.ts';
import { unescapePath } from './mounts.ts';
import { readProc, readStat, signal } from './process-tree.ts';

/**
 * A cgroup (version 2) for each run: whatever a process does to its environment, session and parent, it stays in the
 * group that it was started in. No controller is needed, so none is asked for.
 */
export interface Cgroups {
  /** Makes the group of a run. @returns its folder; null where none can be made */
  create(runId: string): string | null;
  /**
   * The group of a run that this server or an earlier one has made; null when there is none.
   * @param supervisor its process id if it lives: an earlier server may have made its groups elsewhere
   */
  find(runId: string, supervisor: number | null): Promise<Cgroup | null>;
  /** Removes the group of a run; one in which something was left behind is removed when that has ended. */
  remove(runId: string): Promise<void>;
  /** Removes what can be removed. */
  close(): Promise<void>;
}

export interface Cgroup {
  holds(pid: number): Promise<boolean>;
  /** SIGKILL to all that is in it, until nothing is. @returns how many there were at first */
  kill(): Promise<number>;
}

/** Between two looks while killing. */
const LOOK_MS = 20;
const MAX_KILL_ROUNDS = 100;
/** So many groups in which something was left behind are tried again each time. */
const TRIED_AGAIN = 10;

/** @param parent folder of the cgroup below which groups are made; the server's own when left out; null: none are made */
export function createCgroups(dataDir: string, parent: string | null = findOwnCgroup()): Cgroups {
  const base = parent === null ? null : makeBase(parent, dataDir);
  /** Folders of groups that something lives in, although their runs have ended. */
  const left = new Set<string>();
  const swept = base === null ? Promise.resolve() : sweep(base);

  /** What earlier servers have left; a group that something lives in cannot be removed. */
  async function sweep(folder: string): Promise<void> {
    for (const path of await listGroups(folder)) if (!(await removeGroup(path))) left.add(path);
  }

  async function removeLeft(): Promise<void> {
    for (const path of [...left].slice(0, TRIED_AGAIN)) {
      left.delete(path);
      // behind the others
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
        // the limit of groups is reached, or somebody took the right away
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

/** The folder of the cgroup that this process is in; null where there is none of version 2. */
function findOwnCgroup(): string | null {
  try {
    return pathOf(readFileSync('/proc/self/cgroup', 'utf8'));
  } catch {
    return null;
  }
}

/** Where the group that /proc/PID/cgroup tells of is mounted. */
function pathOf(membership: string): string | null {
  const path = /^0::(\/.*)$/m.exec(membership)?.[1];
  // one outside of what this container sees begins with "/.."
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

/** The folder of the groups of this data folder's runs; null when no process could be moved there. */
function makeBase(parent: string, dataDir: string): string | null {
  const base = join(parent, `sible-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`);
  try {
    // moving a process takes write access to the group it leaves and to their common parent
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
  // Linux 5.14 and later
  if (await tell(path, 'cgroup.kill', '1')) return;
  // a frozen process cannot fork
  await tell(path, 'cgroup.freeze', '1');
  for (const pid of members) {
    const stat = await readStat(pid);
    if (stat) signal(stat, 'SIGKILL');
  }
  await tell(path, 'cgroup.freeze', '0');
}

/** @returns false when the kernel has no such file, or does not let us */
function tell(path: string, file: string, value: string): Promise<boolean> {
  // r+: a file that is not there is not made
  return writeFile(join(path, file), value, { flag: 'r+' }).then(
    () => true,
    () => false,
  );
}

/** Processes of a group and of those that the playbook made in it. */
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

/** @returns false when something lives in it */
async function removeGroup(path: string): Promise<boolean> {
  for (const inner of await listGroups(path)) await removeGroup(inner);
  return rmdir(path).then(
    () => true,
    (error: unknown) => codeOf(error) === 'ENOENT',
  );
}
