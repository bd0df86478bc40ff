import { printSchema } from 'graphql';
import { schema } from './schema.ts';

/** The schema in its own language, as the committed `schema.graphql` has it. */
export function schemaText(): string {
  return `${printSchema(schema)}\n`;
}
