import { describe, expect, it } from 'vitest';
import { inEachLook, isBrowserMissing, requireFit, useBrowser } from '../support/browser.ts';
import { listRuns } from '../support/operations.ts';
import { SQLITE } from '../support/storages.ts';
import { useServer } from '../support/use-server.ts';

const ASKED = 'Discard what you typed?';

describe.skipIf(isBrowserMissing)('a run with parameters', () => {
  const { withPage } = useBrowser();
  const server = useServer({
    storage: SQLITE,
    ansible: 'scripted',
    playbooks: { 'site/web.yaml': '# print done\n- hosts: localhost\n' },
  });

  it('is started from the playbook page, once for one click, and its page says them', () =>
    withPage(async (page, faults) => {
      const {
        api,
        server: { url },
      } = server();
      await page.goto(`${url}/playbooks/site/web.yaml`);
      await page.locator('.cm-content').click();
      await page.keyboard.press('Control+End');
      await page.keyboard.type('# more\n');
      await page.getByRole('button', { name: 'Run with parameters…' }).click();
      // what runs is the file
      await page.getByRole('dialog', { name: 'Save first?' }).getByRole('button', { name: 'Save' }).click();
      const dialog = page.getByRole('dialog', { name: 'Run with parameters site/web.yaml' });
      await dialog.getByLabel('Limit', { exact: true }).fill('web1');
      await dialog.getByLabel('Become user').fill('postgres');
      await dialog.getByLabel('Check mode').check();
      await dialog.getByLabel('Show differences').check();
      const start = dialog.getByRole('button', { name: 'Run' });
      await start.click();
      const becomeUser = dialog.getByRole('textbox', {
        name: 'Become user',
        description: /no effect without/,
      });
      await becomeUser.waitFor();
      expect(await becomeUser.evaluate((field) => field.ownerDocument.activeElement === field)).toBe(true);
      expect(await listRuns(api)).toEqual([]);

      // the run is started, and the answer is lost
      await dialog.getByLabel('Become another user').check();
      const keys: unknown[] = [];
      await page.route('**/graphql', async (route) => {
        const { variables } = route.request().postDataJSON();
        if (!variables.input?.parameters) return route.continue();
        keys.push(variables.input.idempotencyKey);
        if (keys.length > 1) return route.continue();
        await route.fetch();
        return route.abort();
      });
      await start.click();
      await dialog.getByText('The server did not answer').waitFor();
      expect(await dialog.getByLabel('Limit', { exact: true }).inputValue()).toBe('web1');
      await start.click();
      await page.getByText('check mode').waitFor();
      for (const words of ['--limit web1', '--check', '--diff', '--become', '--become-user postgres'])
        await page.getByText(words, { exact: true }).waitFor();
      expect(keys).toEqual([keys[0], keys[0]]);
      const [run, ...others] = await listRuns(api);
      expect(others).toEqual([]);
      expect(decodeURIComponent(new URL(page.url()).pathname)).toBe(`/runs/${run?.id}`);
      // the browser itself reports the answer that was lost
      expect(faults.splice(0).filter((fault) => !fault.includes('ERR_FAILED'))).toEqual([]);
    }));

  it('is asked for by keyboard alone, and nothing that was typed is lost by Escape or a click outside', () =>
    withPage(async (page) => {
      const {
        api,
        server: { url },
      } = server();
      const runsBefore = (await listRuns(api)).length;
      await page.goto(`${url}/playbooks/site/web.yaml`);
      const opener = page.getByRole('button', { name: 'Run with parameters…' });
      const dialog = page.getByRole('dialog', { name: 'Run with parameters' });
      const asked = page.getByRole('dialog', { name: ASKED });
      const focused = () =>
        page.evaluate<string>('document.activeElement.id || document.activeElement.textContent');

      await opener.focus();
      await page.keyboard.press('Enter');
      await dialog.waitFor();
      await expect.poll(focused).toBe('run-inventories');
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      await expect.poll(focused).toBe('Run with parameters…');

      await page.keyboard.press('Enter');
      await expect.poll(focused).toBe('run-inventories');
      // around, and never out of it
      await page.keyboard.press('Shift+Tab');
      await expect.poll(focused).toBe('run-form');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      await page.keyboard.type('web1');
      await page.keyboard.press('Escape');
      await asked.waitFor();
      await page.keyboard.press('Escape');
      await asked.waitFor({ state: 'detached' });
      await expect.poll(focused).toBe('run-limit');
      await page.mouse.click(5, 5);
      await asked.getByRole('button', { name: 'Cancel' }).click();
      expect(await dialog.getByLabel('Limit', { exact: true }).inputValue()).toBe('web1');

      await page.keyboard.press('Escape');
      await asked.getByRole('button', { name: 'Discard' }).click();
      await dialog.waitFor({ state: 'detached' });
      expect(await listRuns(api)).toHaveLength(runsBefore);
    }));

  it('has a form that fits every screen', () =>
    withPage(async (page) => {
      const { url } = server().server;
      const fits = (name: string) => inEachLook(page, (look) => requireFit(page, `run-${name}-${look}`));
      await page.goto(`${url}/playbooks/site/web.yaml`);
      await page.locator('.cm-content').getByText('hosts').waitFor();
      await fits('page');
      const opener = page.getByRole('button', { name: 'Run with parameters…' });
      // nothing lies over it
      await inEachLook(page, () => opener.click({ trial: true }));
      await opener.click();
      const dialog = page.getByRole('dialog', { name: 'Run with parameters' });
      await dialog.waitFor();
      await fits('parameters');
      await dialog.getByLabel('Inventories').fill('inventory/none.ini');
      await dialog.getByLabel('Limit', { exact: true }).fill('@/etc/passwd');
      await dialog.getByLabel('Become user').fill('postgres');
      const start = dialog.getByRole('button', { name: 'Run' });
      await inEachLook(page, () => start.click({ trial: true }));
      await start.click();
      await dialog.getByText('no effect without').waitFor();
      await fits('parameters-error');
      await inEachLook(page, async (look) => {
        await dialog.getByLabel('Working folder').scrollIntoViewIfNeeded();
        await requireFit(page, `run-parameters-below-${look}`);
      });
    }));
});
