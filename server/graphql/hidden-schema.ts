import { GraphQLError, NoSchemaIntrospectionCustomRule } from 'graphql';
import type { Plugin } from 'graphql-yoga';

/**
 * Answers no question about the schema: neither introspection nor a guessed name is told what there is. Those who may use the
 * API read it at `GET /schema.graphql`.
 * @see https://cheatsheetseries.owasp.org/cheatsheets/GraphQL_Cheat_Sheet.html#introspection-graphiql
 */
export const hiddenSchema: Plugin = {
  onValidate({ addValidationRule }) {
    addValidationRule(NoSchemaIntrospectionCustomRule);
    return ({ result, setResult }) => setResult((result as readonly GraphQLError[]).map(withoutSuggestion));
  },
};

/** What graphql-js adds to an error about a name: `Did you mean "schedule"?` */
export function withoutSuggestion(error: GraphQLError): GraphQLError {
  const message = error.message.replace(/ Did you mean .*\?$/s, '');
  if (message === error.message) return error;
  return new GraphQLError(message, { nodes: error.nodes ?? null, path: error.path ?? null });
}
