import { mutate } from '../../graphql/client.ts';
import { graphql } from '../../graphql/generated/gql.ts';
import type {
  DeleteScheduleInput,
  QueueQuery,
  UpdateScheduleInput,
} from '../../graphql/generated/graphql.ts';

export const QUEUE = graphql(`
  query Queue($first: Int!, $after: String, $fires: Int!, $filter: ScheduleFilter) {
    schedules(first: $first, after: $after, filter: $filter) {
      totalCount
      pageInfo { hasNextPage endCursor }
      edges {
        node {
          id name playbook description timezone overlap enabled nextRunAt problem version
          timing { __typename ... on CronTiming { expression } }
          nextRuns(count: $fires)
          runs(first: 8) { edges { node { id status exitCode reason queuedAt finishedAt } } }
          newest: runs(first: 1) { edges { node { id failures(first: 2) { hosts message } } } }
        }
      }
    }
  }
`);
export const SCHEDULE_CHANGED = graphql(`subscription QueueSchedules { scheduleChanged { id } }`);
export const RUN_CHANGED = graphql(`subscription QueueRuns { runChanged { id } }`);
const ENABLE = graphql(`
  mutation EnableSchedule($input: UpdateScheduleInput!) {
    updateSchedule(input: $input) {
      __typename
      ... on InvalidInputError { message }
      ... on NotFoundError { message }
      ... on ConflictError { message }
    }
  }
`);
const DELETE = graphql(`
  mutation DeleteSchedule($input: DeleteScheduleInput!) {
    deleteSchedule(input: $input) { __typename ... on NotFoundError { message } }
  }
`);

export type QueuedSchedule = QueueQuery['schedules']['edges'][number]['node'];

/** Pauses or resumes a schedule. @throws when there was no response */
export async function enableSchedule(input: Pick<UpdateScheduleInput, 'id' | 'enabled'>) {
  return (await mutate(ENABLE, { input })).updateSchedule;
}

/** @throws when there was no response */
export async function deleteSchedule(input: DeleteScheduleInput) {
  return (await mutate(DELETE, { input })).deleteSchedule;
}
