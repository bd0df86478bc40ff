import { expect, it } from 'vitest';
import { rememberSource, sourceTextOf, traceSource } from '../../../server/domain/json-source.ts';

function textAt(text: string, path: readonly (string | number)[]): string | null {
  let value: unknown = JSON.parse(text);
  rememberSource(value, text);
  for (const key of path) value = traceSource(value, key);
  return sourceTextOf(value as object);
}

it.each<[string, (string | number)[], string]>([
  ['{"a":{"b":1.0}}', ['a'], '{"b":1.0}'],
  [' \t\r\n{ "a" : [ 1.0 , { "b" : -0.0 , "c" : [ ] } , true ] } \n', ['a'], '[1.0,{"b":-0.0,"c":[]},true]'],
  ['{"x":[],"y":{},"z":"]}","a":[[1e400],[2]]}', ['a', 1], '[2]'],
  [String.raw`{"q\"}":{"\u0061":{"b":1.0}}}`, ['q"}', 'a'], '{"b":1.0}'],
  ['{"a":{"b":1.0},"a":{"b":2.0}}', ['a'], '{"b":2.0}'],
  ['{"a":{"2":0,"1":0,"2":1}}', ['a'], '{"2":0,"1":0,"2":1}'],
  ['{"__proto__":{"b":1.0}}', ['__proto__'], '{"b":1.0}'],
  ['[[1.0],[2.0]]', [1], '[2.0]'],
  ['{"a":1.0}', [], '{"a":1.0}'],
  [
    String.raw`{"a":{"t":" two  blanks \\","u":"\u0020"}}`,
    ['a'],
    String.raw`{"t":" two  blanks \\","u":" "}`,
  ],
  // as clients write it that send ASCII alone
  [String.raw`{"a":{"\u00e9":["\u00df \/ \"\n", 1.0]}}`, ['a'], String.raw`{"é":["ß / \"\n",1.0]}`],
  [String.raw`{"a":["\u0000\ud800", -0]}`, ['a'], String.raw`["\u0000\ud800",-0]`],
])('%j at %j', (text, path, expected) => {
  expect(textAt(text, path)).toBe(expected);
});

it('nothing is known of a value that was made otherwise, of no part, and of what is no part', () => {
  const value = JSON.parse('{"a":{}}');
  expect(sourceTextOf(value)).toBeNull();
  rememberSource(value, '{"a":{}}');
  expect(traceSource(value, 'b')).toBeUndefined();
  expect(traceSource(value, 'constructor')).toBeUndefined();
  expect(traceSource('text', 0)).toBeUndefined();
  expect(sourceTextOf({ ...value })).toBeNull();
});
