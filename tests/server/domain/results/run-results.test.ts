import { describe, expect, it } from 'vitest';
import { NO_COUNTS } from '../../../../server/domain/results/result-event.ts';
import { createRunResults, type RunResults } from '../../../../server/domain/results/run-results.ts';

const PLAY = { kind: 'play', play: 1, name: 'web' };
const task = (number: number, name = `task ${number}`) => ({
  kind: 'task',
  task: number,
  play: 1,
  name,
  action: 'ansible.builtin.ping',
  file: 'site.yaml',
  line: number,
  startedAt: 1_000 * number,
});
const result = (number: number, host: string, status: string, more: object = {}) => ({
  kind: 'result',
  task: number,
  host,
  status,
  ...more,
});
const item = (number: number, host: string, status: string, label: string, more: object = {}) => ({
  ...result(number, host, status, more),
  kind: 'item',
  item: label,
});

/** The results of these events; a text is taken as it is. */
function resultsOf(...events: (object | string)[]): RunResults {
  const results = createRunResults();
  const lines = events.map((event) => (typeof event === 'string' ? event : JSON.stringify(event)));
  // in two steps, as they come
  results.push(1, lines.slice(0, 3));
  if (lines.length > 3) results.push(4, lines.slice(3));
  return results;
}

const statuses = (results: RunResults) =>
  Array.from({ length: results.count }, (_, i) => {
    const { host, status, line } = results.entry(i);
    return `${line} ${host} ${status}`;
  });

describe('the results of a run', () => {
  it('count as in PLAY RECAP, and what Ansible itself says at the end replaces the sum', () => {
    const events = [
      PLAY,
      task(1),
      result(1, 'a', 'ok'),
      result(1, 'b', 'changed'),
      result(1, 'c', 'ignored', { counts: { ok: 1, changed: 1, ignored: 1 } }),
      { kind: 'counts', task: 1, host: 'a', counts: { ok: 2 } },
    ];
    expect(resultsOf(...events).recap()).toEqual([
      { ...NO_COUNTS, host: 'a', ok: 3 },
      { ...NO_COUNTS, host: 'b', ok: 1, changed: 1 },
      { ...NO_COUNTS, host: 'c', ok: 1, changed: 1, ignored: 1 },
    ]);
    const recapped = resultsOf(
      ...events,
      { kind: 'recap', ...NO_COUNTS, host: 'a', ok: 7 },
      { kind: 'recap', ...NO_COUNTS, host: 'd', failed: 1 },
    );
    expect(recapped.recap()).toMatchObject([
      { host: 'a', ok: 7 },
      { host: 'b' },
      { host: 'c' },
      { host: 'd', failed: 1 },
    ]);
  });

  it('give a failed item the status of its task, and come in one order however often one looks', () => {
    const results = resultsOf(
      PLAY,
      task(1),
      item(1, 'a', 'failed', 'one'),
      item(1, 'b', 'failed', 'one'),
      item(1, 'a', 'changed', 'two'),
      result(1, 'b', 'failed'),
      result(1, 'a', 'rescued'),
      task(2),
      item(2, 'b', 'failed', 'three'),
    );
    const known = ['5 a changed', '4 b failed', '6 b failed', '3 a rescued', '7 a rescued'];
    expect(statuses(results)).toEqual(known);
    results.end();
    results.end();
    expect(statuses(results)).toEqual([...known, '9 b failed']);
  });

  it('are found by host, status and task', () => {
    const results = resultsOf(
      PLAY,
      task(1, 'one'),
      result(1, 'a', 'ok'),
      result(1, 'b', 'failed'),
      task(2, 'two'),
      result(2, 'a', 'unreachable'),
    );
    expect(results.matching({})).toEqual([0, 1, 2]);
    expect(results.matching({ host: 'a' })).toEqual([0, 2]);
    expect(results.matching({ host: 'nobody' })).toEqual([]);
    expect(results.matching({ status: ['failed', 'unreachable'] })).toEqual([1, 2]);
    expect(results.matching({ status: [] })).toEqual([0, 1, 2]);
    expect(results.matching({ task: 'two', host: 'a' })).toEqual([2]);
  });

  it('know the plays with their tasks, and what became of these on each host', () => {
    const results = resultsOf(
      PLAY,
      task(1),
      result(1, 'a', 'ok', { finishedAt: 1_500 }),
      result(1, 'b', 'failed', { finishedAt: 1_700 }),
      { ...PLAY, play: 2, name: 'empty' },
      { ...task(2), play: 2 },
    );
    expect(results.plays()).toMatchObject([
      {
        name: 'web',
        tasks: [
          {
            name: 'task 1',
            line: 1,
            startedAt: new Date(1_000),
            finishedAt: new Date(1_700),
            hosts: [
              { host: 'a', ok: 1 },
              { host: 'b', failed: 1 },
            ],
          },
        ],
      },
      { name: 'empty', tasks: [{ finishedAt: null, hosts: [] }] },
    ]);
  });

  it('are not confused by what a playbook writes among them', () => {
    const results = resultsOf(
      'not JSON',
      '{"kind":"result"',
      '{"kind":"result","task":1,"host":{},"status":"ok"}',
      '{"kind":"result","task":1e99,"host":"a","status":"ok"}',
      '{"kind":"result","task":1,"host":"a","status":"great"}',
      '{"kind":"task","task":-1}',
      '{"kind":"recap","host":"\\ud800","ok":1e400}',
      `{"kind":"play","play":1,"name":"${'x'.repeat(10_000)}"}`,
      'null',
      '{"kind":"counts"}',
    );
    expect(results.count).toBe(0);
    expect(results.lines).toBe(10);
    expect(results.recap()).toEqual([{ ...NO_COUNTS, host: '\ufffd' }]);
    expect(results.plays()[0]?.name).toHaveLength(400);
  });
});

