import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { isBrowserMissing, useBrowser } from '../support/browser.ts';
import { createSchedule, listRuns, runPlaybook, waitForEnd } from '../support/operations.ts';
import { SQLITE } from '../support/storages.ts';
import { useServer } from '../support/use-server.ts';

const PLAYBOOK = 'site/web.yaml';

/** Counts the requests for a run; `until` holds their answers back. */
async function countStarts(page: Page, until: () => Promise<void> = async () => undefined) {
  const starts = { count: 0 };
  await page.route('**/graphql', async (route) => {
    if (!/^mutation (TriggerSchedule|RunPlaybook|Rerun)\b/.test(route.request().postDataJSON().query))
      return route.continue();
    starts.count += 1;
    const response = await route.fetch();
    await until();
    return route.fulfill({ response });
  });
  return starts;
}

/** What the page has asked for by then has been seen. */
const settle = (page: Page) => page.evaluate('fetch("/healthz").then((response) => response.text())');

/** The second click of a double click, at the same place as the first, whatever is there by now. */
async function clickAgain(page: Page): Promise<void> {
  await page.mouse.down({ clickCount: 2 });
  await page.mouse.up({ clickCount: 2 });
  await settle(page);
}

describe.skipIf(isBrowserMissing)('one run is started', () => {
  const { withPage } = useBrowser();
  const server = useServer({
    storage: SQLITE,
    ansible: 'scripted',
    playbooks: { [PLAYBOOK]: '# print done\n- hosts: localhost\n' },
  });
  beforeAll(() => createSchedule(server().api, PLAYBOOK, '0 3 1 1 *', { name: 'nightly' }));
  /** How many runs there are, once all of them have ended. */
  const endedRuns = async () => {
    const runs = await listRuns(server().api);
    for (const { id } of runs) await waitForEnd(() => server().api, id);
    return runs.length;
  };
  const endedRun = async () => {
    const id = await runPlaybook(server().api, PLAYBOOK);
    await waitForEnd(() => server().api, id);
    return `/runs/${encodeURIComponent(id)}`;
  };
  const places = [
    { title: 'by "Run now" in the queue', button: 'Run nightly now', path: async () => '/queue' },
    { title: 'by "Run again" on the page of a run', button: 'Run again', path: endedRun },
    {
      title: 'by "Run" on the page of a playbook',
      button: '▶ Run',
      path: async () => `/playbooks/${PLAYBOOK}`,
    },
  ];

  it.each(places)('$title, however often it is clicked before the answer', (place) =>
    withPage(async (page) => {
      const path = await place.path();
      const runsBefore = await endedRuns();
      await page.goto(`${server().server.url}${path}`);
      let answer: () => void = () => undefined;
      const held = new Promise<void>((resolve) => {
        answer = resolve;
      });
      const starts = await countStarts(page, () => held);
      const button = page.getByRole('button', { name: place.button, exact: true });
      await button.dblclick();
      for (let n = 0; n < 3; n += 1) await button.click({ force: true });
      await settle(page);
      answer();
      await page.waitForURL((at) => at.pathname.startsWith('/runs/') && at.pathname !== path);
      await page.getByRole('button', { name: 'Run again' }).waitFor();
      expect(starts.count).toBe(1);
      expect(await listRuns(server().api)).toHaveLength(runsBefore + 1);
    }),
  );

  it.each(places.filter(({ path }) => path !== endedRun))('$title, when the next page comes late', (place) =>
    withPage(async (page) => {
      const runsBefore = await endedRuns();
      let load: () => void = () => undefined;
      const late = new Promise<void>((resolve) => {
        load = resolve;
      });
      await page.route(/\/run-page[^/]*\.js/, async (route) => {
        await late;
        await route.continue();
      });
      await page.goto(`${server().server.url}${await place.path()}`);
      const starts = await countStarts(page);
      const button = page.getByRole('button', { name: place.button, exact: true });
      const asked = page.waitForRequest(/\/run-page[^/]*\.js/);
      await button.click();
      await asked;
      await button.click({ force: true });
      await settle(page);
      load();
      await page.getByRole('button', { name: 'Run again' }).waitFor();
      expect(starts.count).toBe(1);
      expect(await listRuns(server().api)).toHaveLength(runsBefore + 1);
    }),
  );

  it('by a double click on "Run again" when the page of the new run is there before the second click', () =>
    withPage(async (page) => {
      const path = await endedRun();
      const runsBefore = await endedRuns();
      await page.goto(`${server().server.url}${path}`);
      const starts = await countStarts(page);
      const button = page.getByRole('button', { name: 'Run again' });
      await button.click();
      await page.waitForURL((at) => at.pathname !== path);
      await button.and(page.locator(':enabled')).waitFor();
      await page.getByText('✓Succeeded').waitFor();
      await button.hover();
      await clickAgain(page);
      expect(starts.count).toBe(1);
      expect(await listRuns(server().api)).toHaveLength(runsBefore + 1);
    }));
});
