import type { ApiClient } from './api-client.ts';
import { type WaitOptions, waitUntil } from './wait-until.ts';

/** The operations that flow tests use, in the words of the API. */

export interface RunView {
  readonly id: string;
  readonly status: string;
  readonly exitCode: number | null;
  readonly reason: string | null;
  readonly scheduledFor: string | null;
}

const RUN_FIELDS = 'id status exitCode reason scheduledFor';
const ENDED = new Set(['SUCCEEDED', 'FAILED', 'CANCELED', 'TIMED_OUT', 'LOST']);

/** @param timing a cron expression, or any other timing as the API takes it */
export async function createSchedule(
  api: ApiClient,
  playbook: string,
  timing: string | object,
  extra: object = {},
): Promise<string> {
  const { createSchedule: result } = await api.request<{ createSchedule: { schedule?: { id: string } } }>(
    'mutation ($input: CreateScheduleInput!) { createSchedule(input: $input) { ... on CreateSchedulePayload { schedule { id } } ... on Error { message } } }',
    { input: { playbook, timing: typeof timing === 'string' ? { cron: timing } : timing, ...extra } },
  );
  if (!result.schedule) throw new Error(JSON.stringify(result));
  return result.schedule.id;
}

export async function updateSchedule(api: ApiClient, id: string, input: object): Promise<void> {
  const { updateSchedule: result } = await api.request<{ updateSchedule: { __typename: string } }>(
    'mutation ($input: UpdateScheduleInput!) { updateSchedule(input: $input) { __typename ... on Error { message } } }',
    { input: { id, ...input } },
  );
  if (result.__typename !== 'UpdateSchedulePayload') throw new Error(JSON.stringify(result));
}

export async function deleteSchedule(api: ApiClient, id: string): Promise<void> {
  await api.request('mutation ($id: ID!) { deleteSchedule(input: { id: $id }) { __typename } }', { id });
}

export async function runPlaybook(
  api: ApiClient,
  playbook: string,
  parameters: object | null = null,
): Promise<string> {
  const { runPlaybook: result } = await api.request<{ runPlaybook: { run?: { id: string } } }>(
    'mutation ($input: RunPlaybookInput!) { runPlaybook(input: $input) { ... on RunPlaybookPayload { run { id } } ... on Error { message } } }',
    { input: { playbook, parameters } },
  );
  if (!result.run) throw new Error(JSON.stringify(result));
  return result.run.id;
}

export async function cancelRun(api: ApiClient, id: string): Promise<void> {
  await api.request(
    'mutation ($id: ID!) { cancelRun(input: { id: $id }) { __typename ... on Error { message } } }',
    { id },
  );
}

export async function findRun(api: ApiClient, id: string): Promise<RunView> {
  const { node } = await api.request<{ node: RunView }>(
    `query ($id: ID!) { node(id: $id) { ... on Run { ${RUN_FIELDS} } } }`,
    { id },
  );
  return node;
}

export async function listRuns(api: ApiClient, scheduleId?: string): Promise<RunView[]> {
  const { runs } = await api.request<{ runs: { edges: { node: RunView }[] } }>(
    `query ($filter: RunFilter) { runs(first: 500, filter: $filter) { edges { node { ${RUN_FIELDS} } } } }`,
    { filter: scheduleId ? { scheduleId } : {} },
  );
  return runs.edges.map((edge) => edge.node);
}

export function waitForStatus(api: () => ApiClient, id: string, ...statuses: string[]): Promise<RunView> {
  return waitForOneOf(api, id, new Set(statuses));
}

export function waitForEnd(api: () => ApiClient, id: string, options?: WaitOptions): Promise<RunView> {
  return waitForOneOf(api, id, ENDED, options);
}

function waitForOneOf(
  api: () => ApiClient,
  id: string,
  statuses: ReadonlySet<string>,
  options?: WaitOptions,
): Promise<RunView> {
  return waitUntil(
    async () => {
      const run = await findRun(api(), id).catch(() => null);
      return run && statuses.has(run.status) ? run : null;
    },
    { withinMs: 60_000, everyMs: 25, ...options },
  );
}

/** All lines of a log as the pages of the query give them. */
export async function readLog(
  api: ApiClient,
  id: string,
): Promise<{ text: string; totalLines: number; complete: boolean }> {
  const parts: string[] = [];
  for (let after = 0; ; ) {
    const { node } = await api.request<{
      node: { log: { lineCount: number; text: string; totalLines: number; complete: boolean } };
    }>(
      'query ($id: ID!, $after: Int) { node(id: $id) { ... on Run { log(after: $after, first: 10000) { lineCount text totalLines complete } } } }',
      { id, after },
    );
    const { lineCount, text, totalLines, complete } = node.log;
    if (lineCount > 0) parts.push(text);
    after += lineCount;
    if (after >= totalLines) return { text: parts.join('\n'), totalLines, complete };
  }
}
