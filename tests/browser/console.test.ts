import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listRuns } from '../support/operations.ts';
import { waitUntil } from '../support/wait-until.ts';
import { withServer } from '../support/with-server.ts';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const isMissing = !existsSync(CHROMIUM);
if (isMissing && process.env.REQUIRE_BROWSER === '1')
  throw new Error(`REQUIRE_BROWSER=1, and there is no browser at "${CHROMIUM}".`);
if (isMissing)
  console.log(`The console is not covered: there is no browser at "${CHROMIUM}" (set CHROMIUM).`);

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const SHOTS = process.env.SCREENSHOTS ?? null;
const HELLO = `- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.debug:
        msg: hello
`;

describe.skipIf(isMissing)('the console', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  });
  afterAll(() => browser.close());

  async function withPage(work: (page: Page) => Promise<void>): Promise<void> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    try {
      await work(page);
      expect(faults).toEqual([]);
    } finally {
      await context.close();
    }
  }
  const shot = async (page: Page, name: string) => {
    if (SHOTS) await page.screenshot({ path: join(SHOTS, `${name}.png`) });
  };
  const noStorage = { env: {}, drop: async () => undefined };

  it('edits, saves, schedules every minute, shows the queue and the live log, and deletes', () =>
    withServer(
      { storage: noStorage, ansible: 'real', playbooks: { 'hello.yaml': HELLO } },
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
          await page.getByRole('button', { name: 'Save schedule' }).click();

          await page.getByRole('link', { name: 'Queue' }).click();
          const row = page.getByRole('row').filter({ hasText: 'hello.yaml' });
          await row.getByText('Every minute').waitFor();
          // every minute: the row must change by itself within one
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
    withServer(
      {
        storage: noStorage,
        ansible: 'scripted',
        playbooks: {
          'million.yaml': '# lines 1000000 0\n- hosts: localhost\n',
          'slow.yaml': '# lines 1000 10\n# print <img src=x onerror=alert(1)>\n- hosts: localhost\n',
        },
      },
      ({ server: { url } }) =>
        withPage(async (page) => {
          await page.goto(`${url}/playbooks/slow.yaml`);
          await page.getByRole('button', { name: '▶ Run' }).click();
          const log = page.getByRole('log');
          // which lines are on the screen at a moment depends on the machine: any that needs a scroll bar will do
          await log
            .getByText(/^line ([6-9]\d|\d{3}) of 1000$/)
            .first()
            .waitFor();
          await log.hover();
          await page.mouse.wheel(0, -400);
          await page.getByRole('button', { name: /^● Live/ }).waitFor();
          await page.getByRole('button', { name: /^● Live/ }).click();
          await log.getByText('<img src=x onerror=alert(1)>').waitFor();
          expect(await log.locator('img').count()).toBe(0);

          await page.goto(`${url}/playbooks/million.yaml`);
          await page.getByRole('button', { name: '▶ Run' }).click();
          await page.getByText('1,000,000 lines').waitFor({ timeout: 90_000 });
          await log.getByText('line 1000000 of 1000000').waitFor();
          await log.evaluate((element) => element.scrollTo({ top: element.scrollHeight / 2 }));
          await waitUntil(async () => /line (49|50)\d{4} of/.test((await log.textContent()) ?? ''), {
            withinMs: 10_000,
          });
          await shot(page, 'million');
        }),
    ));

  it('asks for the key, and works on a phone in the dark', () =>
    withServer(
      {
        storage: noStorage,
        ansible: 'scripted',
        playbooks: { 'a.yaml': '- hosts: localhost\n' },
        env: { SIBLE_ADMIN_TOKEN: 'a-token-for-tests-only' },
      },
      async ({ server: { url } }) => {
        const context = await browser.newContext({
          viewport: { width: 390, height: 844 },
          colorScheme: 'dark',
        });
        const page = await context.newPage();
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
        await context.close();
      },
    ));
});
