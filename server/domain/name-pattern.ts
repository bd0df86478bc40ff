/**
 * Variable names, and patterns of names in which `*` matches any number of characters, including none:
 * `AWS_*`, `*_TOKEN`.
 */

const MAX_LENGTH = 200;

/** Whether the text is a name or a pattern; a pattern that matches every name is not allowed. */
export function isNamePattern(text: string): boolean {
  return text.length <= MAX_LENGTH && /^[a-z_*][a-z0-9_*]*$/i.test(text) && /[^*]/.test(text);
}

export function matchesName(name: string, pattern: string): boolean {
  const [start = '', ...rest] = pattern.split('*');
  const end = rest.pop();
  if (end === undefined) return name === pattern;
  if (!name.startsWith(start)) return false;
  let at = start.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return name.length - end.length >= at && name.endsWith(end);
}
