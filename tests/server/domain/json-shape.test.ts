import { describe, expect, it } from 'vitest';
import { jsonShapeFault, partsOfJson } from '../../../server/domain/json-shape.ts';

const fault = (text: string) => jsonShapeFault(text, { values: 5, depth: 3 });

describe('the shape of JSON', () => {
  it('is counted outside of strings', () => {
    expect(fault('{"a":",,,,,,[[[[{{{{","b\\"":"\\\\"}')).toBeNull();
    expect(fault('[1,2,3,4]')).toBeNull();
    expect(fault('[1,2,3,4,5,6]')).toBe('The JSON has more than 5 values.');
    expect(fault('[[[1]]]')).toBeNull();
    expect(fault('[[[[1]]]]')).toBe('The JSON is nested more than 3 deep.');
    expect(fault('{"a":"\\\\",b,c,d,e,f}')).toBe('The JSON has more than 5 values.');
  });

  it('of what is no JSON is not told', () => {
    for (const text of ['', '"', '"\\', ']', '{"a', 'x'.repeat(100)]) expect(fault(text)).toBeNull();
  });

  it('is looked at in one pass', () => {
    const begun = process.cpuUsage();
    expect(fault(`"${'\\"'.repeat(1_500_000)}"`)).toBeNull();
    expect(fault(`"${'\\'.repeat(3_000_000)}`)).toBeNull();
    expect(process.cpuUsage(begun).user / 1_000).toBeLessThan(500);
  });
});

it('JSON is cut behind commas between values, never inside a string', () => {
  const text = '{"a,\\"b": [1, ",,,", "\\\\", {"c": ",\\",", "d,": -1e5}], "e": [], "f": ""}';
  const all = [
    '{"a,\\"b": [1,',
    ' ",,,",',
    ' "\\\\",',
    ' {"c": ",\\",",',
    ' "d,": -1e5}],',
    ' "e": [],',
    ' "f": ""}',
  ];
  expect([...partsOfJson(text, 1)]).toEqual(all);
  for (let length = 1; length <= text.length + 1; length += 1) {
    const parts = [...partsOfJson(text, length)];
    expect(parts.join('')).toBe(text);
    expect(parts.slice(0, -1).every((part) => part.length >= length && part.endsWith(','))).toBe(true);
  }
  expect([...partsOfJson('"never, ends', 1)]).toEqual(['"never, ends']);
});
