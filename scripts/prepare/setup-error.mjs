import { fileURLToPath } from 'node:url';

/** Something that the person who started the set-up can change: the message says how. */
export class SetupError extends Error {}

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

export function say(text) {
  process.stdout.write(`${text}\n`);
}
