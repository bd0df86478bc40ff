import { Worker } from 'node:worker_threads';
import { InvalidStateError } from '../../domain/errors.ts';
import type { LogMatch, LogPattern } from '../../domain/logs/log-search.ts';
import type { PackedChunk } from '../../storage/storage.ts';

/** Threads that search logs, so that no pattern of a caller stops the server. */
export interface SearchThreads {
  /**
   * Lends a thread for one search; waits while all are lent.
   * @throws {InvalidStateError} when too many wait
   */
  lend<T>(pattern: LogPattern, work: (thread: SearchThread) => Promise<T>): Promise<T>;
  close(): void;
}

export interface SearchThread {
  /**
   * Searches the lines of a chunk from number `from` to number `to`, and returns at most `wanted` of those that
   * match.
   * @throws {SearchTimeoutError} when that takes too long
   */
  search(chunk: PackedChunk, from: number, to: number, wanted: number): Promise<FoundLines>;
}

interface FoundLines {
  readonly count: number;
  readonly matches: readonly LogMatch[];
}

/** The pattern takes too long on this log. */
export class SearchTimeoutError extends Error {}

/** The build compiles the worker to a `.js` module. */
const PROGRAM = import.meta.url.endsWith('.ts') ? 'search-worker.mjs' : 'search-worker.js';
const MAX_THREADS = 2;
const MAX_WAITING = 50;
/** A chunk is searched in milliseconds, unless its pattern backtracks. */
const MAX_CHUNK_MS = 2_000;
/** A thread that is not used for this long is ended: it takes 10 MB. */
const IDLE_MS = 30_000;

export function createSearchThreads(): SearchThreads {
  const idle: Thread[] = [];
  const waiting: (() => void)[] = [];
  let lent = 0;

  async function take(): Promise<Thread> {
    if (lent >= MAX_THREADS) {
      if (waiting.length >= MAX_WAITING)
        throw new InvalidStateError('Too many logs are being searched; try again later.');
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else lent += 1;
    for (let thread = idle.pop(); thread; thread = idle.pop()) if (thread.isAlive()) return thread;
    return startThread();
  }

  function giveBack(thread: Thread): void {
    if (thread.isAlive()) {
      idle.push(thread);
      thread.rest();
    }
    const next = waiting.shift();
    if (next) next();
    else lent -= 1;
  }

  return {
    async lend(pattern, work) {
      const thread = await take();
      try {
        thread.begin(pattern);
        return await work(thread);
      } finally {
        giveBack(thread);
      }
    },

    close() {
      for (const thread of idle) thread.end();
    },
  };
}

interface Thread extends SearchThread {
  begin(pattern: LogPattern): void;
  /** Ends it unless it is used again soon. */
  rest(): void;
  isAlive(): boolean;
  end(): void;
}

type Answer = FoundLines | { readonly error: string };

function startThread(): Thread {
  const worker = new Worker(new URL(PROGRAM, import.meta.url), {
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 256 },
  });
  worker.unref();
  let isAlive = true;
  let resting: NodeJS.Timeout | undefined;
  /** In the order of the questions. */
  const asked: { resolve(found: FoundLines): void; reject(error: Error): void }[] = [];
  let overdue: NodeJS.Timeout | undefined;

  function end(error: Error): void {
    isAlive = false;
    clearTimeout(overdue);
    clearTimeout(resting);
    for (const { reject } of asked.splice(0)) reject(error);
    void worker.terminate();
  }

  function watchTime(): void {
    clearTimeout(overdue);
    if (asked.length > 0) overdue = setTimeout(() => end(new SearchTimeoutError()), MAX_CHUNK_MS).unref();
  }

  worker.on('message', (answer: Answer) => {
    const first = asked.shift();
    watchTime();
    if ('error' in answer) first?.reject(new Error(answer.error));
    else first?.resolve(answer);
  });
  worker.on('error', end);
  worker.on('exit', () => end(new Error('The search thread has ended.')));

  return {
    begin(pattern) {
      clearTimeout(resting);
      worker.postMessage({ kind: 'begin', ...pattern });
    },

    search: ({ firstLine, bytes, isDeflated }, from, to, wanted) =>
      new Promise((resolve, reject) => {
        if (!isAlive) return reject(new Error('The search thread has ended.'));
        asked.push({ resolve, reject });
        if (asked.length === 1) watchTime();
        worker.postMessage({ kind: 'piece', firstLine, bytes, isDeflated, from, to, wanted });
      }),

    rest() {
      resting = setTimeout(() => end(new Error('The search thread has ended.')), IDLE_MS).unref();
    },
    isAlive: () => isAlive,
    end: () => end(new Error('The server is stopping.')),
  };
}
