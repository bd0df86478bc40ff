import { describe, expect, it } from 'vitest';
import { inEachLook, isBrowserMissing, requireFit, useBrowser } from '../support/browser.ts';
import { editDatabase } from '../support/edit-database.ts';
import { createSchedule, listRuns, runPlaybook } from '../support/operations.ts';
import { SQLITE } from '../support/storages.ts';
import { useServer } from '../support/use-server.ts';
import { waitUntil } from '../support/wait-until.ts';
import { withServer } from '../support/with-server.ts';

const raw = (text: string) => `# raw ${Buffer.from(text).toString('base64')}\n`;
const NO_RUN = Buffer.from('Run:00000000-0000-4000-8000-000000000000').toString('base64');
const NO_SCHEDULE = Buffer.from('Schedule:00000000-0000-4000-8000-000000000000').toString('base64');

/** Pictures of all: ALL_SCREENSHOTS=folder npx vitest run --project browser */
describe.skipIf(isBrowserMissing)('every page', () => {
  const { withPage } = useBrowser();
  /** What is empty stays empty. */
  const emptyServer = useServer({
    storage: SQLITE,
    ansible: 'scripted',
    playbooks: { 'not-a-playbook.txt': '' },
  });

  it('says the next step when there is nothing', () =>
    withPage(async (page) => {
      const { url } = emptyServer().server;
      for (const [path, text] of [
        ['overview', 'Nothing is scheduled yet'],
        ['queue', 'Nothing is scheduled yet'],
        ['playbooks/', 'There is no playbook yet'],
        ['playbooks/none.yaml', 'There is no such playbook'],
        ['runs', 'Nothing has run yet'],
        [`runs/${NO_RUN}`, 'There is no such run'],
        [`queue/${NO_SCHEDULE}`, 'There is no such schedule'],
      ] as const) {
        await page.goto(`${url}/${path}`);
        await inEachLook(page, async (look) => {
          await page.getByText(text).waitFor();
          await requireFit(page, `empty-${path.replaceAll('/', '_').slice(0, 16)}-${look}`);
        });
      }
    }));

  it('says what failed when the server does, and tries again when asked to', () =>
    withPage(async (page, faults) => {
      const { url } = emptyServer().server;
      await page.route('**/graphql', (route) =>
        route.fulfill({
          status: 500,
          contentType: 'application/json',
          body: '{"errors":[{"message":"Unexpected error. Request 4711."}]}',
        }),
      );
      for (const path of [
        'overview',
        'queue',
        'playbooks/',
        'runs',
        `runs/${NO_RUN}`,
        `queue/${NO_SCHEDULE}`,
      ]) {
        await page.goto(`${url}/${path}`);
        await inEachLook(page, async (look) => {
          await page.getByRole('alert').getByText('Unexpected error. Request 4711.').waitFor();
          await requireFit(page, `error-${path.replaceAll('/', '_').slice(0, 16)}-${look}`);
        });
      }
      await page.unroute('**/graphql');
      await page.goto(`${url}/queue`);
      await page.getByText('Nothing is scheduled yet').waitFor();
      // the browser itself reports each failed request
      expect(faults.splice(0).filter((fault) => !fault.includes('500'))).toEqual([]);
    }));

  it('says of a schedule what became of each instant, and why nothing did', () =>
    withServer(
      {
        storage: SQLITE,
        ansible: 'scripted',
        playbooks: {
          'quick.yaml': '- hosts: localhost\n',
          'long.yaml': '# sleep 600000\n- hosts: localhost\n',
        },
      },
      async (test) => {
        const nightly = await createSchedule(test.api, 'quick.yaml', '30 2 * * 1', {});
        const away = await createSchedule(test.api, 'quick.yaml', '*/30 * * * *', {
          name: 'Every half hour',
        });
        const busy = await createSchedule(test.api, 'long.yaml', '* * * * * *', {
          name: 'Longer than a second',
        });
        // the server was away for half a day
        const past = Date.now() - 43_200_000;
        await editDatabase(
          test,
          "UPDATE schedules SET (next_run_at, due_at) = (SELECT at, at FROM (SELECT ? AS at)) WHERE name = 'Every half hour'",
          past - (past % 1_800_000),
        );

        const { url } = test.server;
        await withPage(async (page) => {
          await page.goto(`${url}/queue`);
          const link = page.getByRole('link', { name: 'Every half hour' });
          // nothing lies over it
          await inEachLook(page, () => link.click({ trial: true }));
          await link.click();
          await page.getByText('Missed').first().waitFor();
          await inEachLook(page, async (look) => {
            await page.getByText('Missed').first().waitFor();
            await page
              .getByText(/noticed .* late/)
              .first()
              .waitFor();
            await page.getByText('Succeeded').first().waitFor();
            await requireFit(page, `schedule-missed-${look}`);
          });

          await page.goto(`${url}/queue/${encodeURIComponent(busy)}`);
          await inEachLook(page, async (look) => {
            await page.getByText('Skipped').first().waitFor();
            await page.getByText('had not ended').first().waitFor();
            await requireFit(page, `schedule-skipped-${look}`);
          });

          await page.goto(`${url}/queue/${encodeURIComponent(nightly)}`);
          await inEachLook(page, async (look) => {
            await page.getByText('Nothing was due yet').waitFor();
            await requireFit(page, `schedule-nothing-due-${look}`);
          });

          await page.goto(`${url}/queue/${encodeURIComponent(away)}`);
          await page.getByText('Succeeded').first().click();
          await page.getByRole('link', { name: 'scheduled', exact: true }).click();
          await page.getByText('Missed').first().waitFor();
        });
      },
    ));

  it('fits its screen with every status on it', () =>
    withServer(
      {
        storage: SQLITE,
        ansible: 'scripted',
        playbooks: {
          'site/web.yaml': `${raw('\u001b[0;32mok: [web-01.example.com]\u001b[0m\n')}- hosts: localhost\n`,
          'failing.yaml': `${raw('\u001b[0;31mfatal: [db-01]: FAILED!\u001b[0m\n')}# exit 2\n- hosts: localhost\n`,
          'long.yaml': '# sleep 600000\n- hosts: localhost\n',
        },
      },
      async ({ server: { url }, api }) => {
        await createSchedule(api, 'site/web.yaml', '30 2 * * 1-5', {
          name: 'Web servers, every night on working days, with all the packages that they need',
        });
        await createSchedule(api, 'failing.yaml', '*/5 * * * *', {});
        const ok = await runPlaybook(api, 'site/web.yaml');
        const failed = await runPlaybook(api, 'failing.yaml');
        await waitUntil(
          async () => {
            const runs = await listRuns(api);
            return runs.every((run) => ['SUCCEEDED', 'FAILED'].includes(run.status));
          },
          { everyMs: 50 },
        );
        const running = await runPlaybook(api, 'long.yaml');
        await withPage(async (page) => {
          for (const [path, text] of [
            ['overview', 'Failed since your last visit'],
            ['queue', 'Web servers, every night'],
            ['playbooks/site/web.yaml', 'hosts: localhost'],
            ['runs', 'Running'],
            [`runs/${ok}`, 'ok: [web-01.example.com]'],
            [`runs/${failed}`, 'fatal: [db-01]: FAILED!'],
            [`runs/${running}`, 'Running'],
          ] as const) {
            await page.goto(`${url}/${path}`);
            const name = { [ok]: 'succeeded', [failed]: 'failed', [running]: 'running' }[path.slice(5)];
            await inEachLook(page, async (look) => {
              await page.getByText(text).filter({ visible: true }).first().waitFor();
              await requireFit(page, `${name ? `run-${name}` : path.replaceAll('/', '_')}-${look}`);
            });
          }
          await page.goto(`${url}/playbooks/failing.yaml`);
          const opener = page.getByRole('button', { name: 'Schedule', exact: true });
          await inEachLook(page, () => opener.click({ trial: true }));
          await opener.click();
          await page.getByLabel('Cron expression').fill('0 99 * * *');
          await inEachLook(page, async (look) => {
            await page.getByText('Cron field "hour" is "99"').waitFor();
            await requireFit(page, `schedule-error-${look}`);
          });
          await page.getByLabel('Cron expression').fill('30 2 * * *');
          await inEachLook(page, async (look) => {
            await page.getByText('At 02:30').filter({ visible: true }).first().waitFor();
            await requireFit(page, `schedule-${look}`);
          });
        });
      },
    ));
});
