import { open } from 'node:fs/promises';
import { createLane, type Engine } from './lane.ts';
import { pythonByVersion, startPython } from './python-engine.ts';
import type { PlaybookReader } from './reader.ts';
import { startThread } from './thread-engine.ts';

export interface AnsibleReaderOptions {
  readonly ansiblePlaybook: string;
  /** The environment of the server. */
  readonly environment: NodeJS.ProcessEnv;
  onWarning(message: string): void;
}

/** What Python needs to find its modules; contains no secrets. */
const PASSED = ['PATH', 'HOME', 'PYTHONPATH', 'PYTHONHOME', 'LD_LIBRARY_PATH'];
/** Ansible may be installed or moved while the server runs, so look for it again. */
const LOOK_AGAIN_MS = 60_000;

/**
 * Reads playbooks as Ansible does, with Ansible's own Python, or with our own parser while that Python cannot
 * be found.
 */
export function createAnsibleReader(options: AnsibleReaderOptions): PlaybookReader {
  const environment: NodeJS.ProcessEnv = { LANG: 'C.UTF-8' };
  for (const name of PASSED)
    if (options.environment[name] !== undefined) environment[name] = options.environment[name];
  let python: string | null = null;
  let lookAgainAt = 0;
  let looking: Promise<void> | null = null;
  /** It has shown that its Python can read, and serves whoever comes first. */
  let proven: Engine | null = null;

  async function look(): Promise<void> {
    for (const find of [pythonByShebang, pythonByVersion]) {
      const found = await find(options.ansiblePlaybook, environment).catch(() => null);
      proven = found === null ? null : await startPython(found, environment).catch(() => null);
      if (!proven) continue;
      python = found;
      return;
    }
    lookAgainAt = Date.now() + LOOK_AGAIN_MS;
    options.onWarning(
      `The Python of "${options.ansiblePlaybook}" was not found: playbooks are read with a parser of our own, which is stricter than Ansible's.`,
    );
  }

  async function start(): Promise<Engine> {
    if (python === null && Date.now() >= lookAgainAt) {
      looking ??= look().finally(() => {
        looking = null;
      });
      await looking;
    }
    const first = proven;
    proven = null;
    if (first?.isAlive()) return first;
    const engine = python === null ? null : await startPython(python, environment).catch(() => null);
    if (engine) return engine;
    // Python may have been moved
    python = null;
    return startThread();
  }

  const urgent = createLane(start);
  const other = createLane(start);
  return {
    read: (bytes, isUrgent) => (isUrgent ? urgent : other).read(bytes),
    close() {
      urgent.close();
      other.close();
    },
  };
}

/** The interpreter in the program's shebang; null when that is not Python. */
async function pythonByShebang(program: string): Promise<string | null> {
  const file = await open(program);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1_024), 0, 1_024, 0);
    const [first = '', second = ''] = buffer.subarray(0, bytesRead).toString('utf8').split('\n');
    if (!first.startsWith('#!')) return null;
    const words = first.slice(2).trim().split(/\s+/);
    const [interpreter = ''] = words;
    if (isPython(interpreter)) return interpreter;
    if (interpreter.endsWith('/env')) return words.slice(1).find(isPython) ?? null;
    // pip writes this when the path is too long for a shebang, or contains a space:
    // '''exec' "/path/python" "$0" "$@"
    if (!second.startsWith("'''exec' ")) return null;
    const command = second.slice("'''exec' ".length);
    const quoted = command.startsWith('"') ? command.split('"')[1] : command.split(' ')[0];
    return quoted && isPython(quoted) ? quoted : null;
  } finally {
    await file.close();
  }
}

function isPython(program: string): boolean {
  return /^(?:python|pypy)[\d.]*$/.test(program.slice(program.lastIndexOf('/') + 1));
}
