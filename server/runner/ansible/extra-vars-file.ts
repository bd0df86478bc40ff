import { setImmediate as nextRound } from 'node:timers/promises';
import { partsOfJson } from '../../domain/json-shape.ts';

/** Rewriting a part of this length takes 1 to 3 ms. */
const PART_LENGTH = 16_384;

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
 * A long one is rewritten over several rounds of the event loop.
 * @param json a JSON object; it is not checked
 * @returns null when there are none
 */
export async function extraVarsFile(json: string): Promise<string | null> {
  if (/^[ \t\r\n]*\{[ \t\r\n]*\}/.test(json)) return null;
  let file = '';
  for (const part of partsOfJson(json, PART_LENGTH)) {
    file += part.replace(TOKEN, yamlToken);
    if (part.length < json.length) await nextRound();
  }
  return `${file}\n`;
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
