import { describe, expect, it } from 'vitest';
import { terminalText } from '../../../../server/domain/logs/terminal-text.ts';

const ESC = '\u001b';
const colored = (text: string) => terminalText(text, true);
const plain = (text: string) => terminalText(text, false);

describe('a log for a terminal', () => {
  it('keeps its colours, and nothing else of what a terminal obeys', () => {
    const sgr = `${ESC}[0;32mok: [web]${ESC}[0m ${ESC}[38;2;1;2;3mx${ESC}[38:5:9my${ESC}[m`;
    expect(colored(sgr)).toBe(sgr);
    expect(plain(sgr)).toBe('ok: [web] xy');
  });

  it.each([
    ['a title', `${ESC}]0;title\u0007`],
    ['a title that ends otherwise', `${ESC}]2;title${ESC}\\`],
    ['a title that ends with C1', `${ESC}]2;title\u009c`],
    ['a link', `${ESC}]8;;javascript:alert(1)${ESC}\\`],
    ['the clipboard', `${ESC}]52;c;AAAA\u0007`],
    ['a question to the terminal', `${ESC}[6n${ESC}[c${ESC}[>0q${ESC}P$q"p${ESC}\\`],
    ['the cursor', `${ESC}[2J${ESC}[10;10H${ESC}[1A${ESC}[K${ESC}7${ESC}8`],
    ['modes', `${ESC}[?1049h${ESC}[?25l${ESC}[4h${ESC}[!p`],
    ['a reset and another character set', `${ESC}c${ESC}(0${ESC}#8`],
    ['keys of the terminal', `${ESC}[>4;2m${ESC}[?4m${ESC}[1 m`],
    ['C1', '\u009b2J\u009b31m\u0085\u0090'],
    ['printing over what was printed', '\r\b\u000b\u000c\u0000\u007f'],
  ])('drops %s', (_, sequence) => {
    expect(colored(`a${sequence}b`)).toBe('ab');
    expect(plain(`a${sequence}b`)).toBe('ab');
  });

  it('shows what stands behind a sequence that does not end, and loses no line', () => {
    expect(plain(`a${ESC}]0;not a title\nb${ESC}[31\nc${ESC}Pd\n${ESC}`)).toBe(
      'a]0;not a title\nb[31\ncPd\n',
    );
    expect(plain(`${ESC}]0;a${ESC}]0;b\u0007c`)).toBe(']0;ac');
    expect(plain('a\r\nb\tc')).toBe('a\nb\tc');
  });

  it('names bidi controls, and leaves text that is written from the right as it is', () => {
    const text = 'ok\u202efailed\u202c \u2066x\u2069\u200e\u200f\u061c';
    for (const read of [colored, plain])
      expect(read(text)).toBe('ok<U+202E>failed<U+202C> <U+2066>x<U+2069><U+200E><U+200F><U+061C>');
    expect(plain('שלום \ud83d\udc68\u200d\ud83d\udc69')).toBe('שלום \ud83d\udc68\u200d\ud83d\udc69');
  });

  it('takes time in proportion to the length, whatever stands in it', () => {
    for (const piece of [ESC, `${ESC}[`, `${ESC}]0;`, `${ESC}[1;`, '\u202e', `${ESC}P`, ';', '\u009b1']) {
      const before = process.cpuUsage();
      plain(`${ESC}${piece.repeat(400_000 / piece.length)}`);
      expect([piece, process.cpuUsage(before).user < 1_000_000]).toEqual([piece, true]);
    }
  });
});
