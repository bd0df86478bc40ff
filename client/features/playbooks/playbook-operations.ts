import { mutate, request } from '../../graphql/client.ts';
import { graphql } from '../../graphql/generated/gql.ts';
import type { DeletePlaybookInput, SavePlaybookInput } from '../../graphql/generated/graphql.ts';

export const PLAYBOOKS = graphql(`
  query Playbooks {
    playbooks { path problem schedules { id name nextRunAt } }
    playbooksLeftOut
  }
`);
export const SCHEDULE_CHANGED = graphql(`subscription PlaybookSchedules { scheduleChanged { id } }`);
const PLAYBOOK = graphql(`
  query Playbook($path: String!) {
    playbook(path: $path) { path content encoding revision }
  }
`);
const SAVE = graphql(`
  mutation SavePlaybook($input: SavePlaybookInput!) {
    savePlaybook(input: $input) {
      __typename
      ... on SavePlaybookPayload { playbook { path encoding revision } }
      ... on InvalidInputError { message }
      ... on ConflictError { message }
    }
  }
`);
const DELETE = graphql(`
  mutation DeletePlaybook($input: DeletePlaybookInput!) {
    deletePlaybook(input: $input) {
      __typename
      ... on InvalidInputError { message }
      ... on NotFoundError { message }
      ... on ConflictError { message }
    }
  }
`);

/** @returns null if there is no playbook at this path */
export async function readPlaybook(path: string) {
  return (await request(PLAYBOOK, { path })).playbook ?? null;
}

export async function savePlaybook(input: SavePlaybookInput) {
  return (await mutate(SAVE, { input })).savePlaybook;
}

export async function deletePlaybook(input: DeletePlaybookInput) {
  return (await mutate(DELETE, { input })).deletePlaybook;
}
