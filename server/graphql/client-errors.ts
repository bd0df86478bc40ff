import { GraphQLError } from 'graphql';
import { clip } from '../domain/errors.ts';

/** Enough for a sentence that quotes the faulty value; megabytes of it would help nobody. */
const MAX_MESSAGE_LENGTH = 500;
const SUGGESTION = ' Did you mean ';

/**
 * Makes a graphql-js error about a document or its variables fit for the client: such messages quote the
 * client's input in full, and may suggest names from the schema.
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

/** Strips the suggestion that graphql-js appends to a message about a name: `Did you mean "schedule"?` */
function withoutSuggestion(message: string): string {
  const at = message.endsWith('?') ? message.lastIndexOf(SUGGESTION) : -1;
  return at === -1 ? message : message.slice(0, at);
}
