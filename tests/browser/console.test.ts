import { describe, expect, it } from 'vitest';
import { isBrowserMissing, shot, useBrowser } from '../support/browser.ts';
import { createSchedule, listRuns } from '../support/operations.ts';
import { SQLITE } from '../support/storages.ts';
import { useServer } from '../support/use-server.ts';
import { waitUntil } from '../support/wait-until.ts';
import { withServer } from '../support/with-server.ts';

const HELLO = `- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.debug:
        msg: hello
`;
const READ = 'query ($path: String!) { playbook(path: $path) { content revision } }';
const SAVE = 'mutation ($input: SavePlaybookInput!) { savePlaybook(input: $input) { __typename } }';

describe.skipIf(isBrowserMissing)('the console', () => {
  const { withPage } = useBrowser();
  const scriptedServer = useServer({
    storage: SQLITE,
    ansible: 'scripted',
    playbooks: {
      'a.yaml': '- hosts: localhost\n',
      'hello.yaml': HELLO,
      'million.yaml': '# lines 1000000 0\n- hosts: localhost\n',
      'slow.yaml':
        '# lines 100 5\n# until has-let-go\n# lines 50 5\n# until follows-again\n# print <img src=x onerror=alert(1)>\n- hosts: localhost\n',
    },
  });

  it('edits, saves, schedules every minute, shows the queue and the live log, and deletes', () =>
    withServer(
      { storage: SQLITE, ansible: 'real', playbooks: { 'hello.yaml': HELLO } },
      ({ server: { url }, api }) =>
        withPage(async (page) => {
          await page.goto(`${url}/queue`);
          await page.getByText('Nothing is scheduled yet').waitFor();
          await shot(page, 'queue-empty');

          await page.getByRole('link', { name: 'Playbooks' }).click();
          await page.getByRole('button', { name: 'hello.yaml' }).click();
          await page.locator('.cm-content').click();
          await page.keyboard.press('Control+End');
          await page.keyboard.type('# edited in the console\n');
          await page.getByText('● unsaved').waitFor();
          await shot(page, 'editor');
          await page.keyboard.press('Control+s');
          await page.getByText('● unsaved').waitFor({ state: 'detached' });

          await page.getByRole('button', { name: 'Schedule', exact: true }).click();
          const cron = page.getByLabel('Cron expression');
          await cron.fill('* 25 * * *');
          await page.getByText('Cron field "hour" is "25"').waitFor();
          await shot(page, 'schedule-error');
          await cron.fill('* * * * *');
          await page.getByText('Every minute').waitFor();
          await shot(page, 'schedule');
          // every minute as well, for the first time in a few seconds; second 0 would read "Every minute" again
          const second = new Date(Date.now() + 6_000).getUTCSeconds() || 1;
          const described = new RegExp(`At ${second} seconds? past the minute`);
          await cron.fill(`${second} * * * * *`);
          await page.getByText(described).waitFor();
          await page.getByRole('button', { name: 'Save schedule' }).click();

          await page.getByRole('link', { name: 'Queue' }).click();
          const row = page.getByRole('row').filter({ hasText: 'hello.yaml' });
          await row.getByText(described).waitFor();
          // the row must change by itself
          await row.getByText('Succeeded').waitFor({ timeout: 75_000 });
          await shot(page, 'queue');
          await row.getByText('Succeeded').click();
          await page.getByRole('log').getByText('PLAY RECAP').waitFor();
          await shot(page, 'run');

          await page.getByRole('link', { name: 'Queue' }).click();
          await row.getByRole('button', { name: 'More for hello.yaml' }).click();
          await page.getByRole('menuitem', { name: 'Delete' }).click();
          await page.getByRole('button', { name: 'Delete schedule' }).click();
          await page.getByText('Nothing is scheduled yet').waitFor();
          expect(await listRuns(api)).toHaveLength(1);
        }),
    ));

  it('shows a log while it arrives, lets go when scrolled up, and holds a million lines', () =>
    withPage(async (page) => {
      const { server, writePlaybook } = scriptedServer();
      await page.goto(`${server.url}/playbooks/slow.yaml`);
      await page.getByRole('button', { name: '▶ Run' }).click();
      const log = page.getByRole('log');
      await log.getByText('line 100 of 100').waitFor();
      await log.hover();
      await page.mouse.wheel(0, -400);
      await page.getByRole('button', { name: '● Live ↓' }).waitFor();
      writePlaybook('has-let-go', '');
      // they arrive, and the view stays
      const live = page.getByRole('button', { name: '● Live, 50 new lines ↓' });
      await live.waitFor();
      expect(await log.getByText('line 50 of 50').count()).toBe(0);
      await live.click();
      await log.getByText('line 50 of 50').waitFor();
      writePlaybook('follows-again', '');
      await log.getByText('<img src=x onerror=alert(1)>').waitFor();
      expect(await log.locator('img').count()).toBe(0);

      await page.goto(`${server.url}/playbooks/million.yaml`);
      await page.getByRole('button', { name: '▶ Run' }).click();
      await page.getByText('1,000,000 lines').waitFor({ timeout: 90_000 });
      await log.getByText('line 1000000 of 1000000').waitFor();
      await log.evaluate((element) => element.scrollTo({ top: element.scrollHeight / 2 }));
      await waitUntil(async () => /line (49|50)\d{4} of/.test((await log.textContent()) ?? ''), {
        withinMs: 10_000,
        everyMs: 50,
      });
      await shot(page, 'million');
    }));

  it('asks for the key, and works on a phone in the dark', () =>
    withServer(
      {
        storage: SQLITE,
        ansible: 'scripted',
        playbooks: { 'a.yaml': '- hosts: localhost\n' },
        env: { SIBLE_ADMIN_TOKEN: 'a-token-for-tests-only' },
      },
      ({ server: { url } }) =>
        withPage(
          async (page, faults) => {
            await page.goto(url);
            await page.getByLabel('Key').fill('wrong-token-of-16-and-more');
            await page.getByRole('button', { name: 'Open' }).click();
            await page.getByText('did not take this key').waitFor();
            await shot(page, 'key-phone-dark');
            await page.getByLabel('Key').fill('a-token-for-tests-only');
            await page.getByRole('button', { name: 'Open' }).click();
            await page.getByText('Nothing is scheduled yet').waitFor();
            await shot(page, 'queue-phone-dark');
            expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
            // the browser itself reports the refused key
            expect(faults.splice(0).filter((fault) => !fault.includes('401'))).toEqual([]);
          },
          { viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
        ),
    ));

  it('pages through more schedules than a page holds', () =>
    withPage(async (page) => {
      const {
        api,
        server: { url },
      } = scriptedServer();
      // each a minute after the one before
      for (let n = 0; n < 60; n += 1)
        await createSchedule(api, 'a.yaml', `${n} 0 1 1 *`, { name: `Number ${n}.` });
      await page.goto(`${url}/queue`);
      await page.getByText('60 schedules').waitFor();
      await page.getByText('Number 0.', { exact: true }).first().waitFor();
      expect(await page.getByText('Number 50.', { exact: true }).count()).toBe(0);
      await page.getByRole('button', { name: 'Next' }).click();
      await page.getByText('Number 59.', { exact: true }).first().waitFor();
      expect(await page.getByRole('row').count()).toBe(11);
      expect(await page.evaluate('scrollY')).toBe(0);
      await shot(page, 'queue-second-page', 'ALL_SCREENSHOTS');
      await page.getByRole('button', { name: 'Previous' }).click();
      await page.getByText('Number 0.', { exact: true }).first().waitFor();
      // another question begins with its first page
      await page.getByRole('button', { name: 'Next' }).click();
      await page.getByText('Number 59.', { exact: true }).first().waitFor();
      await page.getByLabel('Search schedules').fill('Number 7.');
      await page.getByText('1 schedule,').waitFor();
    }));

  it('shows both texts when somebody else saved first, and loses neither', () =>
    withPage(async (page) => {
      const {
        api,
        server: { url },
      } = scriptedServer();
      const save = async (content: string) => {
        const { playbook } = await api.request<{ playbook: { revision: string } }>(READ, {
          path: 'hello.yaml',
        });
        await api.request(SAVE, {
          input: { path: 'hello.yaml', content, expectedRevision: playbook.revision },
        });
      };
      await page.goto(`${url}/playbooks/hello.yaml`);
      await page.locator('.cm-content').click();
      await page.keyboard.press('Control+End');
      await page.keyboard.type('# mine\n');
      await save(`${HELLO}# theirs\n`);
      await page.keyboard.press('Control+s');
      const dialog = page.getByRole('dialog', { name: 'Somebody else changed this playbook' });
      await dialog.getByText('# mine').waitFor();
      await dialog.getByText('# theirs').waitFor();
      await shot(page, 'conflict');
      // a third text that nobody has seen is not overwritten either
      await save(`${HELLO}# a third one\n`);
      await dialog.getByRole('button', { name: 'Overwrite with mine' }).click();
      await dialog.getByText('# a third one').waitFor();
      await dialog.getByRole('button', { name: 'Overwrite with mine' }).click();
      await dialog.waitFor({ state: 'detached' });
      await page.getByText('● unsaved').waitFor({ state: 'detached' });
      expect(await api.request(READ, { path: 'hello.yaml' })).toMatchObject({
        playbook: { content: `${HELLO}# mine\n` },
      });
    }));
});
