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

/** A pattern, or why the one that stands there is not known. */
type Found = Pattern | { readonly unknown: string };

const parsed = new Map<string, ts.SourceFile>();
/** Once each: it is read for the names of patterns, and for the patterns. */
function parse(path: string): ts.SourceFile {
  const file =
    parsed.get(path) ?? ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  parsed.set(path, file);
  return file;
}

function literal({ text }: ts.RegularExpressionLiteral): Pattern {
  const end = text.lastIndexOf('/');
  return { source: text.slice(1, end), flags: text.slice(end + 1) };
}

/** What `new RegExp` is given: a text, with the source of other patterns in it. */
function sourceOf(node: ts.Node | undefined, named: ReadonlyMap<string, string>): string | null {
  if (node === undefined) return null;
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isPropertyAccessExpression(node) && node.name.text === 'source')
    return named.get(node.expression.getText()) ?? null;
  if (!ts.isTemplateExpression(node)) return null;
  const parts = node.templateSpans.map(({ expression, literal: { text } }) => {
    const source = sourceOf(expression, named);
    return source === null ? null : `${source}${text}`;
  });
  return parts.includes(null) ? null : node.head.text + parts.join('');
}

const METHODS_OF_TEXTS = new Set(['match', 'matchAll', 'search']);

function patternsOf(file: string, named: ReadonlyMap<string, string>): Found[] {
  const found: Found[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) found.push(literal(node));
    else if (ts.isNewExpression(node) || ts.isCallExpression(node)) {
      const [first, second] = node.arguments ?? [];
      const { expression } = node;
      if (expression.getText() === 'RegExp') {
        const source = sourceOf(first, named);
        const flags = second === undefined ? '' : sourceOf(second, new Map());
        found.push(source === null || flags === null ? { unknown: node.getText() } : { source, flags });
      } else if (
        ts.isPropertyAccessExpression(expression) &&
        METHODS_OF_TEXTS.has(expression.name.text) &&
        first &&
        ts.isStringLiteralLike(first)
      )
        found.push({ source: first.text, flags: '' });
    }
    ts.forEachChild(node, visit);
  };
  visit(parse(file));
  return found;
}

/** Patterns by the names of their constants; a name that stands for several is not known. */
function namedPatterns(files: readonly string[]): ReadonlyMap<string, string> {
  const named = new Map<string, string>();
  const several = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (
      ts.isVariableDeclaration(node) &&
      node.initializer &&
      ts.isRegularExpressionLiteral(node.initializer)
    ) {
      const name = node.name.getText();
      if (named.has(name)) several.add(name);
      named.set(name, literal(node.initializer).source);
    }
    ts.forEachChild(node, visit);
  };
  for (const file of files) visit(parse(file));
  for (const name of several) named.delete(name);
  return named;
}

