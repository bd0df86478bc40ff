import { printSchema } from 'graphql';
import { schema } from './schema.ts';

/** The schema in SDL, as in the committed `schema.graphql`. */
export function schemaText(): string {
  return `${printSchema(schema)}\n`;
}
