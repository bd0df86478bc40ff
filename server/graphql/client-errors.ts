import { GraphQLError } from 'graphql';
import { clip } from '../domain/errors.ts';

/** A sentence with the value that is wrong; a value of megabytes is no help to anybody. */
const MAX_MESSAGE_LENGTH = 500;
const SUGGESTION = ' Did you mean ';

/**
 * An error that GraphQL made of a document or its variables, as a client is told it: these messages repeat what the client
 * sent, whole, and may suggest names of the schema.
 */
export function clientError(error: GraphQLError, hidesSchema: boolean): GraphQLError {
  const message = clip(hidesSchema ? withoutSuggestion(error.message) : error.message, MAX_MESSAGE_LENGTH);
  if (message === error.message) return error;
  return new GraphQLError(message, {
    nodes: error.nodes ?? null,
    source: error.source ?? null,
    positions: error.positions ?? null,
    path: error.path ?? null,
    extensions: error.extensions,
  });
}

/** Without what graphql-js ends a message about a name with: `Did you mean "schedule"?` */
function withoutSuggestion(message: string): string {
  const at = message.endsWith('?') ? message.lastIndexOf(SUGGESTION) : -1;
  return at === -1 ? message : message.slice(0, at);
}
