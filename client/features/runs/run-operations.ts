import { mutate, request } from '../../graphql/client.ts';
import { graphql } from '../../graphql/generated/gql.ts';
import type { CancelRunInput, RerunInput, RunQuery, RunRecapQuery } from '../../graphql/generated/graphql.ts';

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
        retryOf { id } onlyHosts
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

const RERUN = graphql(`
  mutation Rerun($input: RerunInput!) {
    rerun(input: $input) {
      __typename
      ... on RerunPayload { run { id } }
      ... on NotFoundError { message }
      ... on InvalidStateError { message }
      ... on InvalidInputError { message }
    }
  }
`);
const RECAP = graphql(`
  query RunRecap($id: ID!) { node(id: $id) { ... on Run { recap { host failed unreachable } } } }
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

/** @throws when there was no response */
export async function rerun(input: RerunInput) {
  return (await mutate(RERUN, { input })).rerun;
}

type Recapped = Extract<NonNullable<RunRecapQuery['node']>, { recap: unknown }>;

/** What became of each host. @throws when there was no response */
export async function readRecap(id: string): Promise<Recapped['recap']> {
  const { node } = await request(RECAP, { id });
  return node && 'recap' in node ? node.recap : [];
}
