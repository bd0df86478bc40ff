import { join } from 'node:path';
import {
  isGiven,
  RUN_PARAMETER_NAMES,
  RUN_PARAMETERS,
  type RunParameterName,
  type RunParameters,
} from '../../shared/run-parameters.ts';
import { isHostList } from '../domain/run-parameters/paths.ts';

/** Where things are, all absolute. */
export interface ArgumentPaths {
  readonly playbooksDir: string;
  /** The file with the extra variables; null when there are none. */
  readonly extraVars: string | null;
}

/** How a parameter is said where "option=value" is not all of it; null: it is no argument. */
const WORDS: {
  readonly [N in RunParameterName]?: (value: RunParameters[N], paths: ArgumentPaths) => string[];
} = {
  inventories: (all, { playbooksDir }) =>
    all.map((one) => `--inventory=${isHostList(one) ? one : join(playbooksDir, one)}`),
  extraVarsFiles: (files, { playbooksDir }) =>
    files.map((file) => `--extra-vars=@${join(playbooksDir, file)}`),
  privateKeyFile: (file, { playbooksDir }) =>
    file === null ? [] : [`--private-key=${/^[/~]/.test(file) ? file : join(playbooksDir, file)}`],
  verbosity: (count) => [`-${'v'.repeat(count)}`],
  // the last of several wins, and these are said after the files
  extraVarsJson: () => [],
};

/**
 * Arguments of ansible-playbook. Every value is part of its option's own token or an absolute path,
 * so that none can be taken for an option, and no shell ever sees them.
 */
export function ansibleArguments(
  playbook: string,
  parameters: RunParameters,
  paths: ArgumentPaths,
): string[] {
  const words = RUN_PARAMETER_NAMES.filter((name) => isGiven(name, parameters[name])).flatMap((name) =>
    wordsOf(name, parameters, paths),
  );
  if (paths.extraVars !== null) words.push(`--extra-vars=@${paths.extraVars}`);
  return [...words, join(paths.playbooksDir, playbook)];
}

function wordsOf<N extends RunParameterName>(
  name: N,
  parameters: RunParameters,
  paths: ArgumentPaths,
): string[] {
  const value = parameters[name];
  const own: ((value: RunParameters[N], paths: ArgumentPaths) => string[]) | undefined = WORDS[name];
  if (own) return own(value, paths);
  const { kind, option } = RUN_PARAMETERS[name];
  if (option === null) return [];
  if (kind === 'flag') return [option];
  return [`${option}=${Array.isArray(value) ? value.join(',') : value}`];
}

/**
 * What JSON and YAML write differently, in text that is known to be JSON: strings, numbers, separators and white space. A string
 * without its closing quote matches, too: that keeps the pattern linear on any other text.
 */
const TOKEN = /"(?:[^"\\]|\\.)*"?|-?\d[-+.\deE]*|[,:]|[ \t\r\n]+/gs;
const BEFORE_COLON = /[ \t\r\n]*:/y;

/**
 * Extra variables as YAML in which every text that could be a template, key or value, is `!unsafe`: Ansible takes it as it
 * is (a plain `{{ lookup('pipe', …) }}` would be run on this machine). Names of variables have no room for one. Numbers stay
 * as they were written, and keys in their order: the text is rewritten, as a tree of ten thousand values takes long to make.
 * Null when there are none.
 * @throws {SyntaxError} when the text is no JSON
 */
export function extraVarsFile(json: string): string | null {
  const vars: object = JSON.parse(json);
  if (Object.keys(vars).length === 0) return null;
  return `${json.replace(TOKEN, yamlToken)}\n`;
}

function yamlToken(token: string, at: number, json: string): string {
  switch (token[0]) {
    case '"':
      BEFORE_COLON.lastIndex = at + token.length;
      return BEFORE_COLON.test(json) ? `? ${yamlText(token)}` : yamlText(token);
    case ':':
      return ' : ';
    case ',':
      return ', ';
    case ' ':
    case '\t':
    case '\r':
    case '\n':
      return '';
  }
  // YAML takes "1e5" for a text
  return /[.eE]/.test(token) ? `!!float "${token}"` : token;
}

/**
 * Since 2.19 Ansible reads an `!unsafe` text as if it had no quotes: "1.10" would be a number, "yes" true, "<<" a merge,
 * each also with a line end behind it. All texts that are something else to YAML consist of these characters, and no template
 * does.
 */
const NO_TEMPLATE = /^[\w+\-.:~<= \t\n!&*]*$/;

/** JSON text that YAML reads as the same. */
const SAME_IN_YAML = /^"(?:[ !#-[\]-~]|\\["\\bfnrt])*"$/;
/** YAML reads some of these characters as line ends and refuses others. */
const TO_ESCAPE = /["\\]|[^ -~\p{L}\p{M}\p{N}\p{P}\p{S}]+/gu;

function yamlText(json: string): string {
  const text: string = json.includes('\\') ? JSON.parse(json) : json.slice(1, -1);
  const quoted = SAME_IN_YAML.test(json) ? json : `"${text.replace(TO_ESCAPE, escapeForYaml)}"`;
  return NO_TEMPLATE.test(text) ? quoted : `!unsafe ${quoted}`;
}

function escapeForYaml(characters: string): string {
  if (characters === '"' || characters === '\\') return `\\${characters}`;
  let escaped = '';
  for (const one of characters) escaped += `\\U${(one.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`;
  return escaped;
}
