import { createLogSplitter } from '../../server/domain/logs/log-splitter.ts';
import { hostResultOf } from '../../server/domain/results/host-result.ts';
import { createRunResults } from '../../server/domain/results/run-results.ts';

const RECAP =
  /^(\S+) +: ok=(\d+) +changed=(\d+) +unreachable=(\d+) +failed=(\d+) +skipped=(\d+) +rescued=(\d+) +ignored=(\d+)/;
/** How the default callback begins what it prints of a result. */
const PRINTED = /^(?:ok|changed|skipping|fatal|failed|\.\.\.ignoring)(?:: \[([^\]\s]+))?/;
/** Printed as "included: FILE for HOST", after its result. */
const INCLUDES = /(?:^|\.)include_(?:tasks|role)$|^include$/;

/** What differs in each run, however it is started. */
const VOLATILE = [
  [/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?/g, 'TIME'],
  [/\b\d+:\d\d:\d\d\.\d+/g, 'DURATION'],
  [/ansible-tmp-[\d.]+-\d+-\d+/g, 'TEMPORARY'],
  [/ansible-local-\w+/g, 'LOCAL'],
  [/ansible[._-]\w{6,10}\b/g, 'TEMPORARY'],
  [/tmp[\w]{8}\b/g, 'TEMPORARY'],
  [/\bj?\d{6,}\.\d+/g, 'JOB'],
  [/0x[0-9a-f]{6,16}/g, 'ADDRESS'],
  [/\b(pid|PID|ppid|inode|mtime|atime|ctime|ansible_job_id)(["']?[:=] ?)"?[\d.]+/g, '$1$2N'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, 'UUID'],
];

export function normalized({ output }) {
  let text = output.toString('latin1');
  for (const [pattern, name] of VOLATILE) text = text.replace(pattern, name);
  return text;
}

/** @returns what our results say, and where that differs from what Ansible printed */
export function compareResults({ output, events }, secret) {
  const log = linesOf(output);
  const lines = events.trimEnd().split('\n');
  const [full, summed] = [
    collected(lines),
    collected(lines.filter((line) => !/^\{"kind": ?"recap"/.test(line))),
  ];
  const rows = Array.from({ length: full.count }, (_, i) => {
    const entry = full.entry(i);
    return { ...hostResultOf(entry, lines[entry.line - 1] ?? ''), at: entry.line };
  });
  const printed = printedRecap(log);
  const differences = [];
  for (const [name, recap] of [
    ['at the end', full.recap()],
    ['summed up', summed.recap()],
  ]) {
    const difference = printed.size === 0 ? null : recapDifference(printed, recap);
    if (difference) differences.push(['counts', `${name}: ${difference}`]);
  }
  if (full.broken !== null) differences.push(['warning', `stopped: ${full.broken}`]);
  if (full.begin === null && printed.size > 0) differences.push(['warning', 'not loaded']);
  const warning = log.find((line) => /\bsible/i.test(line.replaceAll(/\/\S*sible\S*/g, '')));
  if (warning) differences.push(['warning', warning]);
  const leak = lines.find((line) => secret.test(line));
  if (leak) differences.push(['secret', leak.slice(0, 400)]);
  const misplaced = misplacedLine(rows, log);
  if (misplaced) differences.push(['line', misplaced]);
  const long = lines.find((line) => line.length >= 65_536);
  if (long) differences.push(['line', 'an event is longer than a line']);
  return { rows, results: rows.length, recapped: printed.size > 0, differences };
}

function collected(lines) {
  const results = createRunResults();
  results.push(1, lines);
  results.end();
  return results;
}

function linesOf(output) {
  const splitter = createLogSplitter(0);
  const parts = [splitter.push(output), splitter.end()].flatMap((part) =>
    part === null ? [] : [part.bytes],
  );
  return Buffer.concat(parts.flatMap((part) => [part, Buffer.from('\n')]))
    .toString()
    .split('\n');
}

/** Of the last one in the log: playbooks print those of other programs that they start. */
function printedRecap(log) {
  const from = log.findLastIndex((line) => line.startsWith('PLAY RECAP ***'));
  const found = new Map();
  if (from === -1) return found;
  for (const line of log.slice(from)) {
    const match = RECAP.exec(line);
    if (match) found.set(match[1], match.slice(2).map(Number).join());
  }
  return found;
}

function recapDifference(printed, recap) {
  const ours = new Map(
    recap.map(({ host, ok, changed, unreachable, failed, skipped, rescued, ignored }) => [
      host,
      [ok, changed, unreachable, failed, skipped, rescued, ignored].join(),
    ]),
  );
  for (const [host, counts] of printed)
    if (ours.get(host) !== counts) return `${host} printed ${counts}, ours ${ours.get(host)}`;
  for (const [host, counts] of ours) if (!printed.has(host)) return `${host} ours ${counts}, not printed`;
  return null;
}

/** Where a result is not among the lines that end at its line of the log. */
function misplacedLine(rows, log) {
  let before = 0;
  for (const { host, task, action, status, logLine, item } of [...rows].sort((a, b) => a.at - b.at)) {
    if (logLine === null) return `${task} on ${host} has no line`;
    const from = before;
    before = logLine;
    if (
      INCLUDES.test(action) ||
      (item === null && rows.some((row) => row.item !== null && row.task === task))
    )
      continue;
    const hosts = log.slice(from, logLine).flatMap((line) => PRINTED.exec(line)?.[1] ?? []);
    if (hosts.length > 0 && hosts.at(-1) !== host)
      return `${task} on ${host} (${status}) ends at ${logLine}, where ${hosts.at(-1)} was printed`;
  }
  return null;
}
