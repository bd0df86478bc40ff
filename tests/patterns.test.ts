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

const complexityOf = ({ source, flags }: Pattern) => {
  const { status, complexity } = checkSync(source, flags, { timeout: 10_000 });
  return status === 'safe' ? 'safe' : (complexity?.type ?? status);
};

describe('patterns', () => {
  it('that backtrack are found', () => {
    const backtracking = [/ Did you mean .*\?$/s, /^(a+)+$/, /\s+$/, /(\d+\.)*\d+x/];
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
