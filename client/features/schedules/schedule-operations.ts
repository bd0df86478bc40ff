import { mutate, request } from '../../graphql/client.ts';
import { graphql } from '../../graphql/generated/gql.ts';
import type {
  CreateScheduleInput,
  ScheduleToEditQuery,
  UpdateScheduleInput,
} from '../../graphql/generated/graphql.ts';
import { draftOf, type EditedSchedule, type ScheduleDraft } from './schedule-form.ts';

const CONTEXT = graphql(`
  query ScheduleDialog {
    system { timezone }
    playbooks { path }
  }
`);
const SCHEDULE = graphql(`
  query ScheduleToEdit($id: ID!) {
    node(id: $id) {
      ... on Schedule {
        id name playbook timezone overlap version
        timing {
          __typename
          ... on CronTiming { expression }
          ... on OneOffTiming { at }
          ... on IntervalTiming { seconds anchor }
        }
        unreadable
        parameters { ...AllParameters }
      }
    }
  }
`);
const CREATE = graphql(`
  mutation CreateSchedule($input: CreateScheduleInput!) {
    createSchedule(input: $input) {
      __typename
      ... on CreateSchedulePayload { schedule { id name } }
      ... on InvalidInputError { issues { path message position } }
      ... on NotFoundError { message }
    }
  }
`);
const UPDATE = graphql(`
  mutation UpdateSchedule($input: UpdateScheduleInput!) {
    updateSchedule(input: $input) {
      __typename
      ... on UpdateSchedulePayload { schedule { id name } }
      ... on InvalidInputError { issues { path message position } }
      ... on NotFoundError { message }
      ... on ConflictError { message }
    }
  }
`);
/** A schedule as it was read. */
export interface Pristine {
  readonly draft: ScheduleDraft;
  readonly version: number;
  /** Parts whose stored value is damaged and cannot be kept. */
  readonly unreadable: readonly string[];
}

function isSchedule(node: NonNullable<ScheduleToEditQuery['node']>): node is EditedSchedule {
  return 'timing' in node;
}

/** @throws when it was deleted or could not be read */
export async function readSchedule(id: string): Promise<Pristine> {
  const { node } = await request(SCHEDULE, { id });
  if (!node || !isSchedule(node)) throw new Error('The schedule was deleted meanwhile.');
  return { draft: draftOf(node), version: node.version, unreadable: node.unreadable };
}

/** The options of the dialog: the server's time zone, and the paths of all playbooks. */
export async function readChoices(): Promise<{ timezone: string; playbooks: readonly string[] }> {
  const { system, playbooks } = await request(CONTEXT, {});
  return { timezone: system.timezone, playbooks: playbooks.map((playbook) => playbook.path) };
}

export async function createSchedule(input: CreateScheduleInput) {
  return (await mutate(CREATE, { input })).createSchedule;
}

export async function updateSchedule(input: UpdateScheduleInput) {
  return (await mutate(UPDATE, { input })).updateSchedule;
}
