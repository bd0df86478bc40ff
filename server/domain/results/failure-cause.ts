import type { FailureTexts } from './result-event.ts';

/** Says so of a result that `no_log` hides. */
export const HIDDEN = 'The output is hidden (no_log).';

const MAX_LINES = 6;
const MAX_LENGTH = 1_000;

/**
 * What Ansible (2.14 to 2.21) puts before a cause. Removed again and again: wrappers are nested.
 * Matched against the beginning of the message only.
 */
const WRAPPERS: readonly RegExp[] = [
  /^(?:Task|Module|Action) failed: /,
  /^(?:The )?[Tt]ask includes an option with an undefined variable\. ?(?:The error was: )?/,
  /^Finalization of task args for '[^'\n]{1,200}' failed: /,
  /^Error while resolving value for '[^'\n]{1,200}': /,
  /^Error rendering template: /,
  /^Failed to connect to the host via ssh: /,
  /^Failed to template [^\n]{1,200}, error: /,
  /^An unhandled exception occurred while templating '[^\n]{1,400}'\. Error was a <class '[^'\n]{1,200}'>, original message: /,
  /^AnsibleError: /,
  /^AnsibleUndefinedVariable: /,
];
/** What Ansible appends: where the text stands, which we know better. */
const TRAILERS: readonly string[] = ['\n\nThe error appears to be in ', '\n\nOrigin: ', '\nOrigin: '];
/** Says only that a command failed, which its exit code says, too. */
const NO_CAUSE = /^(?:The command exited with a )?non-zero return code\.?$/;
/** A module ended without an answer; what it printed says why. */
const NO_ANSWER = /^(?:MODULE FAILURE|Module result deserialization failed|The module failed to execute)/;
/** What ssh and shells print besides the cause. */
const NOISE = /^(?:Warning: Permanently added |Connection to \S{1,300} closed\.|\*\* WARNING: |\*\* )/;

/**
 * The cause of a failed result, without what Ansible wraps around it; at most six lines. "": nothing is known of
 * it.
 */
export function causeOf({ message, rc, stderr, stdout, isHidden }: FailureTexts): string {
  if (isHidden) return HIDDEN;
  const said = unwrap(message ?? '');
  if (said === '' || NO_CAUSE.test(said)) {
    const printed = lastLines(stderr) || lastLines(stdout);
    const code = rc === null ? '' : `exit code ${rc}`;
    return clip([code, printed].filter((part) => part !== '').join(': ') || said);
  }
  if (NO_ANSWER.test(said)) {
    // the last line of a traceback is the exception
    const printed = lastLines(stderr, 1) || lastLines(stdout, 1);
    return clip(printed === '' ? firstLines(said) : printed);
  }
  return clip(firstLines(withoutNoise(said)));
}

function unwrap(message: string): string {
  let text = message.trim();
  for (const trailer of TRAILERS) {
    const at = text.indexOf(trailer);
    if (at > 0) text = text.slice(0, at);
  }
  for (let isWrapped = true; isWrapped; ) {
    const before = text;
    for (const wrapper of WRAPPERS) text = text.replace(wrapper, '');
    isWrapped = text !== before;
  }
  return withoutRepetition(text.trim());
}

/** Older Ansible says some things twice: "'a' is undefined. 'a' is undefined". */
function withoutRepetition(text: string): string {
  const half = (text.length - 2) / 2;
  return Number.isInteger(half) && half > 0 && text === `${text.slice(0, half)}. ${text.slice(0, half)}`
    ? text.slice(0, half)
    : text;
}

function withoutNoise(text: string): string {
  const lines = linesOf(text).filter((line) => !NOISE.test(line.trim()));
  return lines.length === 0 ? text : lines.join('\n');
}

function linesOf(text: string): string[] {
  return text.split('\n').map((line) => line.trimEnd());
}

function firstLines(text: string): string {
  return linesOf(text).slice(0, MAX_LINES).join('\n').trim();
}

function lastLines(text: string | null, count = MAX_LINES): string {
  if (text === null) return '';
  const lines = linesOf(withoutNoise(text)).filter((line) => line !== '');
  return lines.slice(-count).join('\n').trim();
}

function clip(text: string): string {
  return text.length <= MAX_LENGTH ? text : `${text.slice(0, MAX_LENGTH).toWellFormed()}…`;
}

const ADDRESS = /\b\d{1,3}(?:\.\d{1,3}){3}\b|\b0x[0-9a-f]{4,16}\b|\b\d{2,20}\b/g;

/** A cause without numbers, which differ from host to host. */
export function withoutNumbers(cause: string): string {
  return cause.replace(ADDRESS, '\u0001');
}

const WORD = /[\p{L}\p{N}_]/u;

/** A cause without the name of its host, which differs, too. A part of a longer word is no name. */
export function withoutWord(cause: string, word: string): string {
  if (word === '') return cause;
  let rest = '';
  let from = 0;
  for (let at = cause.indexOf(word); at !== -1; at = cause.indexOf(word, at + word.length)) {
    const end = at + word.length;
    if (WORD.test(cause.charAt(at - 1)) || WORD.test(cause.charAt(end))) continue;
    rest += `${cause.slice(from, at)}\u0000`;
    from = end;
  }
  return rest + cause.slice(from);
}
