import { expect, it } from 'vitest';
import { editDatabase } from '../support/edit-database.ts';
import { createSchedule, listRuns } from '../support/operations.ts';
import { SQLITE } from '../support/storages.ts';
import { withServer } from '../support/with-server.ts';

const UPDATE = `mutation ($input: UpdateScheduleInput!) { updateSchedule(input: $input) {
  __typename
  ... on UpdateSchedulePayload { schedule { problem description parameters { limit } } }
  ... on InvalidInputError { issues { path message } }
} }`;
const TRIGGER =
  'mutation ($id: ID!) { triggerSchedule(input: { id: $id }) { __typename ... on Error { message } } }';

it('a schedule that cannot be read is never run without its limit, and is sound again when they are given anew', () =>
  withServer(
    {
      storage: SQLITE,
      ansible: 'scripted',
      playbooks: { 'a.yaml': '- hosts: localhost\n' },
    },
    async (test) => {
      const parameters = { limit: 'web' };
      const id = await createSchedule(test.api, 'a.yaml', '0 0 1 1 *', { parameters });
      await editDatabase(test, 'UPDATE schedules SET parameters = ?', '{"limit": "we');
      const update = async (input: object) =>
        (await test.api.request<{ updateSchedule: object }>(UPDATE, { input: { id, ...input } }))
          .updateSchedule;

      expect(await test.api.request(TRIGGER, { id })).toMatchObject({
        triggerSchedule: {
          __typename: 'InvalidStateError',
          message: expect.stringMatching(/cannot be read/),
        },
      });
      expect(await listRuns(test.api, id)).toEqual([]);
      expect(await update({ enabled: true })).toEqual({
        __typename: 'InvalidInputError',
        issues: [
          { path: ['parameters'], message: 'What is stored of its parameters cannot be read; give it anew.' },
        ],
      });
      expect(await update({ parameters })).toEqual({
        __typename: 'UpdateSchedulePayload',
        schedule: { problem: null, description: expect.stringMatching(/January/), parameters },
      });

      await editDatabase(test, 'UPDATE schedules SET policy = ?', '{"overlap": "moon"}');
      expect(await test.api.request(TRIGGER, { id })).toMatchObject({
        triggerSchedule: { __typename: 'InvalidStateError' },
      });
      expect(await update({ name: 'Other' })).toEqual({
        __typename: 'InvalidInputError',
        issues: [
          { path: ['overlap'], message: 'What is stored of its policy cannot be read; give it anew.' },
        ],
      });
      expect(await update({ overlap: 'ALLOW' })).toMatchObject({ schedule: { problem: null } });
    },
  ));
