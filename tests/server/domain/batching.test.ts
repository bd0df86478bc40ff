import { expect, it } from 'vitest';
import { batching, sharing } from '../../../server/domain/batching.ts';
import { waitUntil } from '../../support/wait-until.ts';

it('does what comes while a batch is under way as the next one', async () => {
  const batches: (readonly number[])[] = [];
  let finish: () => void = () => undefined;
  const work = batching<number>((items) => {
    batches.push(items);
    return new Promise((resolve) => {
      finish = resolve;
    });
  });

  const first = work(1);
  await Promise.resolve();
  const others = [work(2), work(3)];
  finish();
  await first;
  await Promise.resolve();
  expect(batches).toEqual([[1], [2, 3]]);
  finish();
  await Promise.all(others);
});

it('tells everybody of a batch that failed, and goes on with the next', async () => {
  let calls = 0;
  const work = batching<number>(async () => {
    calls += 1;
    if (calls === 1) throw new Error('away');
  });

  const failed = await Promise.allSettled([work(1), work(2)]);

  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await work(3);
  expect(calls).toBe(2);
});

it('what many ask for at once is done once, and those who ask later get what was done after they asked', async () => {
  const begun: number[] = [];
  const ended: (() => void)[] = [];
  const look = sharing(() => {
    const n = begun.push(begun.length);
    return new Promise<number>((resolve) => ended.push(() => resolve(n)));
  });
  const first = [look(), look()];
  await waitUntil(() => begun.length === 1);
  const later = [look(), look()];
  ended[0]?.();
  expect(await Promise.all(first)).toEqual([1, 1]);
  await waitUntil(() => begun.length === 2);
  ended[1]?.();
  expect(await Promise.all(later)).toEqual([2, 2]);
});
