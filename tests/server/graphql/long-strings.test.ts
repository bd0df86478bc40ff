import { expect, it } from 'vitest';
import { createLongStrings } from '../../../server/graphql/long-strings.ts';

const joined = (parts: readonly (string | Buffer)[]) =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string))).toString('utf8');

it('makes the JSON that would be made without it', () => {
  const long = createLongStrings();
  const texts = ['short', 'ä"\\\u0001\u2028🚀\n'.repeat(1_000), 'x'.repeat(5_000)];
  for (const value of [
    { id: '1', payload: { data: { a: texts[1], b: [texts[0], texts[2], texts[1]], c: null, d: 4 } } },
    texts[1],
    { id: '2', payload: texts[0] },
    { a: texts[1], b: { '': texts[2], c: { '': 1 } }, d: texts[1] },
  ]) {
    expect(joined(long.split(JSON.stringify(value, long.replacer)))).toBe(JSON.stringify(value));
  }
});

it('serialises a string once, however many messages it is in', () => {
  const long = createLongStrings();
  const text = 'line\n'.repeat(2_000);

  const bufferOf = (id: string) =>
    long.split(JSON.stringify({ id, text }, long.replacer)).find((part) => Buffer.isBuffer(part));

  expect(bufferOf('1')).toBeInstanceOf(Buffer);
  expect(bufferOf('2')).toBe(bufferOf('1'));
});

it('forgets what a message that was never sent left behind', () => {
  const long = createLongStrings();
  JSON.stringify({ text: 'x'.repeat(5_000) }, long.replacer);

  expect(long.split(JSON.stringify({ id: '2', text: 'short' }, long.replacer))).toEqual([
    '{"id":"2","text":"short"}',
  ]);
});
