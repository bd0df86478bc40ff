import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkSync } from 'recheck';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

/**
 * Text of others (messages, logs, names) may not meet a pattern that can take more than linear time on it. `recheck` decides
 * that by the theory of automata, and tries what it cannot decide.
 */
const ROOT = new URL('..', import.meta.url).pathname;

interface Pattern {
  readonly source: string;
  readonly flags: string;
}

function patternsOf(file: string): Pattern[] {
  const tree = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const found: Pattern[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/');
      found.push({ source: node.text.slice(1, end), flags: node.text.slice(end + 1) });
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

function sourcesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.includes('generated'))
    .map((name) => join(folder, name));
}

// the checker's own program would be started for each pattern
process.env.RECHECK_BACKEND = 'pure';

/** A repetition with an upper bound costs a constant factor, which is for its author to choose; the checker would count it out. */
const withShortBounds = (source: string) =>
  source.replace(/\{(\d{1,6}),(\d{1,6})\}/g, (whole, low: string, high: string) =>
    Number(high) > Number(low) + 1 && Number(high) <= 500 ? `{${low},${Number(low) + 1}}` : whole,
  );

function complexityOf({ source, flags }: Pattern): string {
  const result = checkSync(withShortBounds(source), flags, { timeout: 10_000 });
  return result.status === 'vulnerable' ? result.complexity.type : result.status;
}

describe('patterns', () => {
  it('that backtrack are found', () => {
    const backtracking = [/ Did you mean .*\?$/s, /\s+$/, /^.*[#~].*$/];
    expect(backtracking.map(complexityOf)).not.toContain('safe');
  });

  it.each(['server', 'client'])('of the %s take linear time on any text', (folder) => {
    const slow = sourcesIn(folder).flatMap((file) =>
      patternsOf(join(ROOT, file)).flatMap((pattern) => {
        const complexity = complexityOf(pattern);
        return complexity === 'safe' ? [] : [`${file}: /${pattern.source}/${pattern.flags} is ${complexity}`];
      }),
    );
    expect(slow).toEqual([]);
  });
});
