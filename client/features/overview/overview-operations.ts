import { graphql } from '../../graphql/generated/gql.ts';
import type { OverviewQuery } from '../../graphql/generated/graphql.ts';

export const OVERVIEW = graphql(`
  query Overview {
    failed: runs(first: 100, filter: { status: [FAILED, TIMED_OUT, LOST] }) {
      edges {
        node {
          id playbook status exitCode reason queuedAt finishedAt
          schedule { id name }
          failures(first: 2) { hosts message }
        }
      }
    }
    running: runs(first: 20, filter: { status: [RUNNING, QUEUED] }) {
      totalCount
      edges { node { id playbook status queuedAt startedAt schedule { id name } } }
    }
    next: schedules(first: 8, filter: { enabled: true }) {
      totalCount
      edges { node { id name playbook nextRunAt problem } }
    }
  }
`);
export const OVERVIEW_COUNTS = graphql(`
  query OverviewCounts {
    failed: runs(first: 100, filter: { status: [FAILED, TIMED_OUT, LOST] }) { edges { node { id playbook finishedAt queuedAt schedule { id } } } }
    running: runs(first: 1, filter: { status: [RUNNING] }) { totalCount }
  }
`);
export const ANY_RUN_CHANGED = graphql(`subscription OverviewRuns { runChanged { id } }`);
export const ANY_SCHEDULE_CHANGED = graphql(`subscription OverviewSchedules { scheduleChanged { id } }`);

export type FailedRun = OverviewQuery['failed']['edges'][number]['node'];

interface EndedRun {
  readonly playbook: string;
  readonly queuedAt: string;
  readonly finishedAt?: string | null | undefined;
  readonly schedule?: { readonly id: string } | null | undefined;
}

/** When a run became news. */
export function endOf(run: EndedRun): number {
  return Date.parse(run.finishedAt ?? run.queuedAt);
}

/** The runs of one schedule, or of one playbook by hand, that failed. */
export interface FailedGroup<R> {
  /** The newest. */
  readonly run: R;
  readonly count: number;
}

/** Runs that ended after `since`, those of one schedule as one; the newest first. */
export function failedGroups<R extends EndedRun>(runs: readonly R[], since: number): FailedGroup<R>[] {
  const groups = new Map<string, { run: R; count: number }>();
  for (const run of [...runs].sort((a, b) => endOf(b) - endOf(a))) {
    if (endOf(run) <= since) continue;
    const key = run.schedule ? `schedule ${run.schedule.id}` : `playbook ${run.playbook}`;
    const group = groups.get(key);
    if (group) group.count += 1;
    else groups.set(key, { run, count: 1 });
  }
  return [...groups.values()];
}
