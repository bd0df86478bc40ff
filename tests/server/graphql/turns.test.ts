import { setImmediate as nextRound } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { nextTurn } from '../../../server/graphql/turns.ts';

/** Begins with a few waits that take no time, as executing a document does. */
async function operation(ms: number, done: () => void): Promise<void> {
  await nextTurn();
  for (let n = 0; n < 10; n += 1) await null;
  const until = performance.now() + ms;
  while (performance.now() < until) {}
  done();
}

/** How many of the operations each round of the event loop began. */
async function countRounds(operations: number, ms: number, begin: () => Promise<void>): Promise<number[]> {
  const rounds: number[] = [];
  let begun = 0;
  await begin();
  const all = Array.from({ length: operations }, () =>
    operation(ms, () => {
      begun += 1;
    }),
  );
  for (let before = 0; before < operations; before = begun) {
    await nextRound();
    rounds.push(begun - before);
  }
  await Promise.all(all);
  return rounds;
}

it.each([
  ['a callback', () => new Promise<void>((resolve) => setTimeout(resolve, 1))],
  ['a microtask', () => Promise.resolve()],
  ['a tick', () => new Promise<void>((resolve) => process.nextTick(resolve))],
])('begins one long operation in each round, however many come at once in %s', async (_, begin) => {
  const rounds = await countRounds(8, 6, begin);
  expect(Math.max(...rounds)).toBe(1);
});

it('begins short operations together, so that they share a commit', async () => {
  const rounds = await countRounds(8, 0, () => nextRound());
  expect(rounds.length).toBeLessThan(8);
});

it('keeps the order of the calls', async () => {
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 20 }, async (_, n) => {
      await nextTurn();
      order.push(n);
    }),
  );
  expect(order).toEqual(Array.from({ length: 20 }, (_, n) => n));
});
