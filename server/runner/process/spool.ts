import { lstatSync, mkdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../domain/caught.ts';
import { LOG_STREAMS, type LogStream } from '../../domain/logs/run-log.ts';
import type { RunFile } from '../runner.ts';
import { inFolder, insteadOf, orNull, readSmallFile, writeNew } from './guarded-folder.ts';
import type { ProcessId } from './process-tree.ts';
import { type FolderId, folderIdOf, removeAll, removeRenamed } from './spool-removal.ts';
import { createStreamFile, type HeldFile, type StreamFile } from './stream-file.ts';

/**
 * The spool folder of one run: what the supervisor and the server tell each other through, over any crash of either.
 * The playbook runs as the same user and can change all of it, so nothing in it is believed that is known otherwise.
 *
 * | state        | reached when                                   | after a crash of the server the next one                          |
 * | ------------ | ---------------------------------------------- | ----------------------------------------------------------------- |
 * | prepared     | the server has made the folder (`create`)      | gives up the start: nothing ran                                   |
 * | armed        | the supervisor has written `pid`, and sleeps   | gives up the start and wakes it; it ends                          |
 * | requested    | the server has written `request.json` (`fill`) | gives up the start, unless the supervisor has made `started` first |
 * | started      | the supervisor has made `started`              | follows it to its end                                             |
 * | given up     | a server has made `started` (`giveUpStart`)    | finds no trace of the program, and queues the run again           |
 * | being ended  | the server has written `ending`                | goes on ending it, if its row agrees                              |
 * | ended        | the supervisor has written `status`            | stores the rest of the output and the exit code                   |
 * | removed      | the server has stored all of it (`remove`)     | finds nothing to do                                               |
 *
 * `started` is created exclusively: its creator decides whether the program runs. A supervisor that was killed leaves the
 * state that it had reached; one that is `started`, gone and without `status` is lost.
 */
export interface Spool {
  readonly path: string;
  /** Where the output was made. */
  readonly outputPath: string;
  /** Where our callback plugin tells of the run, as JSON lines. */
  readonly eventsPath: string;
  /** Makes the folder, and the file of each stream in it. Safe to call again. */
  create(): void;
  /** Whether the folder is there, and still the one that was made. */
  exists(): boolean;
  /** Path of the output for another process; it leads to the file that was made, whatever bears its name by then. */
  outputPathForOthers(): string;
  /** The file that was made for the stream, or that was found first; null when there is none. To be released. */
  hold(stream: LogStream): HeldFile | null;
  /** Whether anything was written to a stream, as far as the folder has it. */
  hasWritten(): boolean;
  /** Path of a file that the program is given. */
  pathOf(name: string): string;
  /** Gives the program a file. @throws when the name is one of the folder's own, or not plain */
  writeFile(file: Pick<RunFile, 'name' | 'mode' | 'content'>): void;
  /** Removes the files that the program was given, also by a previous process of this server. */
  removeFiles(): void;
  /** A supervisor that finds this may start. */
  fill(request: SpoolRequest): void;
  /** Whether `fill` was called. */
  isFilled(): boolean;
  /** Whether the program was started, or somebody has given it up for good. */
  isStarted(): boolean;
  /** The supervisor as the folder has it; null when it does not say. To be checked before it is used. */
  readSupervisor(): ProcessId | null;
  /** The first part of what our callback plugin told, and the last part of the output; "" where there is none. */
  readEvents(maxBytes: number): string;
  readOutputEnd(maxBytes: number): string;
  /** How the program ended, as the folder has it; null when it does not say. */
  readStatus(): SpoolStatus | null;
  /** Says for good that it was ended on purpose; the first reason stays. */
  markEnding(why: Ending): void;
  readEnding(): Ending | null;
  /**
   * Whether it is certain from now on that the program will not be started:
   * the supervisor and this call make the same file, and one of them gets it.
   */
  giveUpStart(): boolean;
  /**
   * Removes the folder with whatever is in it, also where it was renamed, and nothing that a link in it leads to.
   * @throws when something in it cannot be removed, or is mounted
   */
  remove(): Promise<void>;
  /** Closes the open files once nobody holds them. */
  close(): void;
}

/** Why a run was ended before it ended by itself. */
export type Ending = 'canceled' | 'timedOut';

export interface SpoolRequest {
  readonly startedAt: string;
  readonly timeoutMs: number | null;
}

export interface SpoolStatus {
  /** Exit status as a shell gives it. */
  readonly code: number;
  /** Whether the disk was full when it ended: then what it printed may not all be there. */
  readonly wasFull: boolean;
  /** When it was written. */
  readonly at: Date;
}

/** The spool folders of this server. */
export interface Spools {
  /** The same one each time, until it is removed. */
  of(runId: string): Spool;
  /** Ids of the runs that have a folder here, and names of what can be no run's. */
  list(): Promise<{ readonly ids: string[]; readonly others: string[] }>;
  close(): void;
}

const RUN_ID = /^[\w-]{1,64}$/;
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
/** None of the files that are read is longer than this by far. */
const MAX_BYTES = 1_024;
/** The names of some hundred files. */
const MAX_REQUEST_BYTES = 32_768;
const FILE_NAME = /^\w[\w.-]{0,63}$/;
/** Where the streams are written to. */
const STREAM_FILES: Readonly<Record<LogStream, string>> = { output: 'output.log', events: 'events.jsonl' };
/** What is in the folder of a run that has ended by itself. */
const NAMES = [STREAM_FILES.output, 'status', 'pid', 'started', 'request.json'];
/** Names that mean something else in the folder. */
const OWN_NAMES: ReadonlySet<string> = new Set([...NAMES, STREAM_FILES.events, 'ending']);
/** What an earlier version gave to programs, without saying so. */
const EARLIER_FILES: readonly string[] = ['extra-vars.yml'];
const PID = /^(\d{1,10}) (\d{1,20}|-) ([0-9a-f-]{1,36})(?: \d{1,10})?\n$/;
const STATUS = /^(\d{1,3})( full)?\n$/;

export function createSpools(runsDir: string): Spools {
  const spools = new Map<string, Spool>();
  return {
    of(runId) {
      // ids are ours; one that is not would lead out of the folder
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
      // what took a folder's place is removed as the folder would be
      const ids = names.filter((name) => RUN_ID.test(name));
      // a file system has a folder of its own
      const others = names.filter((name) => !RUN_ID.test(name) && name !== 'lost+found');
      return { ids, others };
    },

    close() {
      for (const spool of spools.values()) spool.close();
      spools.clear();
    },
  };
}

/** @param isOfRun whether this is the folder of a run that is known */
function createSpool(path: string, forget: () => void, isOfRun: (name: string) => boolean): Spool {
  const file = (name: string) => join(path, name);
  /** The folder as it was made; one that has taken its place is not it. */
  let id: FolderId | null = null;
  /** The folder as it was found first, where it was not made here. */
  let found: FolderId | null = null;
  let isFilled = false;
  /** Names of the files that the program is given. */
  const given = new Set<string>();

  const inside = <T>(work: (name: (name: string) => string) => T): T =>
    inFolder(path, id, (folder) => work((name) => join(folder, name)));
  const streamFile = (name: string) => createStreamFile(file(name), (work) => inside((at) => work(at(name))));
  const streams: Readonly<Record<LogStream, StreamFile>> = {
    output: streamFile(STREAM_FILES.output),
    events: streamFile(STREAM_FILES.events),
  };
  const read = (name: string) => orNull(() => inside((at) => readSmallFile(at(name), MAX_BYTES)));
  /** @returns false when anything bears the name */
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

  /** Names of the files that a previous process of this server has given to the program. */
  function readGiven(): readonly string[] {
    const text = orNull(() => inside((at) => readSmallFile(at('request.json'), MAX_REQUEST_BYTES)))?.text;
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
      // the playbook can write to the request: the names that were always used do not depend on it
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
    readOutputEnd: streams.output.readEnd,

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
          // not there where an earlier version made the folder and no plugin was loaded
          orNull(() => unlinkSync(at(STREAM_FILES.events)));
        });
        rmdirSync(path);
      } catch {
        // something else is in it, or it is gone already, or it is none any more
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

/** Names out of a request, which a playbook may have changed: no more than names of files that can be given. */
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
