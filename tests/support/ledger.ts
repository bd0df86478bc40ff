import { expect } from 'vitest';
import type { ApiClient } from './api-client.ts';
import { createSchedule, deleteSchedule } from './operations.ts';
import { waitUntil } from './wait-until.ts';

/** What the ledger and the runs say of schedules that fire again and again. */

interface TickView {
  readonly scheduledFor: string;
  readonly outcome: 'STARTED' | 'SKIPPED' | 'MISSED';
  readonly reason: string | null;
  readonly run: { readonly id: string; readonly status: string; readonly scheduledFor: string | null } | null;
}

const TICKS = `query ($id: ID!, $after: String) { node(id: $id) { ... on Schedule { ticks(first: 500, after: $after) {
  edges { node { scheduledFor outcome reason run { id status scheduledFor } } } pageInfo { hasNextPage endCursor } } } } }`;

/** Schedules of one timing, made by each of the nodes in turn. */
export function createSchedules(
  nodes: readonly ApiClient[],
  count: number,
  cron: string,
  playbook = 'quick.yaml',
): Promise<string[]> {
  return Promise.all(
    Array.from({ length: count }, (_, n) =>
      createSchedule(nodes[n % nodes.length] as ApiClient, playbook, cron, {
        name: `schedule ${n}`,
        overlap: 'ALLOW',
      }),
    ),
  );
}

/** All ticks, oldest first. */
export async function ticksOf(api: ApiClient, id: string): Promise<TickView[]> {
  const ticks: TickView[] = [];
  for (let after: string | null = null; ; ) {
    const answer: {
      node: {
        ticks: { edges: { node: TickView }[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };
      };
    } = await api.request(TICKS, { id, after });
    const { edges, pageInfo } = answer.node.ticks;
    ticks.push(...edges.map((edge) => edge.node));
    if (!pageInfo.hasNextPage) return ticks.reverse();
    after = pageInfo.endCursor;
  }
}

/** All ticks; where several writes make a firing, the run of the newest may come a moment after its tick. */
function ticksWithRuns(api: ApiClient, id: string): Promise<TickView[]> {
  return waitUntil(async () => {
    const ticks = await ticksOf(api, id);
    return ticks.every(({ outcome, run }) => outcome !== 'STARTED' || run !== null) ? ticks : null;
  });
}

/** Every instant from the first on is in the ledger once, started, with a run of its own. */
export function expectNoneMissed(ticks: readonly TickView[], everySeconds: number): void {
  const instants = ticks.map(({ scheduledFor }) => Date.parse(scheduledFor) / 1_000);
  expect(instants).toEqual(instants.map((_, i) => (instants[0] ?? 0) + i * everySeconds));
  expect(ticks.filter(({ outcome }) => outcome !== 'STARTED')).toEqual([]);
  expect(ticks.map(({ run }) => run?.scheduledFor)).toEqual(ticks.map(({ scheduledFor }) => scheduledFor));
  expect(new Set(ticks.map(({ run }) => run?.id)).size).toBe(ticks.length);
}

/** Waits until each schedule has so many ticks. */
export async function untilEachTicked(
  api: () => ApiClient,
  ids: readonly string[],
  count: number,
  withinMs = 120_000,
): Promise<void> {
  await waitUntil(
    async () => {
      for (const id of ids) {
        const ticks = await ticksOf(api(), id).catch(() => []);
        if (ticks.length < count) return false;
      }
      return true;
    },
    { withinMs, everyMs: 250 },
  );
}

/** Ends the schedules, waits for their last runs, and checks that nothing is missing or double. */
export async function expectAllRan(
  api: ApiClient,
  ids: readonly string[],
  everySeconds: number,
): Promise<void> {
  const ledgers: TickView[][] = [];
  for (const id of ids) ledgers.push(await ticksWithRuns(api, id));
  const before = Date.now();
  for (const id of ids) await deleteSchedule(api, id);
  for (const ticks of ledgers) {
    expectNoneMissed(ticks, everySeconds);
    expect(Date.parse(ticks.at(-1)?.scheduledFor ?? '')).toBeLessThanOrEqual(before);
  }
  await waitUntil(
    async () => {
      const { runs } = await api.request<{ runs: { totalCount: number } }>(
        '{ runs(filter: { status: [QUEUED, RUNNING] }) { totalCount } }',
      );
      return runs.totalCount === 0;
    },
    { withinMs: 60_000, everyMs: 100 },
  );
  const { runs } = await api.request<{ runs: { edges: { node: object }[] } }>(
    '{ runs(first: 500, filter: { status: [FAILED, CANCELED, TIMED_OUT, LOST] }) { edges { node { status reason exitCode scheduledFor startedAt finishedAt } } } }',
  );
  expect(runs.edges.map(({ node }) => node)).toEqual([]);
}
