import { randomBytes } from 'node:crypto';
import { cp, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** The data folder cannot be used, and why. */
export class DataDirError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DataDirError';
  }
}

/** The folder in which this node keeps what is its own; one server at a time. */
export interface DataDir {
  readonly path: string;
  /** The same in every life of this node, and of no other: it says whose a run is. */
  readonly workerId: string;
  /** Lets the next server in. */
  release(): Promise<void>;
}

/** @throws {DataDirError} when it cannot be written, or another server uses it */
export async function openDataDir(path: string): Promise<DataDir> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    const lock = await takeLock(join(path, 'server.lock'));
    return {
      path,
      workerId: await readWorkerId(join(path, 'worker-id')),
      release: () => rm(lock, { force: true }),
    };
  } catch (error) {
    if (error instanceof DataDirError) throw error;
    throw new DataDirError(
      `The data folder "${path}" cannot be used: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
}

/** Copies the examples to a playbook folder that does not exist yet; one that exists is left as it is, also when empty. */
export async function seedPlaybooks(playbooksDir: string, examplesDir: string): Promise<void> {
  try {
    await stat(playbooksDir);
    return;
  } catch {
    // not there: made below
  }
  // by rename, so that a start that is cut short does not leave half of them
  const making = `${playbooksDir}.${randomBytes(4).toString('hex')}.tmp`;
  await mkdir(making, { recursive: true });
  await cp(examplesDir, making, { recursive: true });
  await rename(making, playbooksDir);
}

/**
 * The lock names a process by its id and the time it was started, so that one that is left behind by a crash
 * is not mistaken for another process with the same id.
 */
async function takeLock(path: string): Promise<string> {
  const own = `${process.pid} ${(await startOf(process.pid)) ?? ''}`;
  for (let tries = 0; tries < 3; tries += 1) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(own);
      await file.close();
      return path;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const [pid = '', start = ''] = (await readFile(path, 'utf8').catch(() => '')).split(' ');
    const running = /^\d+$/.test(pid) ? await startOf(Number(pid)) : null;
    if (running !== null && running === start && Number(pid) !== process.pid) {
      throw new DataDirError(
        `Another Sible (process ${pid}) uses this data folder: ${path.slice(0, path.lastIndexOf('/'))}. Stop it first, or set SIBLE_DATA_DIR.`,
      );
    }
    await rm(path, { force: true });
  }
  throw new DataDirError(`The lock "${path}" cannot be taken.`);
}

/** When a process was started, in a form that is only good for comparing; null when there is none. */
async function startOf(pid: number): Promise<string | null> {
  if (process.platform === 'linux') {
    try {
      const line = await readFile(`/proc/${pid}/stat`, 'utf8');
      // the name of the program may hold blanks; the 22nd field is the 20th behind it (proc(5))
      return line.slice(line.lastIndexOf(')') + 2).split(' ')[19] ?? null;
    } catch {
      return null;
    }
  }
  try {
    process.kill(pid, 0);
    return 'running';
  } catch {
    return null;
  }
}

async function readWorkerId(path: string): Promise<string> {
  const known = (await readFile(path, 'utf8').catch(() => '')).trim();
  if (known !== '') return known;
  const id = `${hostname().slice(0, 60)}-${randomBytes(4).toString('hex')}`;
  const temporary = `${path}.tmp`;
  await writeFile(temporary, `${id}\n`, { mode: 0o600 });
  await rename(temporary, path);
  return id;
}
