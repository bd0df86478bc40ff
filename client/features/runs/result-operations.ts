import { request } from '../../graphql/client.ts';
import { graphql } from '../../graphql/generated/gql.ts';
import type {
  ResultStatus,
  RunHostResultsQuery,
  RunOutcomeQuery,
  RunPlaysQuery,
} from '../../graphql/generated/graphql.ts';

export const RUN_OUTCOME = graphql(`
  query RunOutcome($id: ID!) {
    node(id: $id) {
      ... on Run {
        status playbook resultsProblem
        failures(first: 50) { hosts task message file line logLine status }
        recap { host ok changed unreachable failed skipped rescued ignored }
        drift { hosts changes notChecked reallyRun }
        results(first: 1) { totalCount }
      }
    }
  }
`);
export const RUN_PLAYS = graphql(`
  query RunPlays($id: ID!) {
    node(id: $id) {
      ... on Run {
        plays {
          name
          tasks { name startedAt finishedAt logLine counts { ok changed unreachable failed skipped rescued ignored } }
        }
      }
    }
  }
`);
export const RUN_RESULTS = graphql(`
  subscription RunResults($runId: ID!, $after: Int!) { runResults(runId: $runId, after: $after) { logLine } }
`);
const HOST_RESULTS = graphql(`
  query RunHostResults($id: ID!, $filter: HostResultFilter!, $first: Int!, $after: String) {
    node(id: $id) {
      ... on Run {
        results(first: $first, after: $after, filter: $filter) {
          totalCount
          pageInfo { hasNextPage endCursor }
          edges { node { task item status message diff startedAt finishedAt logLine } }
        }
      }
    }
  }
`);

type NodeOf<Q extends { readonly node?: unknown }> = NonNullable<Q['node']>;
export type RunOutcome = Extract<NodeOf<RunOutcomeQuery>, { failures: unknown }>;
export type RunFailure = RunOutcome['failures'][number];
export type RunDrift = NonNullable<RunOutcome['drift']>;
export type HostRecap = RunOutcome['recap'][number];
export type RunPlay = Extract<NodeOf<RunPlaysQuery>, { plays: unknown }>['plays'][number];
export type HostResults = Extract<NodeOf<RunHostResultsQuery>, { results: unknown }>['results'];
export type HostResult = HostResults['edges'][number]['node'];

/** Null: there is no run with this id. */
export function outcomeOf(data: RunOutcomeQuery | undefined): RunOutcome | null {
  const node = data?.node;
  return node && hasFailures(node) ? node : null;
}

const hasFailures = (node: NodeOf<RunOutcomeQuery>): node is RunOutcome => 'failures' in node;

export function playsOf(data: RunPlaysQuery | undefined): RunPlay[] {
  const node = data?.node;
  return node && hasPlays(node) ? node.plays : [];
}

function hasPlays(node: NodeOf<RunPlaysQuery>): node is Extract<NodeOf<RunPlaysQuery>, { plays: unknown }> {
  return 'plays' in node;
}

/** A result may hold a diff of 64 KiB, and a response 3 MiB. */
const PAGE = 20;

/** Results of one host, from `after` on. @throws when there was no response */
export async function readHostResults(
  id: string,
  host: string,
  status: readonly ResultStatus[],
  after: string | null,
): Promise<HostResults | null> {
  const filter = { host, status: [...status] };
  const { node } = await request(HOST_RESULTS, { id, filter, first: PAGE, after });
  return node && hasResults(node) ? node.results : null;
}

function hasResults(
  node: NodeOf<RunHostResultsQuery>,
): node is Extract<NodeOf<RunHostResultsQuery>, { results: unknown }> {
  return 'results' in node;
}
