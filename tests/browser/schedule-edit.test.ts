import { describe, expect, it } from 'vitest';
import { RUN_PARAMETER_NAMES } from '../../shared/run-parameters.ts';
import { inEachLook, isBrowserMissing, requireFit, shot, useBrowser } from '../support/browser.ts';
import { SQLITE } from '../support/storages.ts';
import { withServer } from '../support/with-server.ts';

const PARAMETERS = {
  inventories: ['inventory/hosts.ini', 'web1,web2,'],
  limit: 'web1',
  tags: ['deploy', 'check'],
  skipTags: ['slow'],
  extraVarsJson: '{"release": 9007199254740993}',
  extraVarsFiles: ['vars.yaml'],
  diff: true,
  become: true,
  becomeUser: 'postgres',
  remoteUser: 'deploy',
  connection: 'local',
  verbosity: 2,
  forks: 7,
  timeoutSeconds: 600,
  workingFolder: '',
};
const FIELDS = `id name playbook timezone overlap version enabled nextRunAt
  timing { ... on IntervalTiming { seconds anchor } ... on OneOffTiming { at } }
  parameters { ${RUN_PARAMETER_NAMES.join(' ')} }`;

describe.skipIf(isBrowserMissing)('the dialog of a schedule', () => {
  const { withPage } = useBrowser();

  it('renames a schedule, and leaves everything else as it is', () =>
    withServer(
      {
        storage: SQLITE,
        ansible: 'scripted',
        playbooks: {
          'a.yaml': '- hosts: localhost\n',
          'inventory/hosts.ini': 'web1\n',
          'vars.yaml': 'a: 1\n',
        },
      },
      async ({ api, server: { url } }) => {
        const { result } = await api.request<{ result: { schedule: { id: string } } }>(
          `mutation ($input: CreateScheduleInput!) { result: createSchedule(input: $input) { ... on CreateSchedulePayload { schedule { id } } ... on Error { message } } }`,
          {
            input: {
              playbook: 'a.yaml',
              name: 'Before',
              timing: { every: { seconds: 86_400, anchor: '2020-01-01T10:00:07Z' } },
              overlap: 'ALLOW',
              parameters: PARAMETERS,
            },
          },
        );
        const { id } = result.schedule;
        const read = async () =>
          (
            await api.request<{ node: { name: string; version: number } }>(
              `query ($id: ID!) { node(id: $id) { ... on Schedule { ${FIELDS} } } }`,
              { id },
            )
          ).node;
        const before = await read();
        await withPage(async (page) => {
          await page.goto(`${url}/queue/${encodeURIComponent(id)}`);
          await page.getByText('--skip-tags slow').waitFor();
          const edit = page.getByRole('button', { name: 'Edit' });
          // nothing lies over it
          await inEachLook(page, () => edit.click({ trial: true }));
          await edit.click();
          await page.getByLabel('Limit', { exact: true }).waitFor();
          await inEachLook(page, async (look) => {
            await shot(page, `schedule-parameters-${look}`, 'ALL_SCREENSHOTS');
            await page.getByLabel('Become user').scrollIntoViewIfNeeded();
            await requireFit(page, `schedule-parameters-below-${look}`);
          });

          await page.getByLabel('Name', { exact: true }).fill('After');
          await page.getByRole('button', { name: 'Save schedule' }).click();
          await page.getByText('“After” is saved.').waitFor();
          expect(await read()).toEqual({ ...before, name: 'After', version: before.version + 1 });

          // somebody else changes what is not touched here
          await edit.click();
          await page.getByLabel('Limit', { exact: true }).fill('web2');
          await api.request(
            `mutation ($input: UpdateScheduleInput!) { updateSchedule(input: $input) { __typename } }`,
            { input: { id, name: 'Theirs', parameters: { forks: 9, tags: null } } },
          );
          await page.getByRole('button', { name: 'Save schedule' }).click();
          await page.getByText('The schedule was changed meanwhile.').waitFor();
          await page.getByRole('button', { name: 'Save schedule' }).click();
          await page.getByText('“Theirs” is saved.').waitFor();
          expect(await read()).toMatchObject({
            name: 'Theirs',
            parameters: { ...PARAMETERS, limit: 'web2', forks: 9, tags: [] },
          });
        });
      },
    ));
});
