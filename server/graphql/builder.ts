import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import ErrorsPlugin from '@pothos/plugin-errors';
import RelayPlugin from '@pothos/plugin-relay';
import SimpleObjectsPlugin from '@pothos/plugin-simple-objects';
import { GraphQLError } from 'graphql';
import type { Context } from './context.ts';
import { decodeId, isNodeType } from './ids.ts';
import { jsonTextOfLiteral, jsonTextOfVariable } from './json-input.ts';

/** A page of 500 schedules with their last runs is allowed; 500 runs of each of 500 schedules are not. */
const MAX_COMPLEXITY = 100_000;

/** Non-null by default, including list items; arguments are optional unless marked as required. */
export const builder = new SchemaBuilder<{
  Context: Context;
  DefaultFieldNullability: false;
  DefaultEdgesNullability: { list: false; items: false };
  DefaultNodeNullability: false;
  Connection: { totalCount: () => Promise<number> };
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    TimeZone: { Input: string; Output: string };
    /** Input: its JSON text, with numbers as written. */
    JSONObject: { Input: string; Output: Readonly<Record<string, unknown>> };
    JSONText: { Input: string; Output: string };
  };
}>({
  plugins: [ComplexityPlugin, ErrorsPlugin, RelayPlugin, SimpleObjectsPlugin],
  defaultFieldNullability: false,
  // 1 per field of each object; connections multiply by their page size
  complexity: { defaultComplexity: 1, defaultListMultiplier: 1, limit: { complexity: MAX_COMPLEXITY } },
  errors: { directResult: true, defaultTypes: [] },
  relay: {
    decodeGlobalID: decodeId,
    nodeQueryOptions: {
      // unknown ids resolve to null
      resolve: (_root, { id }, _context, _info, resolveNode) =>
        isNodeType(id.typename) ? resolveNode(id) : null,
    },
    nodesQueryOptions: false,
    edgesFieldOptions: { nullable: { list: false, items: false } },
    nodeFieldOptions: { nullable: false },
    pageInfoTypeOptions: { description: 'Where a page begins and ends, and whether there is more.' },
  },
});

builder.queryType({});
builder.mutationType({});
builder.subscriptionType({});

/** RFC 3339 with an offset; a local time without one would mean something else on every server. */
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/i;

builder.scalarType('DateTime', {
  description:
    'RFC 3339 instant with offset, e.g. 2026-03-29T01:30:00Z. Output is always UTC with milliseconds.',
  serialize: (date) => date.toISOString(),
  parseValue: (value) => {
    const date = typeof value === 'string' && RFC_3339.test(value) ? new Date(value) : null;
    if (date && !Number.isNaN(date.getTime())) return date;
    throw new GraphQLError(`Expected an RFC 3339 instant with an offset, e.g. "2026-03-29T01:30:00Z".`);
  },
});

builder.scalarType('TimeZone', {
  description: 'IANA zone name, e.g. Europe/Berlin.',
  serialize: (zone) => zone,
  parseValue: (value) => {
    // the service reports an unknown zone as a field error; this only refuses non-strings
    if (typeof value === 'string') return value;
    throw new GraphQLError('Expected an IANA zone name, e.g. "Europe/Berlin".');
  },
});

builder.scalarType('JSONObject', {
  description: 'Any JSON object.',
  serialize: (object) => object,
  parseValue: jsonTextOfVariable,
  parseLiteral: jsonTextOfLiteral,
});

builder.scalarType('JSONText', {
  description: 'Any JSON object, as text: numbers of any size stay as they are written.',
  serialize: (text) => text,
  parseValue: (value) => {
    // the service reports invalid JSON as a field error
    if (typeof value === 'string') return value;
    throw new GraphQLError('Expected a JSON object as text, e.g. "{\\"release\\": 1.10}".');
  },
});
