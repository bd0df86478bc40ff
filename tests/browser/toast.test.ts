import { describe, expect, it } from 'vitest';
import { isBrowserMissing, shot, useBrowser } from '../support/browser.ts';
import { createSchedule } from '../support/operations.ts';
import { SQLITE } from '../support/storages.ts';
import { withServer } from '../support/with-server.ts';

describe.skipIf(isBrowserMissing)('a toast', () => {
  const { withPage } = useBrowser();

  it('is seen in the corner, stays while it has the focus, and is closed by Escape', () =>
    withServer(
      { storage: SQLITE, ansible: 'scripted', playbooks: { 'a.yaml': '- hosts: localhost\n' } },
      ({ server: { url }, api }) =>
        withPage(async (page) => {
          await createSchedule(api, 'a.yaml', '0 3 1 1 *', { name: 'nightly' });
          await page.goto(`${url}/queue`);
          await page.getByRole('switch', { name: 'nightly enabled' }).click();
          const toast = page.getByRole('listitem').filter({ hasText: '“nightly” is paused.' });
          // it stays from here on
          await toast.focus();
          await shot(page, 'toast', 'ALL_SCREENSHOTS');
          const box = await toast.boundingBox();
          expect([(box?.x ?? 0) + (box?.width ?? 0), (box?.y ?? 0) + (box?.height ?? 0)]).toEqual([
            1264, 784,
          ]);
          await page.keyboard.press('Escape');
          await toast.waitFor({ state: 'detached' });
        }),
    ));
});
