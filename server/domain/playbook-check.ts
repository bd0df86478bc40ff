import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type YAMLMap,
} from 'yaml';
import { messageOf } from './caught.ts';

/** What can be said about a playbook by its text alone. */

export interface PlaybookFault {
  readonly problem: string;
  /** 1-based; undefined where it is not known. */
  readonly line?: number;
}

/** What keeps a text from being a playbook; null when nothing does. Ansible may still find faults. */
export function checkPlaybookText(text: string): PlaybookFault | null {
  const lineCounter = new LineCounter();
  const documents = parse(text, lineCounter);
  if ('fault' in documents) return documents.fault;
  for (const document of documents.all) {
    const [error] = document.errors;
    if (error) {
      const { line } = lineCounter.linePos(error.pos[0]);
      return {
        problem: `The playbook is not valid YAML at line ${line}: ${error.message.split('\n', 1)[0]?.split(' at line', 1)[0] ?? ''}.`,
        line,
      };
    }
  }
  const [first] = documents.all;
  if (documents.all.length > 1)
    return { problem: 'A playbook is one YAML document; this text holds several.' };
  const plays = first?.contents;
  if (!plays || (isScalar(plays) && plays.value === null))
    return { problem: 'The playbook is empty; expected a list of plays.', line: 1 };
  if (!isSeq(plays))
    return {
      problem: 'A playbook is a list of plays; expected "- name: …" or "- hosts: …" at its beginning.',
      line: 1,
    };
  // an alias is not followed: what it stands for is Ansible's to judge
  const other = plays.items.find((play) => !isMap(play) && !isAlias(play));
  if (other === undefined) return null;
  const at = isNode(other) && other.range ? lineCounter.linePos(other.range[0]) : null;
  return {
    problem: `A playbook is a list of plays; ${at ? `line ${at.line}` : 'one of its items'} is none: expected "hosts: …" or "import_playbook: …".`,
    ...(at && { line: at.line }),
  };
}

/**
 * Names that the plays would ask a person for and that `extraVars` does not answer. Nobody can answer a scheduled run,
 * and Ansible without a terminal does not fail: it goes on with the default, or with nothing.
 * A prompt that has a default is answered by it.
 */
export function requiredPrompts(text: string, extraVars: Readonly<Record<string, unknown>>): string[] {
  const names: string[] = [];
  for (const play of playsOf(text)) {
    const prompts = play.get('vars_prompt');
    if (!isSeq(prompts)) continue;
    for (const prompt of prompts.items) {
      if (!isMap(prompt)) continue;
      const name = prompt.get('name');
      if (typeof name === 'string' && !prompt.has('default') && !Object.hasOwn(extraVars, name))
        names.push(name);
    }
  }
  return names;
}

/** Files that the playbook imports as playbooks, as they are written. */
export function importedPlaybooks(text: string): string[] {
  return playsOf(text).flatMap((play) => {
    const imported = play.get('import_playbook') ?? play.get('ansible.builtin.import_playbook');
    return typeof imported === 'string' ? [imported] : [];
  });
}

/** Empty when the text is no playbook. */
function playsOf(text: string): YAMLMap[] {
  const documents = parse(text, new LineCounter());
  if ('fault' in documents) return [];
  const plays: unknown = documents.all[0]?.contents;
  return isSeq(plays) ? plays.items.filter((play) => isMap(play)) : [];
}

/** The parser recurses; this deep no playbook goes. */
const MAX_DEPTH = 200;

function parse(
  text: string,
  lineCounter: LineCounter,
): { readonly fault: PlaybookFault } | { readonly all: readonly Document.Parsed[] } {
  const depth = nestingDepth(text);
  if (depth > MAX_DEPTH) {
    return {
      fault: { problem: `The playbook is nested ${depth} deep; expected at most ${MAX_DEPTH}.` },
    };
  }
  try {
    // only the syntax tree is built: aliases are never followed, so a bomb of them costs nothing, and Ansible's tags stay tags
    // the parser takes a byte order mark for indentation; Ansible does not
    const parsed = parseAllDocuments(text.replace(/^\ufeff/, ''), {
      lineCounter,
      logLevel: 'silent',
      prettyErrors: false,
      uniqueKeys: false,
    });
    return { all: 'empty' in parsed ? [] : parsed };
  } catch (error) {
    return {
      fault: {
        problem: `The playbook cannot be parsed: ${messageOf(error)}.`,
      },
    };
  }
}

/**
 * How deep brackets, and "- - -" in one line, nest at most; those in texts count too, which is too many rather than too few.
 */
function nestingDepth(text: string): number {
  let brackets = 0;
  let indicators = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '[' || char === '{') brackets += 1;
    else if ((char === ']' || char === '}') && brackets > 0) brackets -= 1;
    if ((char === '-' || char === '?' || char === ':') && text[at + 1] === ' ') indicators += 1;
    else if (char !== ' ') indicators = 0;
    deepest = Math.max(deepest, brackets, indicators);
  }
  return deepest;
}
