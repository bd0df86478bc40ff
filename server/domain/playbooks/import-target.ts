/** The possible values of a text with templates: its known parts, and null for each unknown one. */
export type TextPattern = readonly (string | null)[];

/** Fills in the values of `{{ name }}`. Any other template is not evaluated: its value is unknown. */
export function fillTemplates(text: string, textFor: (name: string) => string | null): TextPattern {
  const parts: (string | null)[] = [];
  let at = 0;
  const add = (part: string | null) => {
    const last = parts.at(-1);
    if (part !== null && typeof last === 'string') parts[parts.length - 1] = last + part;
    else if (part !== null || last !== null || parts.length === 0) parts.push(part);
  };
  while (at < text.length) {
    const begin = ['{{', '{%', '{#']
      .map((mark) => text.indexOf(mark, at))
      .filter((found) => found !== -1)
      .sort((a, b) => a - b)[0];
    if (begin === undefined) break;
    if (begin > at) add(text.slice(at, begin));
    const mark = text[begin + 1] === '{' ? '}}' : `${text[begin + 1]}}`;
    const end = text.indexOf(mark, begin + 2);
    const inner = text.slice(begin + 2, end === -1 ? text.length : end).trim();
    const value = mark === '}}' && /^[A-Za-z_][A-Za-z0-9_]*$/.test(inner) ? textFor(inner) : null;
    add(value?.includes('{') ? null : value);
    at = end === -1 ? text.length : end + mark.length;
  }
  if (at < text.length || parts.length === 0) add(text.slice(at));
  return parts;
}

/** Whether `text` matches the pattern. */
export function matchesPattern(text: string, pattern: TextPattern): boolean {
  const [first, last] = [pattern[0] ?? '', pattern.length > 1 ? (pattern.at(-1) ?? '') : ''];
  if (pattern.length === 1 && pattern[0] !== null) return text === first;
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length)
    return false;
  let at = first.length;
  for (const part of pattern.slice(1, -1)) {
    if (part === null) continue;
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
}
