import { describe, expect, it } from 'vitest';
import { readChunks } from '../../../../server/domain/logs/log-chunk.ts';
import type { Run } from '../../../../server/domain/runs/run.ts';
import type { StoredLog } from '../../../../server/services/logs/stored-log.ts';
import { createRunResultService } from '../../../../server/services/results/run-result-service.ts';
import { TESTER } from '../../../support/actor.ts';
import { makePage, makeRun } from '../../../support/make.ts';
import { waitUntil } from '../../../support/wait-until.ts';

const BEGIN = { kind: 'begin', format: 2, ansible: '2.19.14' };
const PLAY = { kind: 'play', play: 1, name: 'web' };
const TASK = { kind: 'task', task: 1, play: 1, name: 'copy', action: 'copy', startedAt: 1 };
const result = (host: string, more: object = {}) => ({
  kind: 'result',
  task: 1,
  host,
  status: 'ok',
  ...more,
});

/** A growing log in memory. */
function makeLog(lines: string[]): StoredLog {
  const head = () => ({ totalLines: lines.length, endOffset: 0 });
  return {
    async read(_runId, after, limits) {
      const bytes = Buffer.from(lines.join('\n'));
      return readChunks(after, limits, (line) =>
        line <= lines.length ? [{ firstLine: 1, lineCount: lines.length, bytes }] : [],
      );
    },
    head: async () => head(),
    heads: async (ids) => new Map(ids.map((id) => [id, head()])),
  };
}

function make(events: readonly object[], run: Partial<Run> = {}, printed: string[] = []) {
  const lines = events.map((event) => JSON.stringify(event));
  let current = makeRun({ status: 'running', ...run });
  const waiting = new Set<() => void>();
  const watch = {
    news: 0,
    get isEnded() {
      return current.status !== 'running';
    },
    asking: null,
    untilNews: (seen: number) =>
      seen === watch.news ? new Promise<void>((resolve) => waiting.add(resolve)) : Promise.resolve(),
    readers: 0,
    release: () => {
      watch.readers -= 1;
    },
  };
  const wake = () => {
    watch.news += 1;
    for (const resume of waiting) resume();
    waiting.clear();
  };
  const take = () => {
    watch.readers += 1;
    return watch;
  };
  const service = createRunResultService({
    runs: { find: async (id) => (id === current.id ? current : null) },
    events: { log: makeLog(lines), watches: { watch: take, closing: new AbortController().signal } },
    log: makeLog(printed),
    root: '/playbooks',
  });
  return {
    service,
    readers: () => watch.readers,
    waiting: () => waiting.size,
    run: () => current,
    tell(...more: object[]) {
      lines.push(...more.map((event) => JSON.stringify(event)));
      wake();
    },
    end(end: Partial<Run>) {
      current = { ...current, ...end };
      wake();
    },
  };
}

describe('the results of a run', () => {
  const hosts = ['a', 'b', 'c', 'd', 'e'];
  const all = [BEGIN, PLAY, TASK, ...hosts.map((host) => result(host))];

  it('are paged in both directions, also under a filter', async () => {
    const { service, run } = make(all);
    const page = async (request: object, filter = {}) => {
      const { items, hasMore } = await service.list(TESTER, run(), filter, makePage(request));
      return {
        hosts: items.map(({ node }) => node.host).join(''),
        hasMore,
        cursor: items.at(-1)?.cursor ?? null,
        first: items[0]?.cursor ?? null,
      };
    };
    const first = await page({ limit: 2 });
    expect(first).toMatchObject({ hosts: 'ab', hasMore: true });
    const second = await page({ limit: 2, cursor: first.cursor });
    expect(second).toMatchObject({ hosts: 'cd', hasMore: true });
    expect(await page({ limit: 2, cursor: second.cursor })).toMatchObject({ hosts: 'e', hasMore: false });
    const last = await page({ limit: 2, backward: true });
    expect(last).toMatchObject({ hosts: 'de', hasMore: true });
    expect(await page({ limit: 5, backward: true, cursor: last.first })).toMatchObject({
      hosts: 'abc',
      hasMore: false,
    });
    expect(await page({ limit: 5 }, { host: 'c' })).toMatchObject({ hosts: 'c', hasMore: false });
    expect(await page({ limit: 5, cursor: second.cursor }, { host: 'c' })).toMatchObject({
      hosts: '',
      hasMore: false,
    });
    expect(await service.count(TESTER, run(), { status: ['failed'] })).toBe(0);
    await expect(page({ cursor: 'nonsense' })).rejects.toThrow('is not a cursor');
  });

  it('are read as they come by many at once, each once, until the run has ended', async () => {
    const { service, run, tell, end, readers, waiting } = make([BEGIN, PLAY, TASK, result('a')]);
    const tail = await service.tail(TESTER, run().id, 0);
    const shown = async (from: typeof tail) =>
      (await from.next()).value?.map(({ host, status }) => `${host} ${status}`);
    expect(await shown(tail)).toEqual(['a ok']);
    const next = shown(tail);
    await waitUntil(() => waiting() === 1);
    tell(result('b'), result('c', { status: 'changed' }));
    expect(await next).toEqual(['b ok', 'c changed']);
    const later = await service.tail(TESTER, run().id, 2);
    expect(await shown(later)).toEqual(['c changed']);
    const ends = [tail.next(), later.next()];
    await waitUntil(() => waiting() === 2);
    tell({ ...result('d', { status: 'failed' }), kind: 'item', item: 'x' });
    await waitUntil(() => waiting() === 2);
    // its task did not end, so its failure counts
    end({ status: 'failed' });
    for (const last of await Promise.all(ends))
      expect(last.value).toMatchObject([{ host: 'd', status: 'failed' }]);
    expect([(await tail.next()).done, (await later.next()).done]).toEqual([true, true]);
    expect(readers()).toBe(0);
  });

  it('are refused for no run, and for a number that is none', async () => {
    const { service, run } = make(all);
    await expect(service.tail(TESTER, 'nothing', 0)).rejects.toThrow('There is no run "nothing".');
    await expect(service.tail(TESTER, run().id, -1)).rejects.toThrow('"after" is -1');
  });

  it('hold a diff of several lines', async () => {
    const diff = (text: string) => ({ kind: 'diff', text });
    const { service, run } = make([BEGIN, PLAY, TASK, diff('-a\n'), diff('+b\n'), result('a', { diffs: 2 })]);
    const { items } = await service.list(TESTER, run(), {}, makePage());
    const { diffLines } = items[0]?.node ?? {};
    expect(diffLines).toEqual({ from: 4, count: 2 });
    expect(await service.diff(TESTER, run().id, { from: 4, count: 2 })).toBe('-a\n+b\n');
  });
});

