import { maxAliasesPlugin } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthPlugin } from '@escape.tech/graphql-armor-max-depth';
import { maxDirectivesPlugin } from '@escape.tech/graphql-armor-max-directives';
import { maxTokensPlugin } from '@escape.tech/graphql-armor-max-tokens';
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type SelectionSetNode,
  validate,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { clientError } from './client-errors.ts';
import { checkOperation } from './request-params.ts';

/** A document that exceeds these is refused before execution; the same over HTTP, SSE and WebSocket. */
const LIMITS = { depth: 12, aliases: 30, tokens: 2_000, directives: 30 };
/** Size of a document's text; values belong in variables. */
const MAX_BYTES = 65_536;
/** graphql-js compares all pairs of selections of a field, and all pairs of fragments. */
const MAX_SELECTIONS_OF_FIELD = 50;
const MAX_FRAGMENTS = 50;
const MAX_SPREADS = 200;
/** Fields selected by a document, with fragments expanded. */
const MAX_FIELDS = 2_000;
/** More would not help, and each costs as much as a small query. */
const MAX_ERRORS = 20;

export function documentLimits(hidesSchema: boolean): Plugin[] {
  const limits: Plugin = {
    onParse({ params }) {
      const { source } = params;
      const text = typeof source === 'string' ? source : source.body;
      if (text.length > MAX_BYTES || Buffer.byteLength(text) > MAX_BYTES)
        throw refused(
          `The document is longer than ${MAX_BYTES} bytes; values that are long belong into variables.`,
        );
      return ({ context, result, replaceParseResult }) => {
        if (result instanceof GraphQLError) replaceParseResult(clientError(result, hidesSchema));
        // a stack overflow in the parser
        else if (result instanceof RangeError)
          replaceParseResult(refused('The document is nested too deep.'));
        else if (!(result instanceof Error) && result) checkOperation(result, context.params?.operationName);
      };
    },
    onValidate({ params, setValidationFn }) {
      checkSelections(params.documentAST);
      const bounded: typeof validate = (schema, document, rules) =>
        validate(schema, document, rules, { maxErrors: MAX_ERRORS, hideSuggestions: hidesSchema }).map(
          (error) => clientError(error, hidesSchema),
        );
      setValidationFn(bounded);
    },
  };
  return [
    limits,
    maxTokensPlugin({ n: LIMITS.tokens }),
    maxDepthPlugin({ n: LIMITS.depth, ignoreIntrospection: true }),
    maxAliasesPlugin({ n: LIMITS.aliases }),
    maxDirectivesPlugin({ n: LIMITS.directives }),
  ];
}

/** Walks the fields as execution would, merging those with the same response name. */
function checkSelections(document: DocumentNode): void {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  if (fragments.size > MAX_FRAGMENTS) throw refused(`The document has more than ${MAX_FRAGMENTS} fragments.`);
  let fields = 0;
  let spreads = 0;

  function visit(sets: readonly SelectionSetNode[], depth: number): void {
    const inside = new Map<string, SelectionSetNode[]>();
    const times = new Map<string, number>();
    const spread = new Set<string>();
    const collect = (set: SelectionSetNode): void => {
      for (const selection of set.selections) {
        if (selection.kind === Kind.INLINE_FRAGMENT) collect(selection.selectionSet);
        else if (selection.kind === Kind.FRAGMENT_SPREAD) {
          const name = selection.name.value;
          spreads += 1;
          if (spreads > MAX_SPREADS)
            throw refused(`The document spreads more than ${MAX_SPREADS} fragments.`);
          const fragment = spread.has(name) ? undefined : fragments.get(name);
          spread.add(name);
          if (fragment) collect(fragment.selectionSet);
        } else {
          const name = (selection.alias ?? selection.name).value;
          const count = (times.get(name) ?? 0) + 1;
          times.set(name, count);
          fields += 1;
          if (count > MAX_SELECTIONS_OF_FIELD)
            throw refused(`The document selects one field more than ${MAX_SELECTIONS_OF_FIELD} times.`);
          if (fields > MAX_FIELDS) throw refused(`The document selects more than ${MAX_FIELDS} fields.`);
          if (!selection.selectionSet) continue;
          const others = inside.get(name);
          if (others) others.push(selection.selectionSet);
          else inside.set(name, [selection.selectionSet]);
        }
      }
    };
    for (const set of sets) collect(set);
    // deeper levels and fragment cycles are refused by the validation rules
    if (depth <= LIMITS.depth) for (const deeper of inside.values()) visit(deeper, depth + 1);
  }

  for (const definition of document.definitions) {
    if (definition.kind === Kind.OPERATION_DEFINITION) visit([definition.selectionSet], 1);
    // even if unused: graphql-js validates it all the same
    else if (definition.kind === Kind.FRAGMENT_DEFINITION) visit([definition.selectionSet], 1);
  }
}

function refused(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } });
}
