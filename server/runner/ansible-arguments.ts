import { join } from 'node:path';
import {
  isGiven,
  RUN_PARAMETER_NAMES,
  RUN_PARAMETERS,
  type RunParameterName,
  type RunParameters,
} from '../../shared/run-parameters.ts';
import type { JsonNode } from '../domain/json-text.ts';
import { parseExtraVars } from '../domain/run-parameters/extra-vars.ts';
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
 * Extra variables as YAML in which every text that could be a template, key or value, is `!unsafe`: Ansible takes it as it
 * is (a plain `{{ lookup('pipe', …) }}` would be run on this machine). Names of variables have no room for one.
 * Null when there are none.
 */
export function extraVarsFile(json: string): string | null {
  const { entries } = parseExtraVars(json);
  if (entries.length === 0) return null;
  const pairs = entries.map(([name, value]) => `? ${yamlText(name)} : ${unsafeYaml(value)}`);
  return `{${pairs.join(', ')}}\n`;
}

function unsafeYaml(node: JsonNode): string {
  switch (node.kind) {
    case 'text':
      return unsafeText(node.value);
    case 'number':
      // YAML takes "1e5" for a text
      return /[.eE]/.test(node.source) ? `!!float ${yamlText(node.source)}` : node.source;
    case 'word':
      return node.source;
    case 'list':
      return `[${node.items.map(unsafeYaml).join(', ')}]`;
    case 'object':
      return `{${node.entries
        .map(([key, value]) => `? ${unsafeText(key)} : ${unsafeYaml(value)}`)
        .join(', ')}}`;
  }
}

/**
 * Since 2.19 Ansible reads an `!unsafe` text as if it had no quotes: "1.10" would be a number, "yes" true, "<<" a merge.
 * All texts that are something else to YAML consist of these characters, and no template does.
 */
const NO_TEMPLATE = /^[\w+\-.:~<= \t!&*]*$/;

function unsafeText(text: string): string {
  return NO_TEMPLATE.test(text) ? yamlText(text) : `!unsafe ${yamlText(text)}`;
}

/** Text that needs no escapes. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** In double quotes, in ASCII: YAML reads some of the other characters as line ends and refuses others. */
function yamlText(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  let quoted = '"';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (character === '"' || character === '\\') quoted += `\\${character}`;
    else if (code >= 0x20 && code < 0x7f) quoted += character;
    else quoted += `\\U${code.toString(16).padStart(8, '0')}`;
  }
  return `${quoted}"`;
}
