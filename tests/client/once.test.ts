// @vitest-environment node
import { expect, it } from 'vitest';
import { createOnce } from '../../client/lib/once.ts';

it('sends the same key again until there was an answer, and another one for another wish', async () => {
  const clock = { now: 0 };
  const once = createOnce(() => clock.now);
  const keys: string[] = [];
  const lose = (key: string) => {
    keys.push(key);
    return Promise.reject(new Error('lost'));
  };
  const answer = async (key: string) => keys.push(key);
  await expect(once('a', lose)).rejects.toThrow('lost');
  await expect(once('a', lose)).rejects.toThrow('lost');
  await once('a', answer);
  await once('a', answer);
  await expect(once('b', lose)).rejects.toThrow('lost');
  await once('c', answer);
  await expect(once('d', lose)).rejects.toThrow('lost');
  clock.now = 3_600_000;
  await once('d', answer);
  expect(keys.map((key) => keys.indexOf(key))).toEqual([0, 0, 0, 3, 4, 5, 6, 7]);
  for (const key of keys) expect(key).toMatch(/^[0-9a-f]{32}$/);
});
