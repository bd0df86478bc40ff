import { expect, it } from 'vitest';
import { keepLineEndings } from '../../../../server/domain/playbooks/line-endings.ts';
import { watchStalls } from '../../../support/stalls.ts';

const LENGTH = 1_048_576;
const MIXED = 'a\r\nb\n\r\n\n'.repeat(120_000).slice(0, LENGTH);
it.each([
  ['all kinds', MIXED, `first\n${MIXED.replace(/\r\n?/g, '\n')}\nlast`],
  ['LF and one CR', `${'\n'.repeat(LENGTH - 1)}\r`, `x${'\n'.repeat(LENGTH - 2)}y`],
  ['CR', '\r'.repeat(LENGTH), `x${'\n'.repeat(LENGTH - 2)}y`],
  ['CR, edited at the end', `${'\r'.repeat(LENGTH - 1)}a`, `${'\n'.repeat(LENGTH - 1)}b`],
  ['CRLF', '\r\n'.repeat(LENGTH / 2), `x${'\n'.repeat(LENGTH / 2)}y`],
  ['a long line', `\r\n${'a'.repeat(LENGTH - 3)}\n`, `x\n${'a'.repeat(LENGTH - 4)}\ny`],
])('take 50 ms of the processor at most for the longest text of all: %s', (_what, text, edited) => {
  const stalls = [1, 2, 3].map(() => {
    const stall = watchStalls();
    const kept = keepLineEndings(text, edited);
    const ms = stall.end();
    expect(kept.replace(/\r\n?/g, '\n')).toBe(edited);
    return ms;
  });
  // the first may have been compiled in between, or the memory of others collected
  expect(Math.min(...stalls)).toBeLessThan(50);
});

it('of lines that reveal one pair a round are given up in time', () => {
  const lines = ['#1', '#', ...Array.from({ length: 968 }, (_, n) => [`#${n + 2}`, `#${n + 1}`]).flat()];
  const text = lines.map((line, n) => `${line}\r\n# ${n}`).join('\r\n');
  const edited = lines.map((line, n) => `${line}\n#_${n}`).join('\n');
  const stalls = [1, 2, 3].map(() => {
    const stall = watchStalls();
    keepLineEndings(text, edited);
    return stall.end();
  });
  expect(Math.min(...stalls)).toBeLessThan(50);
});
