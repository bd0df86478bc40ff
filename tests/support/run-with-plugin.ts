import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createLogSplitter } from '../../server/domain/logs/log-splitter.ts';
import { type HostResult, hostResultOf } from '../../server/domain/results/host-result.ts';
import { createRunResults, type RunResults } from '../../server/domain/results/run-results.ts';
import { callbackEnvironment } from '../../server/runner/ansible/callback-path.ts';
import { findAnsible } from './ansible.ts';
import { makeTempDir } from './temp-dir.ts';

const INVENTORY = `a ansible_connection=local
b ansible_connection=local
c ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1
[all:vars]
ansible_python_interpreter={{ ansible_playbook_python }}
`;

export interface Told {
  readonly events: string;
  /** Lines of the log as Sible stores them. */
  readonly log: readonly string[];
  readonly results: RunResults;
  /** Runs it once more without our plugin. @returns what was printed */
  bare(): string;
  readonly all: readonly HostResult[];
}

/** Runs real Ansible with our plugin, its output in a file as in a run. */
export async function runWithPlugin(
  files: Readonly<Record<string, string>>,
  ...words: string[]
): Promise<Told> {
  const folder = await makeTempDir();
  onTestFinished(() => folder.remove());
  const file = (name: string) => join(folder.path, name);
  const env = { PATH: '/usr/bin:/bin', HOME: folder.path, LC_ALL: 'C.UTF-8' };
  const writeFiles = () => {
    for (const [name, content] of Object.entries({ 'hosts.ini': INVENTORY, ...files }))
      writeFileSync(file(name), content);
  };
  const play = (to: string, more: Readonly<Record<string, string | null>>) => {
    // as they were, if it ran before
    writeFiles();
    const output = openSync(file(to), 'a');
    spawnSync(findAnsible(), ['-i', 'hosts.ini', 'play.yaml', ...words], {
      cwd: folder.path,
      env: { ...env, ...more } as NodeJS.ProcessEnv,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    return readFileSync(file(to), 'utf8');
  };
  // it also reads ansible.cfg
  writeFiles();
  play('output.log', {
    ...callbackEnvironment(env, folder.path).environment,
    SIBLE_EVENTS: file('events.jsonl'),
    SIBLE_ROOT: folder.path,
  });
  const events = readFileSync(file('events.jsonl'), 'utf8');
  const lines = events.trimEnd().split('\n');
  const results = createRunResults();
  results.push(1, lines);
  results.end();
  const all = Array.from({ length: results.count }, (_, i) => {
    const entry = results.entry(i);
    return hostResultOf(entry, lines[entry.line - 1] ?? '');
  });
  const splitter = createLogSplitter(0);
  const bytes = readFileSync(file('output.log'));
  const parts = [splitter.push(bytes), splitter.end()].flatMap((part) => (part === null ? [] : [part.bytes]));
  return {
    events,
    log: Buffer.concat(parts.flatMap((part) => [part, Buffer.from('\n')]))
      .toString()
      .split('\n'),
    results,
    all,
    bare: () => play('bare.log', {}),
  };
}

const RECAP =
  /^(\S+) +: ok=(\d+) +changed=(\d+) +unreachable=(\d+) +failed=(\d+) +skipped=(\d+) +rescued=(\d+) +ignored=(\d+)/;

/** What Ansible itself prints at the end. */
export function printedRecap(log: readonly string[]) {
  return log.flatMap((line) => {
    const found = RECAP.exec(line);
    if (!found) return [];
    const [host = '', ...counts] = found.slice(1);
    const [ok, changed, unreachable, failed, skipped, rescued, ignored] = counts.map(Number);
    return [{ host, ok, changed, unreachable, failed, skipped, rescued, ignored }];
  });
}

export const byHost = (rows: readonly { readonly host: string }[]) =>
  [...rows].sort((x, y) => (x.host < y.host ? -1 : 1));

export const told = (all: readonly HostResult[]) =>
  all
    .map(({ task, host, status, item }) => `${task} ${host} ${status}${item === null ? '' : ` [${item}]`}`)
    .sort();
