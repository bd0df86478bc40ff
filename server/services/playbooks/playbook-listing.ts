import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { createSlices } from '../../domain/long-work.ts';
import { isLayoutPath, MAX_PLAYBOOK_BYTES } from '../../domain/playbooks/playbook.ts';
import { faultOf, type PlaybookVerdict } from '../../domain/playbooks/playbook-check.ts';
import { HEAD_BYTES, type HeadVerdict, judgeHead } from '../../domain/playbooks/playbook-head.ts';
import { isShown } from '../../domain/playbooks/playbook-shown.ts';
import type { PlaybookVerdicts } from './playbook-verdicts.ts';
import { type FoundFile, reasonOf, walkPlaybookFolder } from './playbook-walk.ts';

export interface ListedPlaybook {
  /** Relative to the playbook folder, with "/". */
  readonly path: string;
  /** A sentence; null: it can be read. */
  readonly problem: string | null;
  /** Its name makes it unusable: no file has this `path`, which is for display only. */
  readonly isOnlyShown?: true;
}

export interface PlaybookList {
  /** Sorted by path, by code unit. */
  readonly playbooks: readonly ListedPlaybook[];
  /** How many more follow in this order. */
  readonly leftOut: number;
}

export interface PlaybookListing {
  /** Concurrent calls share one list. */
  list(): Promise<PlaybookList>;
  /** A list that is at most a few seconds old. */
  recent(): Promise<PlaybookList>;
}

const MAX_PLAYBOOKS = 10_000;
/** How long a list waits for files still being read in full; the rest are listed by what their head tells. */
const MAX_WAIT_MS = 3_000;
/**
 * Tolerated for display: a file changed twice within the timestamp granularity of its file system (up to 2 s)
 * may be stale.
 */
const DATE_STEP_MS = 50;
const RECENT_MS = 10_000;

interface Known {
  readonly info: Stats;
  /** Absolute path. */
  readonly at: string | Buffer;
  readonly refused: FoundFile['refused'];
  readonly head: HeadVerdict;
  /** Undefined: it is not a playbook. */
  listed: ListedPlaybook | undefined;
  /** It was read so soon after its last change that another change could have the same timestamp. */
  readonly isFresh: boolean;
  /** Whether the file has yet to be read in full. */
  isOpen: boolean;
}

