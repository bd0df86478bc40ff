// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { parseAnsi, plainText } from '../../client/features/runs/ansi-text.ts';

const ESC = '\u001b';

type Rgb = readonly [number, number, number];
const channels = (css = '') => (css.match(/\d+/g) ?? []).map(Number) as unknown as Rgb;
function contrast(one: Rgb, other: Rgb): number {
  const luminance = (rgb: Rgb) =>
    [0.2126, 0.7152, 0.0722].reduce((sum, weight, index) => {
      const part = (rgb[index] ?? 0) / 255;
      return sum + weight * (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    }, 0);
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

describe('parseAnsi', () => {
  it('gives plain text as it is, markup too', () => {
    expect(parseAnsi('<img src=x onerror=alert(1)>')).toEqual([
      { text: '<img src=x onerror=alert(1)>', className: '' },
    ]);
  });

  it('knows colours and weights, and where they end', () => {
    expect(parseAnsi(`a${ESC}[1;31mb${ESC}[0mc${ESC}[92md`)).toEqual([
      { text: 'a', className: '' },
      { text: 'b', className: 'a-1 a-bold' },
      { text: 'c', className: '' },
      { text: 'd', className: 'a-10' },
    ]);
  });

  it('gives 256 colours and true colour a readable form for each theme', () => {
    for (const [code, color] of [
      ['38;5;196', [255, 0, 0]],
      ['38;2;20;200;30', [20, 200, 30]],
      ['38;5;16', [0, 0, 0]],
      ['38;5;231', [255, 255, 255]],
      ['38:2:1:2:250', [1, 2, 250]],
    ] as const) {
      const [span] = parseAnsi(`${ESC}[${code}mx`);
      expect(span?.className).toBe('a-rgb');
      const light = channels(span?.style?.['--a-light']);
      const dark = channels(span?.style?.['--a-dark']);
      expect(contrast(light, [0xfb, 0xfb, 0xf9]), `${code} ${color}`).toBeGreaterThanOrEqual(4.5);
      expect(contrast(dark, [0x11, 0x13, 0x11]), `${code} ${color}`).toBeGreaterThanOrEqual(4.5);
    }
  });

  it('draws backgrounds and inverse text, always readable', () => {
    for (let color = 0; color < 256; color += 1)
      for (const code of [
        `48;5;${color}`,
        `31;48;5;${color}`,
        `7;38;5;${color}`,
        `38;5;${color};48;5;${255 - color}`,
      ]) {
        const style = parseAnsi(`${ESC}[${code}mx`)[0]?.style;
        expect(
          contrast(channels(style?.color), channels(style?.['background-color'])),
          code,
        ).toBeGreaterThanOrEqual(4.5);
      }
    expect(parseAnsi(`${ESC}[41mx`)[0]?.style?.['background-color']).toBe('rgb(205, 0, 0)');
    expect(parseAnsi(`${ESC}[7mx`)[0]).toEqual({ text: 'x', className: 'a-inverse' });
    expect(parseAnsi(`${ESC}[2;3;4mx`)[0]?.className).toBe('a-dim a-italic a-underline');
  });

  it('shows the last state that shows something, and keeps the colours of the states before', () => {
    expect(plainText(`-port=1\r${ESC}[0m`)).toBe('-port=1');
    expect(parseAnsi(`${ESC}[31m10 %\r20 %\r${ESC}[0m\r`)).toEqual([{ text: '20 %', className: 'a-1' }]);
    expect(plainText('\r\r')).toBe('');
  });

  it('bounds the parts of a line and joins equal ones, without losing text', () => {
    const many = Array.from({ length: 60_000 }, (_, n) => `${ESC}[3${n % 7}m${n % 10}`).join('');
    const spans = parseAnsi(many);
    expect(spans.length).toBeLessThan(1_100);
    expect(spans.map(({ text }) => text).join('')).toHaveLength(60_000);
    expect(parseAnsi(`${ESC}[31ma${ESC}[31mb${ESC}[0;31mc`)).toEqual([{ text: 'abc', className: 'a-1' }]);
  });

  it('drops titles, links, the clipboard, the cursor and bells', () => {
    const line = `${ESC}]0;title\u0007a${ESC}]8;;javascript:alert(1)${ESC}\\b${ESC}]8;;${ESC}\\${ESC}]52;c;AAAA\u0007${ESC}[2J${ESC}[10;10Hc\u0007\u0000\u007f\u0090\u009b`;
    expect(plainText(line)).toBe('abc');
  });

  it('shows the last state of a line that was drawn over', () => {
    expect(plainText('10 %\r50 %\r100 %')).toBe('100 %');
    expect(plainText('done\r')).toBe('done');
  });

  it('names bidi controls, and leaves text that is written from the right as it is', () => {
    expect(plainText(`ok\u202efailed\u202c ${ESC}[31m\u2066x\u2069\u200e\u061c`)).toBe(
      'ok<U+202E>failed<U+202C> <U+2066>x<U+2069><U+200E><U+061C>',
    );
    expect(plainText('שלום 👨‍👩‍👧')).toBe('שלום 👨‍👩‍👧');
  });

  it('survives sequences that are cut off', () => {
    for (const tail of [ESC, `${ESC}[`, `${ESC}[38;5`, `${ESC}]0;never ends`, `${ESC}[38;2;1m`])
      expect(plainText(`x${tail}`)).toBe('x');
  });
});