describe('what went wrong', () => {
  const failed = [BEGIN, PLAY, TASK, result('a', { status: 'failed', message: 'no space left' })];

  it.each<[string, readonly object[], Partial<Run>, string[]]>([
    [
      'is what failed on hosts',
      failed,
      { status: 'failed', exitCode: 2, reason: 'Host a failed.' },
      ['a: no space left'],
    ],
    [
      'is also that the time was up',
      failed,
      { status: 'timedOut', exitCode: null, reason: 'It took longer than 1 minute.' },
      ['a: no space left', ': It took longer than 1 minute.'],
    ],
    [
      'is that its node was lost',
      [BEGIN],
      { status: 'lost', reason: 'Its node is gone.' },
      [': Its node is gone.'],
    ],
    [
      'is that it broke although hosts failed before',
      failed,
      { status: 'failed', exitCode: 250, reason: 'Ansible met an unexpected error.' },
      ['a: no space left', ': Ansible met an unexpected error.'],
    ],
    [
      'is its exit code where nothing else is known',
      [],
      { status: 'failed', exitCode: 3 },
      [': It ended with exit code 3.'],
    ],
    ['is nothing where it was canceled', [BEGIN], { status: 'canceled', reason: 'Canceled.' }, []],
  ])('%s', async (_name, events, run, expected) => {
    const { service, run: current } = make(events, run);
    const failures = await service.failures(TESTER, current());
    expect(failures.map(({ hosts, message }) => `${hosts.join()}: ${message}`)).toEqual(expected);
  });

  it.each([
    [
      // 2.14
      [
        'some output',
        "\u001b[0;31mERROR! couldn't resolve module/action 'nope'. This often indicates a misspelling\u001b[0m",
        '',
        "The error appears to be in '/playbooks/site/play.yaml': line 4, column 7, but may",
      ],
      { file: 'site/play.yaml', line: 4, logLine: 2 },
    ],
    [
      // 2.19
      ["[ERROR]: couldn't resolve module/action 'nope'.", 'Origin: /elsewhere/play.yaml:4:7', ''],
      { file: '/elsewhere/play.yaml', line: 4, logLine: 1 },
    ],
    [['ERROR! the role was not found'], { file: null, line: null, logLine: 1 }],
    [['fine'], { file: null, line: null, logLine: null }],
  ])('before the first task is found where Ansible says: %j', async (printed, expected) => {
    const { service, run } = make([], { status: 'failed', exitCode: 4, reason: 'Nothing ran.' }, printed);
    expect(await service.failures(TESTER, run())).toEqual([
      { hosts: [], task: '', message: 'Nothing ran.', status: 'failed', ...expected },
    ]);
  });
});

it.each<[readonly object[], Partial<Run>, RegExp | null]>([
  [[BEGIN, { kind: 'end' }], { status: 'succeeded', exitCode: 0 }, null],
  // the disk was full, or the file was removed
  [[BEGIN, PLAY], { status: 'succeeded', exitCode: 0 }, /could not write/],
  [[BEGIN, PLAY], { status: 'failed', exitCode: 2 }, /could not write/],
  [[BEGIN, PLAY], { status: 'canceled', exitCode: null }, null],
  [[BEGIN, PLAY], { status: 'running' }, null],
  [[], { status: 'running' }, null],
  [[], { status: 'failed', exitCode: 4 }, null],
  [[], { status: 'succeeded', exitCode: 0 }, /did not load/],
  [[{ ...BEGIN, format: 1 }], { status: 'succeeded', exitCode: 0 }, /recorded no results/],
  [
    [BEGIN, { kind: 'broken', problem: 'KeyError in v2_runner_on_ok' }],
    { status: 'running' },
    /stopped \(KeyError in v2_runner_on_ok\)/,
  ],
])('that results are missing is said where it is known: %j %j', async (events, run, expected) => {
  const { service, run: current } = make(events, run);
  const problem = await service.problem(TESTER, current());
  if (expected === null) expect(problem).toBeNull();
  else expect(problem).toMatch(expected);
});
