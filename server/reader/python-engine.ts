import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { PlaybookVerdict } from '../domain/playbooks/playbook-check.ts';
import type { Engine } from './lane.ts';

const PROGRAM = fileURLToPath(new URL('reader.py', import.meta.url));
const START_MS = 20_000;

/**
 * Reads with PyYAML, in a process of Ansible's Python.
 * @throws when that Python cannot be started or lacks PyYAML
 */
export async function startPython(python: string, environment: NodeJS.ProcessEnv): Promise<Engine> {
  const child = spawn(python, ['-B', PROGRAM], {
    cwd: '/',
    env: environment,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let tell: ((line: string | null) => void) | null = null;
  let hasEnded = false;
  const settle = (line: string | null) => {
    const waiting = tell;
    tell = null;
    waiting?.(line);
  };
  const onEnd = () => {
    hasEnded = true;
    settle(null);
  };
  child.on('error', onEnd).on('close', onEnd);
  // the process ended before reading everything; then there is no answer either
  child.stdin.on('error', () => undefined);
  createInterface({ input: child.stdout }).on('line', settle);
  const nextLine = () =>
    new Promise<string | null>((resolve) => {
      if (hasEnded) resolve(null);
      else tell = resolve;
    });

  const late = setTimeout(() => child.kill('SIGKILL'), START_MS);
  const ready = await nextLine();
  clearTimeout(late);
  if (ready === null) throw new Error(`"${python}" cannot read YAML: it did not start, or has no PyYAML.`);
  return {
    async ask(bytes) {
      const answer = nextLine();
      const header = Buffer.alloc(4);
      header.writeUInt32BE(bytes.length);
      child.stdin.write(header);
      child.stdin.write(bytes);
      const line = await answer;
      if (line === null) return null;
      const { isLast, verdict } = JSON.parse(line) as { isLast: boolean; verdict: PlaybookVerdict };
      if (isLast) hasEnded = true;
      return verdict;
    },
    isAlive: () => !hasEnded && child.exitCode === null && child.signalCode === null,
    end: () => child.kill('SIGKILL'),
  };
}

/** The Python that `ansible-playbook --version` reports; null when it reports none. */
export async function pythonByVersion(
  ansiblePlaybook: string,
  environment: NodeJS.ProcessEnv,
): Promise<string | null> {
  const child: ChildProcess = spawn(ansiblePlaybook, ['--version'], {
    cwd: '/',
    env: environment,
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: START_MS,
    killSignal: 'SIGKILL',
  });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    if (output.length < 65_536) output += chunk.toString();
  });
  const hasEnded = await once(child, 'close').catch(() => null);
  const line = output.split('\n').find((one) => one.trimStart().startsWith('python version = '));
  const path = line?.slice(line.lastIndexOf('(') + 1, line.lastIndexOf(')')) ?? '';
  return hasEnded && path.startsWith('/') ? path : null;
}
