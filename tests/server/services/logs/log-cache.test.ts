import { expect, it } from 'vitest';
import { readChunks } from '../../../../server/domain/logs/log-chunk.ts';
import type { LogReadLimits, StoredLines } from '../../../../server/domain/logs/run-log.ts';
import { createLogCache } from '../../../../server/services/logs/log-cache.ts';

const BATCH: LogReadLimits = { maxLines: 4, maxBytes: 1_000 };

/** A store of one run in memory that counts the questions. */
function makeStore(lines: string[]) {
  const asked: number[] = [];
  return {
    asked,
    lines,
    read: (_runId: string, after: number, limits: LogReadLimits): Promise<StoredLines> => {
      asked.push(after);
      const bytes = Buffer.from(lines.join('\n'));
      return readChunks(after, limits, (line) =>
        line <= lines.length ? [{ firstLine: 1, lineCount: lines.length, bytes }] : [],
      );
    },
  };
}

const chunkOf = (firstLine: number, lines: readonly string[]) => ({
  firstLine,
  lineCount: lines.length,
  bytes: Buffer.from(lines.join('\n')),
});

it('gives readers who stand at the same line the very same lines, asked for once', async () => {
  const store = makeStore(['1', '2', '3', '4', '5']);
  const cache = createLogCache(store, BATCH);

  const [one, other] = await Promise.all([cache.read('r', 0), cache.read('r', 0)]);
  const later = await cache.read('r', 0);

  expect(one).toEqual({ firstLine: 1, lineCount: 4, text: '1\n2\n3\n4', isCut: true });
  expect(other).toBe(one);
  expect(later).toBe(one);
  expect(store.asked).toEqual([0]);
});

it('gives what was just stored without asking the store, and never less than is there', async () => {
  const store = makeStore(['1', '2']);
  const cache = createLogCache(store, BATCH);
  expect((await cache.read('r', 2)).lineCount).toBe(0);

  store.lines.push('3', '4');
  cache.appended('r', chunkOf(3, ['3', '4']));
  store.lines.push('5');
  cache.appended('r', chunkOf(5, ['5']));

  expect((await cache.read('r', 2)).text).toBe('3\n4\n5');
  expect((await cache.read('r', 3)).text).toBe('4\n5');
  expect((await cache.read('r', 5)).lineCount).toBe(0);
  expect(store.asked).toEqual([2]);
  // a reader that is farther behind gets it all, in as many batches as it takes
  expect((await cache.read('r', 0)).text).toBe('1\n2\n3\n4');
});

it('asks again once something may have been stored elsewhere, but not for batches that are full', async () => {
  const store = makeStore(['1', '2', '3', '4', '5']);
  const cache = createLogCache(store, BATCH);
  await cache.read('r', 0);
  expect((await cache.read('r', 4)).text).toBe('5');

  store.lines.push('6');
  expect((await cache.read('r', 4)).text).toBe('5');
  cache.changed('r');

  expect((await cache.read('r', 4)).text).toBe('5\n6');
  expect((await cache.read('r', 0)).lineCount).toBe(4);
  expect(store.asked).toEqual([0, 4, 4]);
});

it('keeps no more of the newest lines than fits, and copies them', async () => {
  const store = makeStore([]);
  const cache = createLogCache(store, { maxLines: 10_000, maxBytes: 65_536 });
  const bytes = Buffer.alloc(200_000, 'x');
  for (let n = 1; n <= 10; n += 1) cache.appended('r', { firstLine: n, lineCount: 1, bytes });
  bytes.fill('y');

  expect((await cache.read('r', 9)).text).toBe('x'.repeat(200_000));
  expect(store.asked).toEqual([]);
  await cache.read('r', 0);
  expect(store.asked).toEqual([0]);
});

it('does not remember a failure', async () => {
  const store = makeStore(['1']);
  let isAway = true;
  const cache = createLogCache(
    { read: (...args) => (isAway ? Promise.reject(new Error('away')) : store.read(...args)) },
    BATCH,
  );
  await expect(cache.read('r', 0)).rejects.toThrow('away');
  isAway = false;

  expect((await cache.read('r', 0)).text).toBe('1');
});
