import { mutate } from '../graphql/client.ts';
import { graphql } from '../graphql/generated/gql.ts';
import type {
  RunPlaybookInput,
  RunPlaybookMutation,
  TriggerScheduleInput,
  TriggerScheduleMutation,
} from '../graphql/generated/graphql.ts';

const RUN = graphql(`
  mutation RunPlaybook($input: RunPlaybookInput!) {
    runPlaybook(input: $input) {
      __typename
      ... on RunPlaybookPayload { run { id } }
      ... on InvalidInputError { message issues { path message position } }
      ... on NotFoundError { message }
    }
  }
`);
const TRIGGER = graphql(`
  mutation TriggerSchedule($input: TriggerScheduleInput!) {
    triggerSchedule(input: $input) {
      __typename
      ... on TriggerSchedulePayload { run { id } }
      ... on NotFoundError { message }
      ... on InvalidStateError { message }
      ... on InvalidInputError { message }
    }
  }
`);

export type RunPlaybookResult = RunPlaybookMutation['runPlaybook'];

/** Starts a run of a playbook. @throws when there was no response */
export async function runPlaybook(input: RunPlaybookInput): Promise<RunPlaybookResult> {
  return (await mutate(RUN, { input })).runPlaybook;
}

/** Starts a run of a schedule. @throws when there was no response */
export async function triggerSchedule(
  input: TriggerScheduleInput,
): Promise<TriggerScheduleMutation['triggerSchedule']> {
  return (await mutate(TRIGGER, { input })).triggerSchedule;
}
