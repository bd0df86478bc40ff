import { GraphQLError, parseValue } from 'graphql';
import { expect, it } from 'vitest';
import { jsonTextOfLiteral, jsonTextOfVariable } from '../../../server/graphql/json-input.ts';

const literal = (text: string, variables: Record<string, unknown> = {}) =>
  jsonTextOfLiteral(parseValue(text), variables);

it.each([
  ['{}', '{}'],
  ['{x: 9007199254740993}', '{"x":9007199254740993}'],
  [
    '{x: -0, y: 1.10, z: 1e400, w: 123456789012345678901234567890}',
    '{"x":-0,"y":1.10,"z":1e400,"w":123456789012345678901234567890}',
  ],
  ['{a: [1, [2.50, {b: null}]], c: true, d: false}', '{"a":[1,[2.50,{"b":null}]],"c":true,"d":false}'],
  [String.raw`{s: "q\" \\ \n \u00e9 {{ x }}"}`, String.raw`{"s":"q\" \\ \n é {{ x }}"}`],
  ['{b: """\n  two\n  lines\n"""}', String.raw`{"b":"two\nlines"}`],
  ['{__proto__: 1, constructor: 2}', '{"__proto__":1,"constructor":2}'],
])('what stands in a document is kept as it is written: %s', (text, json) => {
  expect(literal(text)).toBe(json);
});

it('a variable inside it is its value, and nothing where it is not given', () => {
  expect(literal('{a: $one, b: [$two, $none]}', { one: { x: 1.5 }, two: 'x' })).toBe(
    '{"a":{"x":1.5},"b":["x",null]}',
  );
  expect(() => literal('{a: $one}', { one: [9007199254740992] })).toThrow(/was rounded to 9007199254740992/);
});

it.each(['[1]', '"text"', '1', 'null', 'true', 'WORD'])('%s is no object', (text) => {
  expect(() => literal(text)).toThrow(/^Expected a JSON object\.$/);
});

it.each([[null], [[1]], ['{}'], [1], [true], [undefined]])('neither is the variable %j', (value) => {
  expect(() => jsonTextOfVariable(value)).toThrow(new GraphQLError('Expected a JSON object.'));
});

it('a word without quotes is refused by name', () => {
  expect(() => literal('{a: [YES]}')).toThrow('"YES" is no JSON value; texts are in double quotes.');
});

it('a variable whose numbers are as they were is taken, with its keys as they are', () => {
  expect(jsonTextOfVariable(JSON.parse('{"a":{"__proto__":1},"b":[9007199254740991,1.5,null]}'))).toBe(
    '{"a":{"__proto__":1},"b":[9007199254740991,1.5,null]}',
  );
});

it.each(['9007199254740993', '-9007199254740993', '1e400', '-0', '123456789012345678901'])(
  'a variable with the number %s, which JSON.parse has changed, is refused',
  (number) => {
    expect(() => jsonTextOfVariable(JSON.parse(`{"a":[{"b":${number}}]}`))).toThrow(
      /was rounded.*extraVarsJson/,
    );
  },
);

it('what is nested too deep is refused and does not exhaust the stack', () => {
  const deep = (depth: number) => `{a: ${'['.repeat(depth)}${']'.repeat(depth)}}`;
  expect(literal(deep(100))).toContain('[[[');
  expect(() => literal(deep(101))).toThrow('The object is nested more than 100 deep.');
  let value: unknown = [];
  for (let n = 0; n < 100_000; n += 1) value = [value];
  expect(() => jsonTextOfVariable({ a: value })).toThrow(new GraphQLError('The object is nested too deep.'));
});
