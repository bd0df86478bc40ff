import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { isBrowserMissing, shot, useBrowser } from '../support/browser.ts';
import { createSchedule, runPlaybook, waitForEnd } from '../support/operations.ts';
import { SQLITE } from '../support/storages.ts';
import { withServer } from '../support/with-server.ts';

/** Whatever a name, a playbook or a log says, the page shows it, and does nothing of it. */

const EVIL = '<img src=x onerror=alert(1)>';
/** Every character here means something in an address. */
const ODD = `${EVIL} größe 日本 100%25 #1?.yaml`;
const NAMES = [
  EVIL,
  '"><script>alert(2)</script>',
  "javascript:alert(3)//'",
  '{{constructor.constructor("alert(4)")()}}',
];
const LOG = [
  EVIL,
  '<script>alert(5)</script>',
  '<a href="javascript:alert(6)">click</a>',
  '\x1b]8;;javascript:alert(7)\x1b\\a link\x1b]8;;\x1b\\',
  '\x1b]52;c;c3RvbGVu\x07clipboard',
  '\x1b]0;another title\x07title',
  '\x1b[2J\x1b[H\x1b[?1049hcleared',
  '\x1b[31mred\x1b[0m and \x1b[38;5;300;999;url(evil)mnot a colour\x1b[0m',
  'progress 10 %\rprogress 100 %',
  '\u202Eright to left\u202C',
  '\x9b31mC1\x90evil\x9c',
  'the last line',
].join('\n');

/** Elements and links that no text of ours makes. */
async function expectHarmless(page: Page): Promise<void> {
  const found = await page.evaluate(`({
    images: document.querySelectorAll('img').length,
    scripts: [...document.scripts].filter((script) => !script.src.startsWith(location.origin)).length,
    links: [...document.querySelectorAll('a')].filter((link) => !/^https?:/.test(link.href)).length,
    handlers: [...document.querySelectorAll('*')].filter((element) => [...element.attributes].some(({ name }) => name.startsWith('on'))).length,
    title: document.title,
  })`);
  expect(found).toEqual({
    images: 0,
    scripts: 0,
    links: 0,
    handlers: 0,
    title: expect.stringContaining('Sible'),
  });
}

describe.skipIf(isBrowserMissing)('hostile texts in the console', () => {
  const { withPage } = useBrowser();

  it('are texts on every page, make no element and no link, and say nothing to the browser', () =>
    withServer(
      {
        storage: SQLITE,
        ansible: 'scripted',
        playbooks: {
          'evil.yaml': `# raw ${Buffer.from(LOG).toString('base64')}\n# ${EVIL}\n- hosts: localhost\n`,
          [ODD]: '- hosts: localhost # odd\n',
        },
      },
      ({ server: { url }, api }) =>
        withPage(async (page) => {
          const dialogs: string[] = [];
          page.on('dialog', (dialog) => {
            dialogs.push(dialog.message());
            void dialog.dismiss();
          });
          for (const name of NAMES) await createSchedule(api, 'evil.yaml', '@yearly', { name });
          const tagged = await runPlaybook(api, 'evil.yaml', { tags: [EVIL], limit: EVIL });
          await waitForEnd(() => api, tagged);

          await page.goto(`${url}/queue`);
          for (const name of NAMES) await page.getByText(name, { exact: true }).first().waitFor();
          await expectHarmless(page);
          await shot(page, 'hostile-queue', 'ALL_SCREENSHOTS');

          for (const name of NAMES) {
            await page.getByRole('link', { name, exact: true }).click();
            await page.getByRole('heading', { name, exact: true }).waitFor();
            await expectHarmless(page);
            await page.goBack();
          }

          await page.goto(`${url}/playbooks/evil.yaml`);
          await page.locator('.cm-content').getByText(EVIL).waitFor();
          await page.getByRole('button', { name: ODD }).click();
          await page.locator('.cm-content').getByText('# odd').waitFor();
          await page.reload();
          await page.locator('.cm-content').getByText('# odd').waitFor();
          await expectHarmless(page);

          await page.goto(`${url}/runs`);
          await page.getByRole('row').filter({ hasText: 'evil.yaml' }).first().waitFor();
          await expectHarmless(page);

          await page.goto(`${url}/runs/${encodeURIComponent(tagged)}`);
          const log = page.getByRole('log');
          await log.getByText('the last line').waitFor();
          for (const text of [EVIL, 'a link', 'clipboard', 'title', 'cleared', 'progress 100 %'])
            await log.getByText(text, { exact: true }).first().waitFor();
          expect(await log.getByText('progress 10 %', { exact: true }).count()).toBe(0);
          await expectHarmless(page);
          await shot(page, 'hostile-log', 'ALL_SCREENSHOTS');
          expect(dialogs).toEqual([]);

          // and to a terminal
          const plain = await (await fetch(`${url}/runs/${encodeURIComponent(tagged)}/log?plain=1`)).text();
          expect(plain.split('\n').slice(0, 3)).toEqual(LOG.split('\n').slice(0, 3));
          // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
          expect(plain).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
          expect(plain).not.toContain('javascript:alert(7)');
          expect(plain.trimEnd().split('\n')).toHaveLength(LOG.split('\n').length);
          const raw = await (await fetch(`${url}/runs/${encodeURIComponent(tagged)}/log?raw=1`)).text();
          expect(raw).toBe(`${LOG}\n`);
        }),
    ));
});
