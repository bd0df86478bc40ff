import { readFileSync } from 'node:fs';
import { buildSchema, findBreakingChanges, printSchema } from 'graphql';
import { expect, it } from 'vitest';
import { schema } from '../server/graphql/schema.ts';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

it('schema.graphql is what the server serves', () => {
  expect(`${printSchema(schema)}\n`, 'run "npm run schema"').toBe(read('../schema.graphql'));
});

it('the schema holds all of the contract that other programs rely on', () => {
  const contract = [
    'fixtures/contract.graphql',
    'fixtures/contract-logs.graphql',
    'fixtures/contract-results.graphql',
    'fixtures/contract-notices.graphql',
  ]
    .map(read)
    .join('\n');
  expect(findBreakingChanges(buildSchema(contract), schema)).toEqual([]);
});
