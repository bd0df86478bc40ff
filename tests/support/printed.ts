/** What the scripted playbook prints for `# lines COUNT …`. */
export function printedLines(count: number): string {
  return Array.from({ length: count }, (_, n) => `line ${n + 1} of ${count}`).join('\n');
}

/** What it prints for `# count COUNT`. */
export function countedLines(count: number): string {
  return Array.from({ length: count }, (_, n) => `${n + 1}`.padStart(79, '0')).join('\n');
}
