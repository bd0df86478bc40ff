import { InvalidInputError } from '../../domain/errors.ts';

/** @throws {InvalidInputError} when it is no number of a line that a reader may hold */
export function requireLineNumber(after: number): void {
  if (Number.isSafeInteger(after) && after >= 0) return;
  const message = `"after" is ${after}; expected the number of the last line held, 0 or more.`;
  throw new InvalidInputError([{ path: ['after'], message, position: null }]);
}
