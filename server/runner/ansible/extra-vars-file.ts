import { setImmediate as nextRound } from 'node:timers/promises';
import { partsOfJson } from '../../domain/json-shape.ts';

/** Rewriting a part of this length takes 1 to 3 ms. */
const PART_LENGTH = 16_384;

/**
 * Tokens that JSON and YAML write differently, in text known to be JSON: strings, numbers, separators and white
 * space. Also matches a string without its closing quote, which keeps the pattern linear on any other text.
 */
const TOKEN = /"(?:[^"\\]|\\.)*"?|-?\d[-+.\deE]*|[,:]|[ \t\r\n]+/gs;
const BEFORE_COLON = /[ \t\r\n]*:/y;

/**
 * Converts extra variables to YAML in which every string that could be a template, key or value, is `!unsafe`,
 * so that Ansible takes it literally (a plain `{{ lookup('pipe', …) }}` would run on this machine). Variable
 * names cannot contain a template. Numbers keep their spelling and keys their order: the text is rewritten, as
 * building a tree of ten thousand values is slow. A long text takes several turns of the event loop.
 * @param json a JSON object; not validated
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
  // YAML reads "1e5" as a string
  return /[.eE]/.test(token) ? `!!float "${token}"` : token;
}

/**
 * Since 2.19 Ansible reads an `!unsafe` string as if it were unquoted: "1.10" would be a number, "yes" true,
 * "<<" a merge, each also with a trailing newline. All strings with another meaning in YAML consist of these
 * characters; no template does.
 */
const NO_TEMPLATE = /^[\w+\-.:~<= \t\n!&*]*$/;

/** JSON strings that YAML reads identically. */
const SAME_IN_YAML = /^"(?:[ !#-[\]-~]|\\["\\bfnrt])*"$/;
/** YAML reads some of these characters as line breaks and refuses others. */
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
