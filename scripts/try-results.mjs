#!/usr/bin/env node
// `node --import tsx scripts/try-results.mjs [--ansible FILE] [--runner FILE] [--secret PATTERN] [--report FILE] FOLDER…`:
// runs each playbook of the folders with one Ansible, once without our callback plugin and once with it, on copies. FOLDER
// may be a target of Ansible's own integration tests. Compares what Ansible printed, and our results with PLAY RECAP and
// with the log; with `--runner` (an ansible-runner beside an Ansible of its own), also with that program's job events.
// Prints a table, and each difference; ends with 1 when there is one.
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { compareResults, normalized } from './try-results/compare.mjs';
import { ANSIBLE, playbooksIn, runOnce, runWitness } from './try-results/run.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ansible: { type: 'string', default: ANSIBLE },
    runner: { type: 'string' },
    secret: { type: 'string', default: 'DO_NOT_LOG|PLANTED' },
    report: { type: 'string' },
    jobs: { type: 'string', default: String(availableParallelism()) },
  },
});
if (positionals.length === 0) {
  console.error(
    'usage: try-results.mjs [--ansible FILE] [--runner FILE] [--secret PATTERN] [--report FILE] FOLDER…',
  );
  process.exit(2);
}
const secret = new RegExp(values.secret);
const all = [];
for (const folder of positionals) {
  const entries = [];
  const waiting = playbooksIn(folder);
  const next = async () => {
    for (let playbook = waiting.shift(); playbook; playbook = waiting.shift())
      entries.push(await tryPlaybook(folder, playbook));
  };
  await Promise.all(Array.from({ length: Number(values.jobs) }, next));
  all.push({ folder, entries });
  console.log(JSON.stringify(rowOf({ folder, entries })));
  for (const { playbook, differences } of entries)
    for (const difference of differences) console.log(`       ${playbook}: ${difference}`);
}
console.table(all.map(rowOf));
if (values.report) writeFileSync(values.report, JSON.stringify(all, null, 1));
if (all.some(({ entries }) => entries.some(({ differences }) => differences.length > 0)))
  process.exitCode = 1;

function rowOf({ folder, entries }) {
  const count = (test) => entries.filter(test).length;
  return {
    folder: basename(folder),
    playbooks: entries.length,
    'with a recap': count(({ recapped }) => recapped),
    results: entries.reduce((sum, { results }) => sum + results, 0),
    'differs by itself': count(({ isUnsteady }) => isUnsteady),
    'output differs': count(({ kinds }) => kinds.includes('output')),
    'counts differ': count(({ kinds }) => kinds.includes('counts')),
    'line of log differs': count(({ kinds }) => kinds.includes('line')),
    'witness differs': count(({ kinds }) => kinds.includes('witness')),
    'warning or secret': count(({ kinds }) => kinds.includes('warning') || kinds.includes('secret')),
    'timed out': count(({ isTimedOut }) => isTimedOut),
  };
}

async function tryPlaybook(folder, playbook) {
  const bare = await runOnce(values.ansible, folder, playbook, false);
  const ours = await runOnce(values.ansible, folder, playbook, true);
  const isTimedOut = bare.isTimedOut || ours.isTimedOut;
  const found = compareResults(ours, secret);
  let isUnsteady = false;
  if (!isTimedOut && (normalized(bare) !== normalized(ours) || bare.code !== ours.code)) {
    const again = await runOnce(values.ansible, folder, playbook, false);
    isUnsteady = normalized(bare) !== normalized(again);
    if (!isUnsteady) found.differences.push(['output', firstDifference(normalized(bare), normalized(ours))]);
  }
  if (values.runner && !isTimedOut && !isUnsteady)
    found.differences.push(...(await runWitness(values.runner, folder, playbook, found.rows)));
  const { results, recapped, differences } = found;
  return {
    playbook,
    results,
    recapped,
    isTimedOut,
    isUnsteady,
    kinds: differences.map(([kind]) => kind),
    differences: differences.map(([kind, text]) => `${kind}: ${text}`),
  };
}

function firstDifference(a, b) {
  const [x, y] = [a.split('\n'), b.split('\n')];
  const at = x.findIndex((line, i) => line !== y[i]);
  return `line ${at + 1}: ${JSON.stringify(x[at])} without, ${JSON.stringify(y[at])} with the plugin`;
}
