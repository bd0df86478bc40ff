import { mutate } from '../../graphql/client.ts';
import { graphql } from '../../graphql/generated/gql.ts';
import type { CancelRunInput, RunQuery } from '../../graphql/generated/graphql.ts';

export const RUNS = graphql(`
  query Runs($first: Int!, $after: String, $filter: RunFilter) {
    runs(first: $first, after: $after, filter: $filter) {
      totalCount
      pageInfo { hasNextPage endCursor }
      edges {
        node { id playbook status exitCode reason trigger queuedAt startedAt finishedAt scheduledFor schedule { id name } failures(first: 2) { hosts message } }
      }
    }
  }
`);
export const ANY_RUN_CHANGED = graphql(`subscription RunsChanged { runChanged { id } }`);
export const RUN = graphql(`
  query Run($id: ID!) {
    node(id: $id) {
      ... on Run {
        id playbook status trigger exitCode reason scheduledFor queuedAt startedAt finishedAt cancelRequestedAt node workingFolder ansibleConfig
        schedule { id name }
        parameters { ...AllParameters }
      }
    }
  }
`);
export const RUN_CHANGED = graphql(`subscription RunChanged($id: ID!) { runChanged(id: $id) { id } }`);
const CANCEL = graphql(`
  mutation CancelRun($input: CancelRunInput!) {
    cancelRun(input: $input) { __typename ... on NotFoundError { message } ... on InvalidStateError { message } }
  }
`);

type Node = NonNullable<RunQuery['node']>;
export type OneRun = Extract<Node, { status: unknown }>;

function isRun(node: Node): node is OneRun {
  return 'status' in node;
}

/** Null: there is no run with this id. */
export function runOf(data: RunQuery | undefined): OneRun | null {
  const node = data?.node;
  return node && isRun(node) ? node : null;
}

/** @throws when there was no response */
export async function cancelRun(input: CancelRunInput) {
  return (await mutate(CANCEL, { input })).cancelRun;
}
