import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { inEachLook, isBrowserMissing, requireFit, shot, useBrowser } from '../support/browser.ts';
import { runPlaybook, waitForEnd } from '../support/operations.ts';
import { SQLITE } from '../support/storages.ts';
import { useServer } from '../support/use-server.ts';
import { waitUntil } from '../support/wait-until.ts';

const ESC = '\u001b';
const FAR = `${'x '.repeat(400)}far needle ${'y '.repeat(1_200)}needle end`;
const STYLED = [
  'plain',
  `${ESC}[31mred goes on`,
  'still red',
  `${ESC}[0;44mon blue${ESC}[0m`,
  `${ESC}[38;5;226mbright yellow${ESC}[0m ${ESC}[38;2;250;240;190mcream${ESC}[0m ${ESC}[2mdim${ESC}[0m`,
  `${ESC}[31m-port=1\r${ESC}[0m`,
  Array.from({ length: 60_000 }, (_, n) => `${ESC}[3${n % 8}m${n % 10}`).join(''),
  `${ESC}[0mfirst needle`,
  FAR,
  ...Array.from({ length: 300 }, (_, n) => `${n % 3 === 0 ? 'a long line '.repeat(30) : 'short'} ${n + 10}`),
].join('\n');
const raw = (text: string) => `# raw ${Buffer.from(text).toString('base64')}\n- hosts: localhost\n`;

const log = (page: Page) => page.getByRole('log');
const row = (page: Page, line: number) => page.locator(`.log [data-line="${line}"]`);
const copied = (page: Page) => page.evaluate<string>('navigator.clipboard.readText()');

/** Whether the element is wholly inside the window of the log. */
const isInLog = (page: Page, selector: string) =>
  page.evaluate<boolean>(`(() => {
    const box = document.querySelector('.log').getBoundingClientRect();
    const { left, right, top, bottom } = document.querySelector(${JSON.stringify(selector)})?.getBoundingClientRect() ?? { left: -1 };
    return left >= box.left && right <= box.right && top >= box.top - 1 && bottom <= box.bottom + 1;
  })()`);