/** @param root an absolute path without symlinks */
export function createPlaybookListing(root: string, verdicts: PlaybookVerdicts): PlaybookListing {
  let known = new Map<string, Known>();
  let underWay: Promise<PlaybookList> | null = null;
  let last: { readonly at: number; readonly list: PlaybookList } | null = null;
  let open: Known[] = [];
  let reading: { readonly since: number; readonly done: Promise<void> } | null = null;

  function look({ path, refused }: FoundFile, info: Stats): Known {
    const at = refused?.at ?? join(root, path);
    const isFresh = Date.now() - Math.max(info.mtimeMs, info.ctimeMs) < DATE_STEP_MS;
    const none: Known = { info, at, refused, head: 'no', isFresh, listed: undefined, isOpen: false };
    const listed = (problem: string): Known =>
      isLayoutPath(path) ? none : { ...none, listed: { path, problem } };
    try {
      const head = readBegin(at, Math.min(info.size + 1, HEAD_BYTES));
      const verdict = judgeHead(head, info.size <= head.length);
      if (verdict === 'no') return none;
      if (verdict === 'vault') return listed(problemOf({ kind: 'vault' }) ?? '');
      if (info.size > MAX_PLAYBOOK_BYTES)
        return verdict === 'likely'
          ? listed(`It is longer than ${MAX_PLAYBOOK_BYTES} bytes, and cannot be shown here.`)
          : none;
      const shown = isShown(path, verdict, { kind: 'unknown' }) ? { path, problem: null } : undefined;
      return { ...none, head: verdict, listed: shown, isOpen: true };
    } catch (error) {
      const why = reasonOf(error);
      if (why === null) return none;
      return listed(`It cannot be read: ${why}.`);
    }
  }

  async function readOpen(): Promise<void> {
    const slices = createSlices();
    for (let one = open.pop(); one !== undefined; one = open.pop()) {
      await readWhole(one);
      await slices.pause();
    }
  }

  async function readWhole(one: Known): Promise<void> {
    const path = paths.get(one);
    if (path === undefined) return;
    let bytes: Buffer;
    try {
      bytes = readBegin(one.at, MAX_PLAYBOOK_BYTES);
    } catch {
      // removed or made unreadable since its head was read: the next list says so
      return;
    }
    const verdict = await verdicts.ofBytes(bytes, false);
    if (verdict.kind === 'unknown') return;
    one.isOpen = false;
    one.listed = isShown(path, one.head, verdict) ? { path, problem: problemOf(verdict) } : undefined;
  }
  const paths = new WeakMap<Known, string>();

  async function make(): Promise<PlaybookList> {
    const found = await walkPlaybookFolder(
      root,
      (path) => known.get(path)?.refused === undefined && known.has(path),
    );
    const slices = createSlices();
    const next = new Map<string, Known>();
    const led: ListedPlaybook[] = [];
    open = [];
    for (const file of found) {
      const { path, info, refused, problem = '' } = file;
      const pause = slices.pause();
      if (pause) await pause;
      if (info === null) {
        led.push(refused ? { path, problem, isOnlyShown: true } : { path, problem });
        continue;
      }
      const before = known.get(path);
      const isSame = before !== undefined && isSameFile(before.info, info) && !before.isFresh;
      const now = isSame ? before : look(file, info);
      next.set(path, now);
      if (now.isOpen) {
        paths.set(now, path);
        open.push(now);
      }
    }
    known = next;
    if (open.length > 0) {
      reading ??= {
        since: performance.now(),
        done: readOpen().finally(() => {
          reading = null;
        }),
      };
      const rest = reading.since + MAX_WAIT_MS - performance.now();
      if (rest > 0) await Promise.race([reading.done, waitUnref(rest)]);
    }
    const all = led;
    for (const { listed, refused } of known.values())
      if (listed)
        all.push(refused ? { path: listed.path, problem: refused.problem, isOnlyShown: true } : listed);
    all.sort((a, b) => (a.path < b.path ? -1 : 1));
    return { playbooks: all.slice(0, MAX_PLAYBOOKS), leftOut: Math.max(0, all.length - MAX_PLAYBOOKS) };
  }

  function list(): Promise<PlaybookList> {
    underWay ??= make()
      .then((made) => {
        last = { at: performance.now(), list: made };
        return made;
      })
      .finally(() => {
        underWay = null;
      });
    return underWay;
  }

  return {
    list,
    recent: async () => (last && performance.now() - last.at < RECENT_MS ? last.list : list()),
  };
}

/** Why a potential playbook cannot be read as one; null when it can. */
export function problemOf(verdict: PlaybookVerdict): string | null {
  return verdict.kind === 'vault'
    ? 'It is encrypted with ansible-vault: what it holds cannot be seen here.'
    : (faultOf(verdict)?.problem ?? null);
}

/** Synchronous: for many small files this takes a fraction of the time of as many promises. */
function readBegin(path: string | Buffer, maxBytes: number): Buffer {
  // a file replaced by a FIFO must not block until something writes to it
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const buffer = Buffer.alloc(Math.min(maxBytes, fstatSync(file).size));
    return buffer.subarray(0, readSync(file, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(file);
  }
}

function isSameFile(a: Stats, b: Stats): boolean {
  return (
    a.ino === b.ino &&
    a.size === b.size &&
    a.mtimeMs === b.mtimeMs &&
    a.ctimeMs === b.ctimeMs &&
    a.dev === b.dev
  );
}

function waitUnref(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