const PYTHON_CALL =
  /\bre\.(?:compile|search|match|fullmatch|sub|subn|split|findall|finditer)\(\s*(?:(r?)(["'])((?:(?!\2)[^\\\n]|\\.)*)\2(?=\s*[,)])([^\n]*))?/g;
/** Escapes that a text of Python and a pattern of JavaScript write alike. */
const COMMON_ESCAPE = /^\\(?:[nrtvf]|x[\da-fA-F]{2}|u[\da-fA-F]{4})$/;
const PYTHON_FLAG = /\bre\.[A-Z]+\b/;

/** What Python files give to its `re`, in the words of JavaScript. */
function pythonPatterns(text: string): Found[] {
  const found: Found[] = [...text.matchAll(PYTHON_CALL)].map(([whole, raw, , written, rest = '']) => {
    const escapes = written?.match(/\\./g) ?? [];
    const isAlike =
      raw === 'r' ||
      [...(written ?? '').matchAll(/\\(?:x..|u....|.)/g)].every(
        ([one]) => COMMON_ESCAPE.test(one) || one === '\\\\',
      );
    if (written === undefined || !isAlike || PYTHON_FLAG.test(rest)) return { unknown: whole };
    const pattern = raw === 'r' || escapes.length === 0 ? written : written.replaceAll('\\\\', '\\');
    const source = pattern
      .replaceAll('(?P<', '(?<')
      .replace(/\(\?P=(\w+)\)/g, '\\k<$1>')
      .replaceAll('\\A', '^')
      .replaceAll('\\Z', '$');
    return { source, flags: '' };
  });
  const isHidden = /^\s*from re import|^\s*import re as|^\s*(?:from|import) regex\b/m.test(text);
  return isHidden ? [...found, { unknown: '"re" by another name' }] : found;
}

function sourcesIn(folder: string, kind = /\.[cm]?[jt]sx?$/): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => kind.test(name) && !name.includes('generated'))
    .map((name) => join(folder, name));
}

// the checker's own program would be started for each pattern
process.env.RECHECK_BACKEND = 'pure';

/** A repetition with an upper bound costs a constant factor, which is for its author to choose; the checker would count it out. */
const withShortBounds = (source: string) =>
  source.replace(/\{(\d{1,6}),(\d{1,6})\}/g, (whole, low: string, high: string) =>
    Number(high) > Number(low) + 1 && Number(high) <= 500 ? `{${low},${Number(low) + 1}}` : whole,
  );

function complexityOf(pattern: Found): string {
  if ('unknown' in pattern) return 'not known here';
  const { source, flags } = pattern;
  const result = checkSync(withShortBounds(source), flags, { timeout: 60_000 });
  return result.status === 'vulnerable' ? result.complexity.type : result.status;
}

/**
 * Expressions of callers: one file only compiles them, the other one runs them in a thread that is ended when one
 * takes too long.
 */
const OF_CALLERS = new Set(['server/domain/logs/log-search.ts', 'server/services/logs/search-worker.mjs']);

const slowOf = (file: string, patterns: readonly Found[]) =>
  patterns.flatMap((pattern) => {
    if ('unknown' in pattern && OF_CALLERS.has(file)) return [];
    const complexity = complexityOf(pattern);
    return complexity === 'safe' ? [] : [{ file, ...pattern, complexity }];
  });

// the checker computes for seconds, of which a busy machine makes many
describe('patterns', { timeout: 300_000 }, () => {
  it('that backtrack are found', () => {
    const backtracking = [/ Did you mean .*\?$/s, /\s+$/, /^.*[#~].*$/];
    expect(backtracking.map(complexityOf)).not.toContain('safe');
  });

  it('that backtrack are found in Python, and those that are not written out', () => {
    const slow = [
      `re.compile(r'\\s+$')`,
      `re.search("(?P<a>x*)*y", text)`,
      `re.compile("\\\\s+$")`,
      `re.compile(NAME)`,
      `re.compile("a" + b)`,
      `re.compile("a", re.I)`,
      `re.compile(f"a{b}")`,
      `from re import compile`,
    ];
    for (const text of slow) expect(slowOf(text, pythonPatterns(text)), text).toHaveLength(1);
    expect(slowOf('', pythonPatterns(`re.compile(r'^\\d+\\Z')`))).toEqual([]);
  });

  const code = ['server', 'client', 'shared'];
  const named = namedPatterns(code.flatMap((folder) => sourcesIn(folder).map((file) => join(ROOT, file))));

  it.each(code)('of the %s take linear time on any text', (folder) => {
    const files = sourcesIn(folder);
    const found = files.map((file) => [file, patternsOf(join(ROOT, file), named)] as const);
    expect(found.flatMap(([file, patterns]) => slowOf(file, patterns))).toEqual([]);
  });

  it('of Python take linear time on any text', () => {
    const files = ['server', 'scripts'].flatMap((folder) => sourcesIn(folder, /\.py$/));
    const found = files.map(
      (file) => [file, pythonPatterns(readFileSync(join(ROOT, file), 'utf8'))] as const,
    );
    expect(found.flatMap(([file, patterns]) => slowOf(file, patterns))).toEqual([]);
    expect(found.flatMap(([, patterns]) => patterns).length).toBeGreaterThan(0);
  });
});