describe.skipIf(isBrowserMissing)('the log viewer', () => {
  const { withPage } = useBrowser();
  const server = useServer({
    storage: SQLITE,
    ansible: 'scripted',
    playbooks: {
      'styled.yaml': raw(STYLED),
      'million.yaml': '# lines 1000000 0\n- hosts: localhost\n',
      'nothing.yaml': '# exit 0\n- hosts: localhost\n',
      'slow.yaml': '# lines 20 0\n# until more\n# lines 20 0\n# until end\n- hosts: localhost\n',
    },
  });
  let styled = '';
  let million = '';
  beforeAll(async () => {
    const { api } = server();
    styled = await runPlaybook(api, 'styled.yaml', {});
    million = await runPlaybook(api, 'million.yaml', {});
    await waitForEnd(() => api, styled);
    await waitForEnd(() => api, million);
  });
  const at = (id: string, hash = '') => `${server().server.url}/runs/${encodeURIComponent(id)}${hash}`;

  it('finds, marks and shows each hit, also far to the right and in wrapped lines', () =>
    withPage(async (page) => {
      await page.goto(at(styled));
      await row(page, 300).waitFor();
      const search = page.getByRole('searchbox', { name: 'Search the log' });
      const now = page.locator('.log .hit.now');
      await search.fill('needle');
      await page.getByText('1 / 3').waitFor();
      await waitUntil(async () => (await now.count()) === 1 && isInLog(page, '.hit.now'));
      for (const wrapped of [false, true]) {
        if (wrapped) await page.getByRole('button', { name: 'Wrap' }).click();
        for (const place of ['2 / 3', '3 / 3', '1 / 3']) {
          await search.press('Enter');
          await page.getByText(place).waitFor();
          await waitUntil(async () => (await now.count()) === 1 && isInLog(page, '.hit.now'));
          expect(await now.textContent()).toBe('needle');
        }
        await search.press('Shift+Enter');
        await page.getByText('3 / 3').waitFor();
        await waitUntil(() => isInLog(page, '.hit.now'));
        await search.press('Enter');
      }
      await inEachLook(page, (look) => requireFit(page, `log-search-${look}`));
    }));

  it('shows styles that go on, and is readable in both themes', () =>
    withPage(async (page) => {
      await page.goto(at(styled, '#L3'));
      await row(page, 3).waitFor();
      const classOf = (line: number) =>
        row(page, line).locator('[data-text] > span').first().getAttribute('class');
      expect(await classOf(3)).toContain('a-1');
      expect(await row(page, 6).locator('[data-text]').textContent()).toBe('-port=1');
      expect(await row(page, 7).locator('[data-text] > span').count()).toBeLessThan(1_100);
      await inEachLook(page, (look) => requireFit(page, `log-styles-${look}`));
    }));

  it('leads exactly to lines of a million, by link, by address and by key', () =>
    withPage(async (page) => {
      await page.goto(at(million, '#L700001'));
      await row(page, 700_001).waitFor({ timeout: 60_000 });
      await waitUntil(() => isInLog(page, '[data-line="700001"] > button'));
      expect(await row(page, 700_001).textContent()).toContain('700001');
      await shot(page, 'log-million', 'ALL_SCREENSHOTS');
      await page.evaluate("location.hash = '#L5-9'");
      await waitUntil(() => isInLog(page, '[data-line="5"] > button'));
      expect(await page.locator('.log .row.sel').count()).toBe(5);
      await page.evaluate("location.hash = '#L800000'");
      await waitUntil(() => isInLog(page, '[data-line="800000"] > button'));

      await log(page).focus();
      const inView = () =>
        page.evaluate<number[]>(`(() => {
          const box = document.querySelector('.log').getBoundingClientRect();
          return [...document.querySelectorAll('.log [data-line]')]
            .filter((row) => row.getBoundingClientRect().top >= box.top - 1 && row.getBoundingClientRect().bottom <= box.bottom + 1)
            .map((row) => Number(row.dataset.line));
        })()`);
      let before = await inView();
      for (let times = 0; times < 3; times += 1) {
        await page.keyboard.press('PageDown');
        const after = await inView();
        expect(after[0]).toBeLessThanOrEqual((before.at(-1) ?? 0) + 1);
        expect(after[0]).toBeGreaterThan(before[0] ?? 0);
        before = after;
      }
      // the last line is the last that is held
      await page.getByTestId('line-count').getByText('1,000,000 lines').waitFor();
      await page.keyboard.press('End');
      await waitUntil(() => isInLog(page, '[data-line="1000000"] > button'));
      await page.keyboard.press('ArrowUp');
      await page.keyboard.press('Enter');
      expect(await page.evaluate('location.hash')).toBe('#L999999');
      await page.keyboard.press('Shift+ArrowUp');
      expect(await page.evaluate('location.hash')).toBe('#L999998-999999');
      await page.keyboard.press('Home');
      await waitUntil(() => isInLog(page, '[data-line="1"] > button'));
    }));

  it('copies exactly what is selected, across lines that are drawn no more', () =>
    withPage(
      async (page) => {
        await page.goto(at(million, '#L1000'));
        await row(page, 1_000).waitFor({ timeout: 60_000 });
        await waitUntil(() => isInLog(page, '[data-line="1000"] > button'));
        const expected = (from: number, to: number) =>
          Array.from({ length: to - from + 1 }, (_, n) => `line ${from + n} of 1000000`);
        const [from, box] = [
          await row(page, 1_000).locator('[data-text] > span').boundingBox(),
          await log(page).boundingBox(),
        ];
        if (!from || !box) throw new Error('Nothing is drawn.');
        await page.mouse.move(from.x + 1, from.y + 10);
        await page.mouse.down();
        await page.mouse.move(from.x + 1, from.y + 60);
        for (let times = 0; times < 5; times += 1) await page.mouse.wheel(0, 360);
        await row(page, 1_090).waitFor();
        await waitUntil(() => isInLog(page, '[data-line="1090"] > button'));
        const end = await row(page, 1_090).locator('[data-text] > span').boundingBox();
        if (!end) throw new Error('The line is not drawn.');
        await page.mouse.move(end.x + 1, end.y + 10, { steps: 3 });
        await page.mouse.up();
        await page.keyboard.press('Control+c');
        expect((await copied(page)).split('\n')).toEqual([...expected(1_000, 1_089), '']);

        await page.getByTestId('line-count').getByText('1,000,000 lines').waitFor();
        await page.keyboard.press('Control+a');
        await page.keyboard.press('Control+c');
        const all = (await copied(page)).split('\n');
        expect([all.length, all[0], all[999_999]]).toEqual([
          1_000_000,
          'line 1 of 1000000',
          'line 1000000 of 1000000',
        ]);

        await page.evaluate("location.hash = '#L5-7'");
        // as on a page that came over plain http
        await page.evaluate(
          "Object.defineProperty(navigator, 'clipboard', { configurable: true, value: undefined })",
        );
        await page.getByRole('button', { name: 'Copy lines' }).click();
        await page.getByText('3 lines are copied.').waitFor();
        await page.evaluate('delete navigator.clipboard');
        expect(await copied(page)).toBe(expected(5, 7).join('\n'));
      },
      { permissions: ['clipboard-read', 'clipboard-write'] },
    ));

  it('goes on after the last line held when the connection was lost, and says so', () =>
    withPage(async (page, faults) => {
      const { api } = server();
      const id = await runPlaybook(api, 'slow.yaml', {});
      const asked: number[] = [];
      const sockets: { close(options: { code: number }): Promise<void> }[] = [];
      await page.routeWebSocket(/graphql/, (socket) => {
        const onward = socket.connectToServer();
        sockets.push(socket);
        socket.onMessage((message) => {
          const after = /subscription RunLog\b/.test(String(message))
            ? /"after":(\d+)/.exec(String(message))?.[1]
            : undefined;
          if (after !== undefined) asked.push(Number(after));
          onward.send(message);
        });
      });
      try {
        await page.goto(at(id));
        await row(page, 20).waitFor();
        // as a proxy ends a connection that it takes for idle
        for (const socket of sockets) await socket.close({ code: 1000 });
        await waitUntil(() => asked.length === 2);
        expect(asked).toEqual([0, 20]);
        server().writePlaybook('more', '');
        await page.getByText(/^The connection was lost for \d+ s; nothing was missed\./).waitFor();
      } finally {
        server().writePlaybook('more', '');
        server().writePlaybook('end', '');
      }
      faults.length = 0;
    }));

  it('says when nothing was printed', () =>
    withPage(async (page) => {
      const { api } = server();
      const id = await runPlaybook(api, 'nothing.yaml', {});
      await waitForEnd(() => api, id);
      await page.goto(at(id));
      await page.getByText('It printed nothing.').waitFor();
      await shot(page, 'log-empty', 'ALL_SCREENSHOTS');
    }));
});
