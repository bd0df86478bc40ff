import { expect } from 'vitest';
import type { ApiClient } from './api-client.ts';

/** What a mutation answers, as far as tests of refusals ask. */
export type Result = { __typename: string; message?: string; issues?: { message: string }[] };

/** Documents whose result is named `result`. */
export const MUTATIONS = {
  create:
    'mutation ($input: CreateScheduleInput!) { result: createSchedule(input: $input) { __typename ... on Error { message } ... on CreateSchedulePayload { schedule { id name parameters { extraVars } } } } }',
  run: 'mutation ($input: RunPlaybookInput!) { result: runPlaybook(input: $input) { __typename ... on Error { message } ... on RunPlaybookPayload { run { id parameters { extraVars } } } } }',
  save: 'mutation ($input: SavePlaybookInput!) { result: savePlaybook(input: $input) { __typename ... on Error { message } } }',
  delete:
    'mutation ($input: DeletePlaybookInput!) { result: deletePlaybook(input: $input) { __typename ... on Error { message } } }',
} as const;

/** Nothing was stored and nothing was started by what was refused. */
export async function expectNothingDone(api: ApiClient): Promise<void> {
  expect(await api.request('{ runs { totalCount } schedules { totalCount } }')).toEqual({
    runs: { totalCount: 0 },
    schedules: { totalCount: 0 },
  });
}
