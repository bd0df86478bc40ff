import { type InputIssue, InvalidInputError } from '../domain/errors.ts';
import { codePointAt, findInvisible } from '../domain/invisible.ts';

const MAX_NAME_LENGTH = 200;

/** A name that a user has given to a thing, without blanks around it. @throws {InvalidInputError} */
export function requireName(name: string): string {
  const trimmed = name.trim();
  const issue = (message: string): InputIssue => ({ path: ['name'], message, position: null });
  if (trimmed === '') throw new InvalidInputError([issue('The name is empty.')]);
  if (trimmed.length > MAX_NAME_LENGTH) {
    throw new InvalidInputError([
      issue(`The name has ${trimmed.length} characters; expected at most ${MAX_NAME_LENGTH}.`),
    ]);
  }
  const invisible = findInvisible(trimmed);
  if (invisible !== -1) {
    const position = name.length - name.trimStart().length + invisible;
    const message = `The name has an invisible character (${codePointAt(trimmed, invisible)}).`;
    throw new InvalidInputError([{ path: ['name'], message, position }]);
  }
  return trimmed;
}
