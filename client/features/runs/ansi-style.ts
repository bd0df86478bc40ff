import { type AnsiColor, onBackground, onLog, TRUE_COLOR } from './ansi-color.ts';

/** How a terminal would draw the text that follows. */
export interface AnsiStyle {
  readonly color: AnsiColor | null;
  readonly background: AnsiColor | null;
  readonly isBold: boolean;
  readonly isDim: boolean;
  readonly isItalic: boolean;
  readonly isUnderlined: boolean;
  readonly isInverse: boolean;
}

/** How the page draws it. */
export interface Look {
  readonly className: string;
  /** Colours that have no class. */
  readonly style?: Record<string, string>;
}

export const PLAIN: AnsiStyle = {
  color: null,
  background: null,
  isBold: false,
  isDim: false,
  isItalic: false,
  isUnderlined: false,
  isInverse: false,
};

/** The style after a sequence of Select Graphic Rendition, given its parameters, e.g. "1;31". */
export function styleAfter(before: AnsiStyle, parameters: string): AnsiStyle {
  const style = { ...before };
  const codes = parameters.split(/[;:]/).map((code) => (code === '' ? 0 : Number(code)));
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 0) Object.assign(style, PLAIN);
    else if (code === 1) style.isBold = true;
    else if (code === 2) style.isDim = true;
    else if (code === 3) style.isItalic = true;
    else if (code === 4 || code === 21) style.isUnderlined = true;
    else if (code === 7) style.isInverse = true;
    else if (code === 22) Object.assign(style, { isBold: false, isDim: false });
    else if (code === 23) style.isItalic = false;
    else if (code === 24) style.isUnderlined = false;
    else if (code === 27) style.isInverse = false;
    else if (code >= 30 && code <= 37) style.color = code - 30;
    else if (code >= 90 && code <= 97) style.color = code - 82;
    else if (code === 39) style.color = null;
    else if (code >= 40 && code <= 47) style.background = code - 40;
    else if (code >= 100 && code <= 107) style.background = code - 92;
    else if (code === 49) style.background = null;
    else if (code === 38 || code === 48 || code === 58) {
      const color = extendedColor(codes, at + 1);
      if (code === 38) style.color = color;
      if (code === 48) style.background = color;
      at += codes[at + 1] === 5 ? 2 : 4;
    }
  }
  return style;
}

/** Parameters "5;index" or "2;red;green;blue"; null: neither. */
function extendedColor(codes: readonly number[], at: number): AnsiColor | null {
  const byte = (index: number) => Math.max(0, Math.min(255, codes[index] || 0));
  if (codes[at] === 5) return byte(at + 1);
  if (codes[at] !== 2) return null;
  return TRUE_COLOR + byte(at + 1) * 65_536 + byte(at + 2) * 256 + byte(at + 3);
}

/** The 16 basic colours are the page's own; all are readable in both themes. */
export function lookOf(style: AnsiStyle): Look {
  if (style === PLAIN) return { className: '' };
  const names: string[] = [];
  let [color, background] = [style.color, style.background];
  let isSwapped = style.isInverse;
  if (isSwapped && (color !== null || background !== null)) {
    [color, background] = [background, color];
    // the page's own colours stand for those that are not set: without a background, inverse text is on the plain text's colour
    isSwapped = background === null;
  }
  let colors: Record<string, string> | undefined;
  if (background !== null) colors = onBackground(background, color);
  else if (color !== null && !isSwapped) {
    if (color < 16) names.push(`a-${color}`);
    else {
      names.push('a-rgb');
      colors = onLog(color);
    }
  }
  if (style.isBold) names.push('a-bold');
  if (style.isDim) names.push('a-dim');
  if (style.isItalic) names.push('a-italic');
  if (style.isUnderlined) names.push('a-underline');
  if (isSwapped) names.push('a-inverse');
  const className = names.join(' ');
  return colors ? { className, style: colors } : { className };
}
