import { randomUUID } from 'node:crypto';
import { expect, it, onTestFinished } from 'vitest';
import { InvalidInputError, NotFoundError } from '../../../../server/domain/errors.ts';
import type { LogQuery } from '../../../../server/domain/logs/log-search.ts';
import { createRunLogService } from '../../../../server/services/logs/run-log-service.ts';
import { TIMINGS } from '../../../../server/timings.ts';
import { TESTER } from '../../../support/actor.ts';
import { makeChunk, makeRun } from '../../../support/make.ts';
import { openTempStorage } from '../../../support/temp-storage.ts';

/** A log of these lines, in chunks of so many. */
async function makeLog(lines: readonly string[], chunkLines = lines.length) {
  const storage = await openTempStorage();
  const service = createRunLogService({ storage, timings: TIMINGS.logs, onError: () => undefined });
  onTestFinished(() => service.close());
  const run = makeRun({ id: randomUUID() });
  await storage.runs.insert(run);
  for (let at = 0; at < lines.length; at += chunkLines)
    await storage.runLogs.append(run.id, 'output', makeChunk(at + 1, lines.slice(at, at + chunkLines)));
  const search = (query: Partial<LogQuery> & { text: string }, after = 0, first = 100) =>
    service.search(TESTER, run.id, { isRegex: false, isCaseSensitive: false, ...query }, after, first);
  return { search, service, storage, run };
}

const issueOf = async (searching: Promise<unknown>) => {
  const error = await searching.then(
    () => null,
    (caught: unknown) => caught,
  );
  if (!(error instanceof InvalidInputError)) throw new Error(`not refused: ${String(error)}`);
  return error.issues[0];
};

it('finds lines with their numbers and where in them', async () => {
  const { search } = await makeLog(['one', 'two Ünits', 'TWO', '', 'and two, two'], 2);
  expect(await search({ text: 'two' })).toEqual({
    matches: [
      { line: 2, text: 'two Ünits', start: 0, end: 3 },
      { line: 3, text: 'TWO', start: 0, end: 3 },
      { line: 5, text: 'and two, two', start: 4, end: 7 },
    ],
    totalCount: 3,
    searchedLines: 5,
  });
  expect((await search({ text: 'two', isCaseSensitive: true })).matches.map(({ line }) => line)).toEqual([
    2, 5,
  ]);
  expect((await search({ text: 'üNITS' })).matches.map(({ line }) => line)).toEqual([2]);
  expect((await search({ text: '.*' })).totalCount).toBe(0);
  expect((await search({ text: 'one\ntwo', isCaseSensitive: true })).totalCount).toBe(0);
});

it('takes a regular expression, within single lines', async () => {
  const { search } = await makeLog(['ok: [web1]', 'failed: [web12]', 'x', 'web9']);
  const found = await search({ text: '^(ok|failed): \\[web\\d+]$', isRegex: true });
  expect(found.matches).toEqual([
    { line: 1, text: 'ok: [web1]', start: 0, end: 10 },
    { line: 2, text: 'failed: [web12]', start: 0, end: 15 },
  ]);
  expect((await search({ text: 'x\\sweb', isRegex: true })).totalCount).toBe(0);
  expect((await search({ text: 'WEB\\d$', isRegex: true, isCaseSensitive: true })).totalCount).toBe(0);
});

it('searches what a reader sees', async () => {
  const { search } = await makeLog([
    '\u001b[0;32mok: [we\u001b[1mb1]\u001b[0m',
    'fetching 10%\rfetching 100%\r',
    '-port=1\r\u001b[0m',
    '\u001b]0;title web1\u0007body',
    'a\u202eb',
  ]);
  const linesOf = async (text: string) => (await search({ text })).matches.map(({ line }) => line);
  expect(await linesOf('web1')).toEqual([1]);
  expect(await linesOf('10%')).toEqual([]);
  expect(await linesOf('100%')).toEqual([2]);
  expect(await linesOf('-port=1')).toEqual([3]);
  expect(await linesOf('title')).toEqual([]);
  expect((await search({ text: '<U+202E>' })).matches).toEqual([
    { line: 5, text: 'a<U+202E>b', start: 1, end: 9 },
  ]);
});

it('gives pages, and the count of the whole log with each', async () => {
  const lines = Array.from({ length: 1_000 }, (_, i) => (i % 10 === 0 ? `hit ${i}` : `line ${i}`));
  const { search } = await makeLog(lines, 7);
  const seen: number[] = [];
  for (let after = 0; ; ) {
    const { matches, totalCount, searchedLines } = await search({ text: 'hit' }, after, 30);
    expect([totalCount, searchedLines]).toEqual([100, 1_000]);
    seen.push(...matches.map(({ line }) => line));
    if (matches.length < 30) break;
    after = matches.at(-1)?.line ?? 0;
  }
  expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => i * 10 + 1));
});

it('stops counting beyond 10,000', async () => {
  const { search } = await makeLog(
    Array.from({ length: 30_000 }, () => 'hit'),
    1_000,
  );
  const found = await search({ text: 'hit' }, 20_000, 3);
  expect(found.totalCount).toBeNull();
  expect(found.matches.map(({ line }) => line)).toEqual([20_001, 20_002, 20_003]);
  const { matches, totalCount } = await search({ text: 'hit' });
  expect([matches.length, totalCount]).toEqual([100, null]);
});

it('cuts a long line around its match', async () => {
  const { search } = await makeLog([
    `${'a'.repeat(5_000)}hit${'b'.repeat(5_000)}`,
    `${'c'.repeat(2_000)}hit`,
  ]);
  for (const { text, start, end } of (await search({ text: 'hit' })).matches) {
    expect(text).toHaveLength(1_000);
    expect(text.slice(start, end)).toBe('hit');
  }
});

it('finds what is stored while the run goes on', async () => {
  const { search, storage, run } = await makeLog(['one']);
  expect((await search({ text: 'two' })).totalCount).toBe(0);
  await storage.runLogs.append(run.id, 'output', makeChunk(2, ['two']));
  expect(await search({ text: 'two' })).toMatchObject({ totalCount: 1, searchedLines: 2 });
});

it.each([
  ['(a', 2],
  ['a**b', 2],
  ['ab)c', 2],
  ['[z-a]', 3],
])('says where "%s" is no regular expression', async (text, position) => {
  const { search } = await makeLog(['a']);
  expect(await issueOf(search({ text, isRegex: true }))).toMatchObject({ path: ['text'], position });
});

it('refuses what is empty, too long or no line, and a run that is not there', async () => {
  const { search, service } = await makeLog(['a']);
  expect(await issueOf(search({ text: '' }))).toMatchObject({ path: ['text'] });
  expect(await issueOf(search({ text: 'a'.repeat(1_001) }))).toMatchObject({ path: ['text'] });
  expect(await issueOf(search({ text: 'a' }, -1))).toMatchObject({ path: ['after'] });
  const query = { text: 'a', isRegex: false, isCaseSensitive: false };
  await expect(service.search(TESTER, 'none', query, 0, 1)).rejects.toThrow(NotFoundError);
});

it('ends a pattern that backtracks forever, and meanwhile blocks nobody', async () => {
  const { search } = await makeLog([`${'a'.repeat(60)}b`]);
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 10);
  onTestFinished(() => clearInterval(timer));
  expect(await issueOf(search({ text: '(a+)+$', isRegex: true }))).toMatchObject({
    path: ['text'],
    message: expect.stringContaining('too long'),
  });
  expect(turns).toBeGreaterThan(20);
  // the next search has a new thread
  expect((await search({ text: 'b' })).totalCount).toBe(1);
});
