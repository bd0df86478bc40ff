import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../domain/caught.ts';

/** The spool folder of one run: what the supervisor and the server tell each other through, over any crash of either. */
export interface Spool {
  readonly path: string;
  readonly outputPath: string;
  readonly extraVarsPath: string;
  /** What our callback plugin tells of the run, as JSON lines. A playbook can write there, too. */
  readonly eventsPath: string;
  /** When and with what limit it was started; null when it was not. */
  readRequest(): SpoolRequest | null;
  /** Writes down when and with what limit it is started: a supervisor that finds this may start. */
  fill(request: SpoolRequest): void;
  /** Whether the program was started, or somebody has given it up for good. */
  isStarted(): boolean;
  /** The supervisor; null when it has not written its id yet. */
  readSupervisor(): SupervisorId | null;
  /** How the program ended; null when that is not written. */
  readStatus(): SpoolStatus | null;
  /** Says for good that it was ended on purpose; the first reason stays. */
  markEnding(why: Ending): Promise<void>;
  readEnding(): Ending | null;
  /**
   * Whether it is certain from now on that the program never ran and never will:
   * the supervisor and this call make the same file, and one of them gets it.
   */
  giveUpStart(): Promise<boolean>;
  exists(): Promise<boolean>;
  create(): void;
  remove(): Promise<void>;
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

export interface SupervisorId {
  readonly pid: number;
  /** In clock ticks since the boot, proc(5); "" where the system does not tell. */
  readonly startTime: string;
  readonly bootId: string;
}

const RUN_ID = /^[\w-]{1,64}$/;
const FOLDER_MODE = 0o700;
/** What is in the folder of a run that has ended by itself. */
const NAMES = ['output.log', 'status', 'pid', 'started', 'request.json'];

export function spoolOf(runsDir: string, runId: string): Spool {
  // ids are ours; one that is not would lead out of the folder
  if (!RUN_ID.test(runId)) throw new Error(`"${runId}" is no id of a run.`);
  const path = join(runsDir, runId);
  const file = (name: string) => join(path, name);

  return {
    path,
    outputPath: file('output.log'),
    extraVarsPath: file('extra-vars.yml'),
    eventsPath: file('events.jsonl'),

    readRequest() {
      const text = readWhole(file('request.json'));
      return text === null ? null : (JSON.parse(text) as SpoolRequest);
    },

    fill(request) {
      // without waiting: each wait would cost more than the small file does; the launcher makes output.log, if it lives
      writeFileSync(file('output.log'), '', { flag: 'a', mode: 0o600 });
      writeFileSync(file('request.json'), `${JSON.stringify(request)}\n`);
    },

    isStarted: () => existsSync(file('started')),

    readSupervisor() {
      const text = readWhole(file('pid'));
      if (text === null) return null;
      const [pid = '', startTime = '', bootId = ''] = text.trim().split(' ');
      const known = (value: string) => (value === '-' ? '' : value);
      return { pid: Number(pid), startTime: known(startTime), bootId: known(bootId) };
    },

    readStatus() {
      const text = readWhole(file('status'));
      if (text === null) return null;
      const { mtime } = statSync(file('status'));
      const [code, full] = text.trim().split(' ');
      return { code: Number(code), wasFull: full === 'full', at: mtime };
    },

    async markEnding(why) {
      await writeFile(file('ending'), `${why}\n`, { flag: 'wx' }).catch((error: unknown) => {
        if (codeOf(error) !== 'EEXIST') throw error;
      });
    },

    readEnding() {
      const text = readWhole(file('ending'))?.trim();
      return text === 'canceled' || text === 'timedOut' ? text : null;
    },

    async giveUpStart() {
      try {
        await writeFile(file('started'), '', { flag: 'wx' });
        return true;
      } catch (error) {
        if (codeOf(error) === 'EEXIST') return false;
        throw error;
      }
    },

    exists: () =>
      stat(path).then(
        () => true,
        (error: unknown) => {
          if (codeOf(error) === 'ENOENT') return false;
          throw error;
        },
      ),

    create() {
      mkdirSync(path, { recursive: true, mode: FOLDER_MODE });
    },

    async remove() {
      try {
        for (const name of NAMES) unlinkSync(file(name));
        rmSync(file('events.jsonl'), { force: true });
        rmdirSync(path);
      } catch {
        // something else is in it, or it is gone already
        await rm(path, { recursive: true, force: true });
      }
    },
  };
}

export async function listSpools(runsDir: string): Promise<string[]> {
  const entries = await readdir(runsDir, { withFileTypes: true }).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  });
  // what else may be there (lost+found) is nobody's run
  return entries.filter((entry) => entry.isDirectory() && RUN_ID.test(entry.name)).map(({ name }) => name);
}

/** Text of a file that ends in a newline; null when it is not there, or not whole yet. */
function readWhole(path: string): string | null {
  try {
    const text = readFileSync(path, 'utf8');
    return text.endsWith('\n') ? text : null;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
