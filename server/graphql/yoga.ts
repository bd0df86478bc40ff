import { randomUUID } from 'node:crypto';
import { maxAliasesPlugin } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthPlugin } from '@escape.tech/graphql-armor-max-depth';
import { maxDirectivesPlugin } from '@escape.tech/graphql-armor-max-directives';
import { maxTokensPlugin } from '@escape.tech/graphql-armor-max-tokens';
import { GraphQLError } from 'graphql';
import { createYoga, type YogaServerInstance } from 'graphql-yoga';
import type { Context, Services } from './context.ts';
import { createLoaders } from './context.ts';
import { publicError } from './errors.ts';
import { hiddenSchema, withoutSuggestion } from './hidden-schema.ts';
import { schema } from './schema.ts';

/** Above these a document is refused before it is executed; the same over HTTP, SSE and WebSocket. */
const LIMITS = { depth: 12, aliases: 30, tokens: 2_000, directives: 30 };

export interface YogaOptions {
  readonly services: Services;
  /** Serve GraphiQL to browsers that open the endpoint, and tell the schema. */
  readonly isDevelopment: boolean;
  /** An internal error, with the id that the client was given. */
  onInternalError(error: unknown, requestId: string): void;
}

export type Yoga = YogaServerInstance<object, Context>;

export function createGraphqlYoga(options: YogaOptions): Yoga {
  const plugins = [
    maxTokensPlugin({ n: LIMITS.tokens }),
    maxDepthPlugin({ n: LIMITS.depth, ignoreIntrospection: true }),
    maxAliasesPlugin({ n: LIMITS.aliases }),
    maxDirectivesPlugin({ n: LIMITS.directives }),
    ...(options.isDevelopment ? [] : [hiddenSchema]),
  ];
  return createYoga<object, Context>({
    schema,
    context: () => ({ services: options.services, loaders: createLoaders(options.services) }),
    graphqlEndpoint: '/graphql',
    plugins,
    // Yoga's own default answers any Origin with credentials
    cors: false,
    multipart: false,
    batching: false,
    landingPage: false,
    graphiql: options.isDevelopment,
    logging: false,
    maskedErrors: {
      maskError: (error) => {
        const original = error instanceof GraphQLError ? error.originalError : error;
        const shown = publicError(original);
        if (shown) return locatedLike(shown, error);
        // made by GraphQL itself, of the document or the variables
        if (error instanceof GraphQLError && (!original || original instanceof GraphQLError))
          return options.isDevelopment ? error : withoutSuggestion(error);
        const requestId = randomUUID();
        options.onInternalError(original, requestId);
        const masked = new GraphQLError('Internal error.', {
          extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
        });
        return locatedLike(masked, error);
      },
    },
  });
}

/** `error`, at the place in the document where `located` happened. */
function locatedLike(error: GraphQLError, located: unknown): GraphQLError {
  if (!(located instanceof GraphQLError)) return error;
  return new GraphQLError(error.message, {
    nodes: located.nodes ?? null,
    path: located.path ?? null,
    extensions: error.extensions,
  });
}
