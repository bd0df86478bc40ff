/** Names of variables, and patterns of them in which `*` stands for any characters, also none: `AWS_*`, `*_TOKEN`. */

const MAX_LENGTH = 200;

/** Whether it is a name or a pattern; one that would match every name is none. */
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