describe('the failures of a run', () => {
  const failed = (host: string, message: string) => result(1, host, 'failed', { message, logLine: 9 });

  it('are one for the same on many hosts, in the order in which they happened', () => {
    const results = resultsOf(
      PLAY,
      task(1),
      failed('a', 'permission denied on /etc/ssl for a'),
      failed('b', 'permission denied on /etc/ssl for b'),
      failed('c', 'no space left'),
      result(1, 'd', 'rescued', { message: 'rescued' }),
      result(1, 'e', 'ignored', { message: 'ignored' }),
      failed('a', 'permission denied on /etc/ssl for a'),
    );
    expect(results.failures()).toEqual([
      {
        hosts: ['a', 'b'],
        task: 'task 1',
        message: 'permission denied on /etc/ssl for a',
        file: 'site.yaml',
        line: 1,
        logLine: 9,
        status: 'failed',
      },
      expect.objectContaining({ hosts: ['c'], message: 'no space left' }),
    ]);
  });

  it('are one also where a host is called like a word of the cause', () => {
    const results = resultsOf(
      PLAY,
      task(1),
      failed('db', 'the db is gone: no db on db'),
      failed('no', 'the db is gone: no db on db'),
      failed('is', 'the db is gone: no db on db'),
    );
    expect(results.failures()).toMatchObject([{ hosts: ['db', 'no', 'is'] }]);
  });

  it('of items that wait for their task without end are given out', () => {
    const endless = Array.from({ length: 10_002 }, (_, i) => item(1, 'a', 'failed', `${i}`));
    const results = resultsOf(PLAY, task(1), ...endless);
    expect(results.count).toBe(2);
    results.push(10_005, [JSON.stringify(result(1, 'a', 'ignored'))]);
    expect(results.count).toBe(10_003);
    expect(results.matching({ status: ['failed'] })).toEqual([0, 1]);
  });

  it('of a loop are those of its items', () => {
    const results = resultsOf(
      PLAY,
      task(1),
      item(1, 'a', 'failed', 'one', { message: 'first' }),
      item(1, 'a', 'failed', 'two', { message: 'second' }),
      result(1, 'a', 'failed', { message: 'One or more items failed' }),
    );
    expect(results.failures().map(({ message }) => message)).toEqual(['first', 'second']);
  });

  it('are one for hosts that cannot be reached for the same reason, in whatever task', () => {
    const gone = (number: number, host: string, address: string) =>
      result(number, host, 'unreachable', {
        message: `ssh: connect to host ${address} port 22: No route to host`,
      });
    const results = resultsOf(PLAY, task(1), gone(1, 'a', '10.0.0.7'), task(2), gone(2, 'b', '10.0.0.8'));
    expect(results.failures()).toMatchObject([{ hosts: ['a', 'b'], status: 'unreachable', task: 'task 1' }]);
  });
});
