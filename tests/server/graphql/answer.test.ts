import { expect, it } from 'vitest';
import { createAnswer } from '../../../server/graphql/answer.ts';

const readLong = (answer: ReturnType<typeof createAnswer>) =>
  answer.read(
    async () => 'text',
    () => 1_000_000,
  );

it('an answer that nobody waits for any more when it is first read keeps no place', async () => {
  for (let n = 0; n < 5; n += 1) {
    const answer = createAnswer(() => undefined);
    answer.end();
    await expect(readLong(answer)).rejects.toThrow('Nobody waits');
  }
  const answer = createAnswer(() => undefined);
  expect(await readLong(answer)).toBe('text');
  answer.end();
});

it('two answers are made at once, and others when one of them has been sent or given up', async () => {
  const [first, second, third] = [1, 2, 3].map(() => createAnswer(() => undefined));
  if (!first || !second || !third) throw new Error('There are three.');
  await Promise.all([readLong(first), readLong(second)]);
  let isRead = false;
  const waiting = readLong(third).then(() => {
    isRead = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isRead).toBe(false);
  first.end();
  await waiting;
  second.end();
  third.end();
});
