import { clip } from '../../errors.ts';
import { codePointAt, findInvisible } from '../../invisible.ts';

/** Python, YAML and JSON cannot represent lone surrogates. */
const LONE_SURROGATE = /\p{Cs}/u;
const TEMPLATE = /\{[{%#]/;

/** Why a text cannot be a parameter: a sentence, and the position. */
export interface TextFault {
  readonly message: string;
  readonly position: number | null;
}

/**
 * Checks common to all text parameters. Ansible turns some of them into variables (ansible_limit,
 * ansible_run_tags, inventory_file …), and older versions evaluate templates in any variable.
 */
export function checkText(text: string, what: string, maxLength: number): TextFault | null {
  const shown = () => `${what} "${clip(text)}"`;
  const fault = (message: string, position = -1): TextFault => ({
    message,
    position: position === -1 ? null : position,
  });
  if (text.trim() === '') return fault(`${what} is empty; leave it out instead.`);
  if (text.length > maxLength) return fault(`${what} is longer than ${maxLength} characters.`);
  const surrogate = text.search(LONE_SURROGATE);
  if (surrogate !== -1)
    return fault(`${what} has half a character (a lone surrogate) and is no valid Unicode.`, surrogate);
  const invisible = findInvisible(text);
  if (invisible !== -1) {
    const character = codePointAt(text, invisible);
    return fault(`${what} has a control character, or an invisible one (${character}).`, invisible);
  }
  const template = text.search(TEMPLATE);
  if (template !== -1)
    return fault(`${shown()} has a template; Ansible would evaluate it on this machine.`, template);
  return null;
}
