import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type AnsibleRunnerOptions, createAnsibleRunner } from '../../server/runner/ansible-runner.ts';
import type { Runner, RunProcess, StreamPiece } from '../../server/runner/runner.ts';
import { TIMINGS } from '../../server/timings.ts';
import { NO_PARAMETERS } from '../../shared/run-parameters.ts';
import { makeTempDir } from './temp-dir.ts';

/** Where the playbooks of a runner of these tests lie. */
const roots = new WeakMap<Runner, string>();

/** A runner whose program notes that it was started, and does what `$1` says. */
export async function makeRunner(
  script = 'echo started',
  { cancelGraceMs = 200, ...more }: Partial<AnsibleRunnerOptions> & { cancelGraceMs?: number } = {},
) {
  const folder = await makeTempDir();
  const [playbooksDir, dataDir] = [join(folder.path, 'playbooks'), join(folder.path, 'data')];
  mkdirSync(playbooksDir);
  mkdirSync(join(dataDir, 'runs'), { recursive: true });
  const program = join(folder.path, 'program');
  writeFileSync(program, `#!/bin/sh\n${script}\n`);
  chmodSync(program, 0o755);
  const warnings: string[] = [];
  const runners: Runner[] = [];
  onTestFinished(async () => {
    for (const runner of runners) await runner.close();
    await folder.remove();
  });
  /** Another one on the same data, as after a restart. */
  const restart = () => {
    const runner = createAnsibleRunner({
      ansiblePlaybook: program,
      dataDir,
      timings: { ...TIMINGS.runner, cancelGraceMs },
      onWarning: (message) => warnings.push(message),
      ...more,
    });
    runners.push(runner);
    roots.set(runner, playbooksDir);
    return runner;
  };
  const runner = restart();
  const spool = (runId: string, name: string) => join(dataDir, 'runs', runId, name);
  return { runner, restart, spool, program, warnings, folder: folder.path };
}

export const request = (runner: Runner, runId: string) => ({
  runId,
  workspace: runner.workspaceOf(roots.get(runner) ?? '/tmp', 'a.yaml', NO_PARAMETERS),
  playbook: 'a.yaml',
  parameters: NO_PARAMETERS,
  files: [],
  timeoutMs: null,
});

/** What is stored of a run that was started. */
export const known = (runId: string) => ({
  runId,
  startedAt: new Date(),
  timeoutMs: null,
  isCancelRequested: false,
});

/** What was left out stands in it as "[100 to 200, 7 lines]". */
export function textOf(piece: StreamPiece): string {
  return piece instanceof Uint8Array
    ? Buffer.from(piece).toString()
    : `[${piece.from} to ${piece.to}, ${piece.lineCount} lines]`;
}

/** All that it prints, until it has ended. */
export async function outputOf(process: RunProcess): Promise<string> {
  let text = '';
  for await (const piece of process.read('output', 0)) text += textOf(piece);
  return text;
}

/** State of the process whose id a supervisor has written; null while it has not, or when it is gone. */
export function stateOf(pidFile: string): string | null {
  try {
    const [pid] = readFileSync(pidFile, 'utf8').split(' ');
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  } catch {
    return null;
  }
}
