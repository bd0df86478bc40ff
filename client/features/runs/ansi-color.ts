/** 0 to 255: an entry of the terminal's palette; from `TRUE_COLOR` on: red, green and blue in its lower 24 bits. */
export type AnsiColor = number;
export const TRUE_COLOR = 0x1_000_000;

type Rgb = readonly [number, number, number];

/** The log's background in both themes; `--log-bg` in app.css. */
const LIGHT: Rgb = [0xfb, 0xfb, 0xf9];
const DARK: Rgb = [0x11, 0x13, 0x11];
const BLACK: Rgb = [0, 0, 0];
const WHITE: Rgb = [255, 255, 255];
/** WCAG AA. */
const MIN_CONTRAST = 4.5;
/** On the log's background: selected lines have another one, which takes some of the contrast. */
const LOG_CONTRAST = 6.5;
const MAX_CACHED = 4_096;
const BASIC: readonly number[] = [
  0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5, 0x7f7f7f, 0xff0000,
  0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff,
];
const CUBE: readonly number[] = [0, 95, 135, 175, 215, 255];

/** Custom properties with a readable form of the colour for each theme. */
export const onLog = cached((color: AnsiColor) => ({
  '--a-light': css(readable(rgbOf(color), LIGHT, LOG_CONTRAST)),
  '--a-dark': css(readable(rgbOf(color), DARK, LOG_CONTRAST)),
}));

/** A background, and the text colour, made readable on it; null: black or white. */
export function onBackground(background: AnsiColor, color: AnsiColor | null): Record<string, string> {
  const below = rgbOf(background);
  const text =
    color === null
      ? contrast(BLACK, below) > contrast(WHITE, below)
        ? BLACK
        : WHITE
      : readable(rgbOf(color), below, MIN_CONTRAST);
  return { color: css(text), 'background-color': css(below) };
}

function cached<T>(make: (color: AnsiColor) => T): (color: AnsiColor) => T {
  const made = new Map<AnsiColor, T>();
  return (color) => {
    const known = made.get(color);
    if (known !== undefined) return known;
    if (made.size >= MAX_CACHED) made.clear();
    const value = make(color);
    made.set(color, value);
    return value;
  };
}

/** The palette of xterm. */
function rgbOf(color: AnsiColor): Rgb {
  if (color >= TRUE_COLOR) return split(color - TRUE_COLOR);
  if (color < 16) return split(BASIC[color] ?? 0);
  if (color >= 232) {
    const grey = 8 + 10 * (color - 232);
    return [grey, grey, grey];
  }
  const cube = color - 16;
  return [CUBE[Math.floor(cube / 36)] ?? 0, CUBE[Math.floor(cube / 6) % 6] ?? 0, CUBE[cube % 6] ?? 0];
}

const split = (rgb: number): Rgb => [(rgb >> 16) & 255, (rgb >> 8) & 255, rgb & 255];
const css = (rgb: Rgb) => `rgb(${rgb.join(', ')})`;

/** The colour, moved towards black or white until its contrast suffices. */
function readable(color: Rgb, background: Rgb, minimum: number): Rgb {
  const end = contrast(BLACK, background) > contrast(WHITE, background) ? BLACK : WHITE;
  for (let share = 0; share < 1; share += 0.1) {
    const [r, g, b] = color.map((part, index) =>
      Math.round(part + ((end[index] ?? 0) - part) * share),
    ) as unknown as Rgb;
    if (contrast([r, g, b], background) >= minimum) return [r, g, b];
  }
  return end;
}

/** Contrast of two colours by WCAG: 1 to 21. */
function contrast(one: Rgb, other: Rgb): number {
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

function luminance([r, g, b]: Rgb): number {
  const linear = (part: number) => (part <= 10.31475 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}
