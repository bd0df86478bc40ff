import { graphql } from '../../graphql/generated/gql.ts';
import type { ScheduleLedgerQuery } from '../../graphql/generated/graphql.ts';

export const LEDGER = graphql(`
  query ScheduleLedger($id: ID!, $first: Int!, $after: String) {
    node(id: $id) {
      ... on Schedule {
        id name playbook description timezone enabled nextRunAt problem
        timing { __typename ... on CronTiming { expression } }
        parameters { ...AllParameters }
        ticks(first: $first, after: $after) {
          totalCount
          pageInfo { hasNextPage endCursor }
          edges { node { scheduledFor outcome reason run { id status exitCode reason startedAt } } }
        }
      }
    }
  }
`);
export const SCHEDULE_CHANGED = graphql(`subscription LedgerSchedules { scheduleChanged { id } }`);
export const RUN_CHANGED = graphql(`subscription LedgerRuns { runChanged { id } }`);

type Node = NonNullable<ScheduleLedgerQuery['node']>;
/** A schedule with a page of its ledger. */
export type LedgerSchedule = Extract<Node, { ticks: unknown }>;
export type LedgerTick = LedgerSchedule['ticks']['edges'][number]['node'];

function isSchedule(node: Node): node is LedgerSchedule {
  return 'ticks' in node;
}

/** Null: there is no schedule with this id. */
export function scheduleOf(data: ScheduleLedgerQuery | undefined): LedgerSchedule | null {
  const node = data?.node;
  return node && isSchedule(node) ? node : null;
}
