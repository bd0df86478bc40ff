/** One fault in a caller's input. */
export interface InputIssue {
  /** Path to the input field, outermost first, e.g. `['timing', 'cron']`. */
  readonly path: readonly string[];
  /** A sentence with the value and what was expected. */
  readonly message: string;
  /** 0-based character offset of the fault inside the value; null where it is not known. */
  readonly position: number | null;
}

/**
 * An expected failure, shown to the caller as it is. Anything else that is thrown is a defect and is masked.
 */
export abstract class DomainError extends Error {
  /** Stable, for programs. */
  abstract readonly code: string;
}

/** The input is invalid; nothing was stored. */
export class InvalidInputError extends DomainError {
  readonly code = 'INVALID_INPUT';
  readonly issues: readonly InputIssue[];

  constructor(issues: readonly InputIssue[]) {
    super(issues.map((issue) => issue.message).join(' '));
    this.name = 'InvalidInputError';
    this.issues = issues;
  }
}

/** The thing does not exist, or no longer does. */
export class NotFoundError extends DomainError {
  readonly code = 'NOT_FOUND';

  constructor(what: string, id: string) {
    super(`There is no ${what} "${clip(id)}".`);
    this.name = 'NotFoundError';
  }
}

/** The thing was changed by someone else since it was read; nothing was stored. */
export class ConflictError extends DomainError {
  readonly code = 'CONFLICT';

  constructor(message: string) {
    super(message);
    this.name = 'ConflictError';
  }
}

/** The thing is in a state that does not allow this. */
export class InvalidStateError extends DomainError {
  readonly code = 'INVALID_STATE';

  constructor(message: string) {
    super(message);
    this.name = 'InvalidStateError';
  }
}

/** A secret cannot be sealed or opened; the message says what is wrong with the key. Nothing was stored. */
export class SecretsError extends DomainError {
  readonly code = 'SECRETS_UNAVAILABLE';

  constructor(message: string) {
    super(message);
    this.name = 'SecretsError';
  }
}

/** Shortens a caller's value, so that a message stays one readable sentence. */
export function clip(value: string, length = 80): string {
  return value.length <= length ? value : `${value.slice(0, length)}…`;
}
