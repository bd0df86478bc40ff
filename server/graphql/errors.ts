import type { GraphQLError } from 'graphql';
import {
  ConflictError,
  DomainError,
  InvalidInputError,
  InvalidStateError,
  NotFoundError,
} from '../domain/errors.ts';
import { builder } from './builder.ts';

const ErrorInterface = builder.interfaceRef<Error>('Error').implement({
  description: 'Every member of a result union that is not the success type implements this.',
  fields: (t) => ({ message: t.exposeString('message') }),
});

const InputIssueRef = builder.objectRef<InvalidInputError['issues'][number]>('InputIssue').implement({
  description:
    '`path` is the input field, e.g. ["timing", "cron"]; `position` is the 0-based character offset inside the value, where it is known.',
  fields: (t) => ({
    path: t.stringList({ resolve: (issue) => [...issue.path] }),
    message: t.exposeString('message'),
    position: t.exposeInt('position', { nullable: true }),
  }),
});

builder.objectType(InvalidInputError, {
  name: 'InvalidInputError',
  interfaces: [ErrorInterface],
  fields: (t) => ({ issues: t.field({ type: [InputIssueRef], resolve: (error) => [...error.issues] }) }),
});

builder.objectType(NotFoundError, { name: 'NotFoundError', interfaces: [ErrorInterface] });

builder.objectType(ConflictError, {
  name: 'ConflictError',
  description: 'The thing was changed by someone else since it was read.',
  interfaces: [ErrorInterface],
});

builder.objectType(InvalidStateError, {
  name: 'InvalidStateError',
  description: 'The thing is in a state that does not allow this (cancelling a finished run).',
  interfaces: [ErrorInterface],
});

/**
 * What the client sees of an error outside a result union: expected failures unchanged, with their code; null
 * for everything else, which is masked.
 */
export function publicError(error: unknown): Pick<GraphQLError, 'message' | 'extensions'> | null {
  if (!(error instanceof DomainError)) return null;
  const issues = error instanceof InvalidInputError ? { issues: error.issues } : {};
  return { message: error.message, extensions: { code: error.code, ...issues } };
}
