import { attacks } from './attacks.ts';
import { bundle } from './bundle.ts';
import { creates } from './creates.ts';
import { dueTogether, fireLatency } from './fires.ts';
import { lists, runHistory } from './lists.ts';
import { logCapture } from './log-capture.ts';
import { logLatency, logRate } from './log-latency.ts';
import { describeMachine, type Measure, tableOf } from './measure.ts';
import { playbookList } from './playbook-list.ts';
import { playbookOverhead } from './playbook-overhead.ts';
import { idle, secondStart } from './process.ts';
import { subscribers } from './subscribers.ts';

/** `npm run bench`: all; `npm run bench -- NAME...`: some. One JSON line for each figure, then a table of all. */
const MEASURES: Readonly<Record<string, () => Promise<Measure[]>>> = {
  'fire-latency': fireLatency,
  'due-together': dueTogether,
  'playbook-overhead': playbookOverhead,
  'log-capture': logCapture,
  'log-latency': logLatency,
  'log-rate': logRate,
  subscribers,
  lists,
  'run-history': runHistory,
  creates,
  'playbook-list': playbookList,
  'second-start': secondStart,
  idle,
  bundle,
  attacks,
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in MEASURES));
if (unknown.length > 0) {
  console.error(
    `There is no measure "${unknown.join('", "')}"; there are: ${Object.keys(MEASURES).join(', ')}.`,
  );
  process.exit(1);
}

console.log(JSON.stringify({ machine: describeMachine() }));
const measures: Measure[] = [];
for (const [name, measure] of Object.entries(MEASURES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  for (const figure of await measure()) {
    measures.push(figure);
    console.log(JSON.stringify(figure));
  }
}
console.log(`\n${tableOf(measures)}`);
