import { lstatSync, mkdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../domain/caught.ts';
import { LOG_STREAMS, type LogStream, MAX_LINE_BYTES } from '../../domain/logs/run-log.ts';
import type { RunFile } from '../runner.ts';
import { inFolder, insteadOf, orNull, overwriteSmall, readSmallFile, writeNew } from './guarded-folder.ts';
import type { ProcessId } from './process-tree.ts';
import { type FolderId, folderIdOf, removeAll, removeRenamed } from './spool-removal.ts';
import { createStreamFile, type HeldFile, type StreamFile } from './stream-file.ts';

/**
 * The spool folder of one run: how the supervisor and the server communicate across any crash of either. The
 * playbook runs as the same user and can change all of it, so it never overrides what is known otherwise.
 *
 * | state        | reached when                                   | after a crash of the server the next one                          |
 * | ------------ | ---------------------------------------------- | ----------------------------------------------------------------- |
 * | prepared     | the server has created the folder (`create`)   | gives up the start: nothing ran                                   |
 * | armed        | the supervisor has written `pid` and sleeps    | gives up the start and wakes it; it ends                          |
 * | requested    | the server has written `request.json` (`fill`) | gives up the start, unless the supervisor has created `started` first |
 * | started      | the supervisor has created `started`           | follows it to its end                                             |
 * | given up     | a server has created `started` (`giveUpStart`) | finds no trace of the program, and requeues the run               |
 * | being ended  | the server has written `ending`                | continues ending it, if its row agrees                            |
 * | ended        | the supervisor has written `status`            | stores the rest of the output and the exit code                   |
 * | removed      | the server has stored all of it (`remove`)     | finds nothing to do                                               |
 *
 * `started` is created exclusively: its creator decides whether the program runs. A killed supervisor leaves
 * the state that it had reached; one that is `started`, gone and without `status` is lost.
 */
export interface Spool {
  readonly path: string;
  /** Path at which the output was created. */
  readonly outputPath: string;
  /** Path to which our callback plugin writes events of the run, as JSON lines. */
  readonly eventsPath: string;
  /** Creates the folder, and the file of each stream in it. Idempotent. */
  create(): void;
  /** Whether the folder exists, and is still the one that was created. */
  exists(): boolean;
  /** Path of the output for another process; it leads to the file that was created, whatever has its name by then. */
  outputPathForOthers(): string;
  /** The stream's file, as created or first found; null when there is none. The caller must release it. */
  hold(stream: LogStream): HeldFile | null;
  /** Whether anything was written to a stream, as far as the folder shows. */
  hasWritten(): boolean;
  /** Path of a file given to the program. */
  pathOf(name: string): string;
  /** Gives the program a file. @throws when the name is reserved, or not plain */
  writeFile(file: Pick<RunFile, 'name' | 'mode' | 'content'>): void;
  /** Removes the files given to the program, also by a previous server process. */
  removeFiles(): void;
  /** Writes the request: a supervisor that finds it may start. */
  fill(request: SpoolRequest): void;
  /** Whether `fill` was called. */
  isFilled(): boolean;
  /** Whether the program was started, or its start was given up for good. */
  isStarted(): boolean;
  /** The supervisor as recorded in the folder; null when it is not. Verify it before use. */
  readSupervisor(): ProcessId | null;
  /** The beginning and the end of our callback plugin's events, and the end of the output; "" where there is none. */
  readEvents(maxBytes: number): string;
  readEventsEnd(maxBytes: number): string;
  readOutputEnd(maxBytes: number): string;
  /** What was counted of a stream beyond its limit, as last noted; null when nothing is. */
  readLeftOut(stream: LogStream): LeftOut | null;
  /** Replaces the note, in one write. @throws when it cannot be written */
  noteLeftOut(stream: LogStream, leftOut: LeftOut): void;
  /** How the program ended, as recorded in the folder; null when it is not. */
  readStatus(): SpoolStatus | null;
  /** Records for good that it was ended on purpose; the first reason stays. */
  markEnding(why: Ending): void;
  readEnding(): Ending | null;
  /**
   * Whether it is certain from now on that the program will not be started: the supervisor and this call create
   * the same file, and only one succeeds.
   */
  giveUpStart(): boolean;
  /**
   * Removes the folder with everything in it, even if it was renamed, but nothing that a symlink in it points
   * to.
   * @throws when something in it cannot be removed, or is mounted
   */
  remove(): Promise<void>;
  /** Closes the open files once nobody holds them. */
  close(): void;
}

/** How far a stream was counted that exceeds its limit; the file may have holes up to there. */
export interface LeftOut {
  /** Offset up to which nothing was or will be punched out. */
  readonly head: number;
  /** Offset up to which it was counted. */
  readonly counted: number;
  readonly lineCount: number;
  /** How much was skipped in counting, in bytes. */
  readonly uncountedBytes: number;
}

/** Why a run was ended before it ended by itself. */
export type Ending = 'canceled' | 'timedOut';

export interface SpoolRequest {
  readonly startedAt: string;
  readonly timeoutMs: number | null;
}

export interface SpoolStatus {
  /** Exit status as a shell reports it. */
  readonly code: number;
  /** Whether the disk was full at the end, so that its output may be incomplete. */
  readonly wasFull: boolean;
  /** When it was written. */
  readonly at: Date;
}

/** The spool folders of this server. */
export interface Spools {
  /** Returns the same one each time, until it is removed. */
  of(runId: string): Spool;
  /** Ids of the runs that have a folder here, and names that cannot be a run's. */
  list(): Promise<{ readonly ids: string[]; readonly others: string[] }>;
  close(): void;
}

const RUN_ID = /^[\w-]{1,64}$/;
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
/** Far longer than any of the files that are read. */
const MAX_BYTES = 1_024;
/** Fits the names of some hundred files. */
const MAX_REQUEST_BYTES = 32_768;
const FILE_NAME = /^\w[\w.-]{0,63}$/;
/** The files that the streams are written to. */
const STREAM_FILES: Readonly<Record<LogStream, string>> = { output: 'output.log', events: 'events.jsonl' };
const LEFT_OUT_FILES: Readonly<Record<LogStream, string>> = {
  output: 'output.left-out',
  events: 'events.left-out',
};
/** Contents of the folder of a run that has ended by itself. */
const NAMES = [STREAM_FILES.output, 'status', 'pid', 'started', 'request.json'];
/** Names reserved in the folder. */
const OWN_NAMES: ReadonlySet<string> = new Set([
  ...NAMES,
  ...Object.values(LEFT_OUT_FILES),
  STREAM_FILES.events,
  'ending',
]);
/** Files that an earlier version gave to programs without recording it. */
const EARLIER_FILES: readonly string[] = ['extra-vars.yml'];
const PID = /^(\d{1,10}) (\d{1,20}|-) ([0-9a-f-]{1,36})(?: \d{1,10})?\n$/;
const LEFT_OUT = /^(\d{1,16}) (\d{1,16}) (\d{1,16}) (\d{1,16}) *\n$/;
/** Of the note: it is overwritten in place. */
const LEFT_OUT_BYTES = 80;
const STATUS = /^(\d{1,3})( full)?\n$/;

export function createSpools(runsDir: string): Spools {
  const spools = new Map<string, Spool>();
  return {
    of(runId) {
      // ids are ours; any other could lead out of the folder
      if (!RUN_ID.test(runId)) throw new Error(`"${runId}" is no id of a run.`);
      let spool = spools.get(runId);
      if (!spool) {
        spool = createSpool(
          join(runsDir, runId),
          () => spools.delete(runId),
          (name) => spools.has(name),
        );
        spools.set(runId, spool);
      }
      return spool;
    },

    async list() {
      const names = await readdir(runsDir).catch((error: unknown) => {
        if (codeOf(error) === 'ENOENT') return [];
        throw error;
      });
      // whatever took a folder's place is removed as the folder would be
      const ids = names.filter((name) => RUN_ID.test(name));
      // file systems create this folder themselves
      const others = names.filter((name) => !RUN_ID.test(name) && name !== 'lost+found');
      return { ids, others };
    },

    close() {
      for (const spool of spools.values()) spool.close();
      spools.clear();
    },
  };
}

/** @param isOfRun whether this is the folder of a known run */
function createSpool(path: string, forget: () => void, isOfRun: (name: string) => boolean): Spool {
  const file = (name: string) => join(path, name);
  /** The folder as created; one that has taken its place is another. */
  let id: FolderId | null = null;
  /** The folder as first found, if it was not created here. */
  let found: FolderId | null = null;
  let isFilled = false;
  /** Names of the files given to the program. */
  const given = new Set<string>();

  const inside = <T>(work: (name: (name: string) => string) => T): T =>
    inFolder(path, id, (folder) => work((name) => join(folder, name)));
  const streamFile = (name: string) => createStreamFile(file(name), (work) => inside((at) => work(at(name))));
  const streams: Readonly<Record<LogStream, StreamFile>> = {
    output: streamFile(STREAM_FILES.output),
    events: streamFile(STREAM_FILES.events),
  };
  const read = (name: string, maxBytes = MAX_BYTES) =>
    orNull(() => inside((at) => readSmallFile(at(name), maxBytes)));
  /** @returns false when the name is taken */
  const writeOnce = (name: string, text: string): boolean => {
    try {
      inside((at) => writeNew(at(name), text, FILE_MODE));
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    }
  };
  const write = (name: string, text: string, mode: number) =>
    inside((at) => insteadOf(at(name), () => writeNew(at(name), text, mode)));

  /** Names of the files that a previous server process has given to the program. */
  function readGiven(): readonly string[] {
    const text = read('request.json', MAX_REQUEST_BYTES)?.text;
    return text === undefined ? [] : readNames(text);
  }

  function makeFolder(): void {
    try {
      mkdirSync(path, { mode: FOLDER_MODE });
    } catch (error) {
      if (codeOf(error) === 'ENOENT') mkdirSync(path, { recursive: true, mode: FOLDER_MODE });
      else if (codeOf(error) !== 'EEXIST') throw error;
    }
    const stats = lstatSync(path);
    if (stats.uid !== (process.getuid?.() ?? stats.uid)) throw new Error(`"${path}" belongs to another user`);
    id = folderIdOf(stats);
  }

  function close(): void {
    for (const stream of LOG_STREAMS) streams[stream].close();
  }

  return {
    path,
    outputPath: file(STREAM_FILES.output),
    eventsPath: file(STREAM_FILES.events),

    create() {
      if (id === null) makeFolder();
      inside((at) => {
        for (const stream of LOG_STREAMS) streams[stream].make(at(STREAM_FILES[stream]));
      });
    },

    exists: () =>
      orNull(() => {
        inside(() => undefined);
        found ??= folderIdOf(lstatSync(path));
        return true;
      }) ?? false,

    outputPathForOthers: streams.output.pathForOthers,
    hold: (stream) => streams[stream].hold(),
    hasWritten: () => LOG_STREAMS.some((stream) => streams[stream].size() > 0),

    pathOf: file,

    writeFile({ name, mode, content }) {
      if (!FILE_NAME.test(name) || OWN_NAMES.has(name)) throw new Error(`no file can be named "${name}"`);
      given.add(name);
      write(name, content, mode);
    },

    removeFiles() {
      // the playbook can write to the request, so the names that were always used do not depend on it
      const names = isFilled ? given : new Set([...EARLIER_FILES, ...readGiven()]);
      for (const name of names) orNull(() => inside((at) => unlinkSync(at(name))));
    },

    fill(request) {
      write('request.json', `${JSON.stringify({ ...request, files: [...given] })}\n`, FILE_MODE);
      isFilled = true;
    },
    isFilled: () => isFilled,

    isStarted: () => orNull(() => inside((at) => lstatSync(at('started')))) !== null,

    readSupervisor() {
      const [, pid, startTime = '', bootId = ''] = PID.exec(read('pid')?.text ?? '') ?? [];
      const known = (value: string) => (value === '-' ? '' : value);
      return pid === undefined
        ? null
        : { pid: Number(pid), startTime: known(startTime), bootId: known(bootId) };
    },

    readEvents: streams.events.readBegin,
    readEventsEnd: streams.events.readEnd,
    readOutputEnd: streams.output.readEnd,

    readLeftOut(stream) {
      const numbers = LEFT_OUT.exec(read(LEFT_OUT_FILES[stream])?.text ?? '')
        ?.slice(1)
        .map(Number);
      if (!numbers?.every(Number.isSafeInteger)) return null;
      const [head = 0, counted = 0, lineCount = 0, uncountedBytes = 0] = numbers;
      return head <= counted + MAX_LINE_BYTES ? { head, counted, lineCount, uncountedBytes } : null;
    },

    noteLeftOut(stream, { head, counted, lineCount, uncountedBytes }) {
      const text = `${head} ${counted} ${lineCount} ${uncountedBytes}`.padEnd(LEFT_OUT_BYTES - 1);
      inside((at) => overwriteSmall(at(LEFT_OUT_FILES[stream]), `${text}\n`, FILE_MODE));
    },

    readStatus() {
      const found = read('status');
      const [, code, full] = STATUS.exec(found?.text ?? '') ?? [];
      if (!found || code === undefined || Number(code) > 255) return null;
      return { code: Number(code), wasFull: full !== undefined, at: found.stats.mtime };
    },

    markEnding: (why) => void writeOnce('ending', `${why}\n`),

    readEnding() {
      const text = read('ending')?.text;
      return text === 'canceled\n' ? 'canceled' : text === 'timedOut\n' ? 'timedOut' : null;
    },

    giveUpStart: () => writeOnce('started', ''),

    async remove() {
      close();
      try {
        inside((at) => {
          for (const name of NAMES) unlinkSync(at(name));
          // missing where an earlier version created the folder and no plugin was loaded
          orNull(() => unlinkSync(at(STREAM_FILES.events)));
        });
        rmdirSync(path);
      } catch {
        // it contains something else, is gone already, or is no longer a folder
        await removeAll(path);
        const own = id ?? found;
        if (own) await removeRenamed(path, own, isOfRun);
      } finally {
        forget();
      }
    },

    close,
  };
}

/** Names from a request, which a playbook may have changed: only names that a given file can have. */
function readNames(request: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(request);
    if (typeof value !== 'object' || value === null) return [];
    const { files = EARLIER_FILES }: { files?: unknown } = value;
    if (!Array.isArray(files)) return [];
    return (files as unknown[]).filter(
      (name): name is string => typeof name === 'string' && FILE_NAME.test(name) && !OWN_NAMES.has(name),
    );
  } catch {
    return [];
  }
}
