import { type AnsiStyle, PLAIN } from './ansi-style.ts';
import { styleAtEnd } from './ansi-text.ts';
import type { LogBuffer } from './log-buffer.ts';

const ESC = '\u001b';
const RESETS = [`${ESC}[0m`, `${ESC}[m`];

/** The style that each line begins with: a colour goes on over the lines until it is changed. */
export function createLineStyles(buffer: LogBuffer): { before(line: number): AnsiStyle } {
  /** By the index of the batch: the style it begins with, as far as it is known. */
  const checkpoints: AnsiStyle[] = [PLAIN];
  /** The style at a place of a batch that was asked for last: lines are drawn one after the other. */
  let last = { index: -1, offset: 0, style: PLAIN };

  function checkpoint(index: number): AnsiStyle {
    let from = index;
    while (checkpoints[from] === undefined) {
      from -= 1;
      const text = buffer.batch(from)?.text ?? '';
      const reset = Math.max(...RESETS.map((code) => text.lastIndexOf(code)));
      if (reset < 0) continue;
      from += 1;
      checkpoints[from] = styleAtEnd(text.slice(reset), PLAIN);
    }
    for (; from < index; from += 1)
      checkpoints[from + 1] = styleAtEnd(buffer.batch(from)?.text ?? '', checkpoints[from] ?? PLAIN);
    return checkpoints[index] ?? PLAIN;
  }

  return {
    before(line) {
      const place = buffer.placeOf(line);
      if (!place) return PLAIN;
      const { index, offset } = place;
      const known =
        last.index === index && last.offset <= offset ? last : { index, offset: 0, style: checkpoint(index) };
      const text = buffer.batch(index)?.text.slice(known.offset, offset) ?? '';
      last = { index, offset, style: styleAtEnd(text, known.style) };
      return last.style;
    },
  };
}
