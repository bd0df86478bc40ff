import { describe, expect, it } from 'vitest';
import { isBrowserMissing, useBrowser } from '../support/browser.ts';
import { SQLITE } from '../support/storages.ts';
import { useServer } from '../support/use-server.ts';

const BY_HAND = { SIBLE_OPEN: '', npm_lifecycle_event: 'start' };
const EMPTY = 'Nothing is scheduled yet';

describe.skipIf(isBrowserMissing)('the key in the browser', () => {
  const { withPage } = useBrowser();
  const server = useServer({ storage: SQLITE, ansible: 'scripted', env: BY_HAND });

  it('comes with the printed address, leaves the address bar, and is there after a reload', () =>
    withPage(async (page) => {
      const { url, address } = server().server;
      const key = new URL(address).hash.slice('#key='.length);
      const asked: string[] = [];
      page.on('request', (request) => asked.push(request.url()));
      await page.goto(address);
      await page.getByText(EMPTY).waitFor();
      expect(page.url()).toBe(`${url}/overview`);
      await page.reload();
      await page.getByText(EMPTY).waitFor();
      expect(page.url()).toBe(`${url}/overview`);
      expect(await page.evaluate('history.length')).toBeLessThan(4);

      // in another tab, by the bare address
      const tab = await page.context().newPage();
      await tab.goto(url);
      await tab.getByText(EMPTY).waitFor();
      expect(asked.filter((address) => address.includes(decodeURIComponent(key)))).toEqual([]);
    }));

  it('is asked for when there is none or a wrong one, and taken from an address that is opened in the same tab', () =>
    withPage(async (page, faults) => {
      const { url, address } = server().server;
      await page.goto(`${url}/runs#key=a-key-that-is-wrong`);
      await page.getByText('The server did not take this key').waitFor();
      expect(page.url()).toBe(`${url}/runs`);
      await page.getByText('admin.key').waitFor();
      await page.goto(`${url}/runs${new URL(address).hash}`);
      await page.getByText('Nothing has run yet').waitFor();
      expect(page.url()).toBe(`${url}/runs`);

      // an old address does not cost the key that works, even where the server had no time to refuse it
      let isSilent = true;
      await page.route('**/graphql', (route) => (isSilent ? undefined : route.continue()));
      await page.routeWebSocket(/graphql/, (socket) => void (isSilent || socket.connectToServer()));
      await page.goto(`${url}/queue#key=a-key-of-yesterday`);
      const tab = await page.context().newPage();
      await tab.goto(`${url}/queue`);
      await tab.getByText(EMPTY).waitFor();
      isSilent = false;
      await page.reload();
      await page.getByText(EMPTY).waitFor();
      await page.reload();
      await page.getByText(EMPTY).waitFor();
      await page.goto(`${url}/runs#key=a-key-of-last-week`);
      await page.getByText('Nothing has run yet').waitFor();

      // one that works replaces the one that no longer does
      await page.evaluate(
        "localStorage.setItem('sible.token', 'a-key-that-no-longer-works'), sessionStorage.clear()",
      );
      await page.goto(`${url}/queue${new URL(address).hash}`);
      await page.getByText(EMPTY).waitFor();
      await page.evaluate('sessionStorage.clear()');
      await page.reload();
      await page.getByText(EMPTY).waitFor();
      // the browser itself reports each refused request
      expect(faults.splice(0).filter((fault) => !/401|WebSocket/.test(fault))).toEqual([]);
    }));
});
