// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { parseAnsi, plainText } from '../../client/features/runs/ansi-text.ts';

const ESC = '\u001b';

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

  it('maps 256 colours and true colour to the 16 that can be read in both themes', () => {
    expect(parseAnsi(`${ESC}[38;5;196mred`)[0]?.className).toBe('a-1');
    expect(parseAnsi(`${ESC}[38;2;20;200;30mgreen`)[0]?.className).toBe('a-2');
    expect(parseAnsi(`${ESC}[48;5;16mno background`)[0]?.className).toBe('');
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
