import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { isBrowserMissing, useBrowser } from '../support/browser.ts';
import { createSchedule, listRuns, runPlaybook, waitForEnd } from '../support/operations.ts';
import { SQLITE } from '../support/storages.ts';
import { withServer } from '../support/with-server.ts';

const PLAYBOOK = 'site/web.yaml';

/** Counts the requests for a run; `until` holds their answers back. */
async function countStarts(page: Page, until: () => Promise<void> = async () => undefined) {
  const starts = { count: 0 };
  await page.route('**/graphql', async (route) => {
    if (!/^mutation (TriggerSchedule|RunPlaybook)\b/.test(route.request().postDataJSON().query))
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
  const onServer = (work: Parameters<typeof withServer>[1]) =>
    withServer(
      {
        storage: SQLITE,
        ansible: 'scripted',
        playbooks: { [PLAYBOOK]: '# print done\n- hosts: localhost\n' },
      },
      work,
    );
  const places = [
    {
      title: 'by "Run now" in the queue',
      button: 'Run nightly now',
      runsBefore: 0,
      prepare: async (api: Parameters<typeof createSchedule>[0]) => {
        await createSchedule(api, PLAYBOOK, '0 3 1 1 *', { name: 'nightly' });
        return '/queue';
      },
    },
    {
      title: 'by "Run again" on the page of a run',
      button: 'Run again',
      runsBefore: 1,
      prepare: async (api: Parameters<typeof createSchedule>[0]) => {
        const id = await runPlaybook(api, PLAYBOOK);
        await waitForEnd(() => api, id);
        return `/runs/${encodeURIComponent(id)}`;
      },
    },
    {
      title: 'by "Run" on the page of a playbook',
      button: '▶ Run',
      runsBefore: 0,
      prepare: async () => `/playbooks/${PLAYBOOK}`,
    },
  ];

  it.each(places)('$title, however often it is clicked before the answer', (place) =>
    onServer(({ server: { url }, api }) =>
      withPage(async (page) => {
        const path = await place.prepare(api);
        await page.goto(`${url}${path}`);
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
        expect(await listRuns(api)).toHaveLength(place.runsBefore + 1);
      }),
    ),
  );

  it.each(places.filter(({ runsBefore }) => runsBefore === 0))(
    '$title, when the next page comes late',
    (place) =>
      onServer(({ server: { url }, api }) =>
        withPage(async (page) => {
          let load: () => void = () => undefined;
          const late = new Promise<void>((resolve) => {
            load = resolve;
          });
          await page.route(/\/run-page[^/]*\.js/, async (route) => {
            await late;
            await route.continue();
          });
          await page.goto(`${url}${await place.prepare(api)}`);
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
          expect(await listRuns(api)).toHaveLength(1);
        }),
      ),
  );

  it('by a double click on "Run again" when the page of the new run is there before the second click', () =>
    onServer(({ server: { url }, api }) =>
      withPage(async (page) => {
        const first = await runPlaybook(api, PLAYBOOK);
        await waitForEnd(() => api, first);
        const path = `/runs/${encodeURIComponent(first)}`;
        await page.goto(`${url}${path}`);
        const starts = await countStarts(page);
        const button = page.getByRole('button', { name: 'Run again' });
        await button.click();
        await page.waitForURL((at) => at.pathname !== path);
        await button.and(page.locator(':enabled')).waitFor();
        await page.getByText('✓Succeeded').waitFor();
        await button.hover();
        await clickAgain(page);
        expect(starts.count).toBe(1);
        expect(await listRuns(api)).toHaveLength(2);
      }),
    ));
});
