import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { inEachLook, isBrowserMissing, requireFit, useBrowser } from '../support/browser.ts';
import { createSchedule, listRuns } from '../support/operations.ts';
import { SQLITE } from '../support/storages.ts';
import { waitUntil } from '../support/wait-until.ts';
import { withServer } from '../support/with-server.ts';

const WARNED = 'Succeeded with a warning';
const REASON = 'Nothing ran: no host matched';

describe.skipIf(isBrowserMissing)('what is not as its status sounds', () => {
  const { withPage } = useBrowser();

  it('is marked wherever the status is shown, with its reason', () =>
    withServer(
      {
        storage: SQLITE,
        ansible: 'real',
        playbooks: {
          'nobody.yaml': '- hosts: nobody\n  gather_facts: false\n  tasks: []\n',
          'gone.yaml': '- hosts: localhost\n  tasks: []\n',
          'broken.yaml': '- hosts: localhost\n  tasks: [\n',
        },
      },
      async ({ server: { url }, api, dataDir }) => {
        const nobody = await createSchedule(
          api,
          'nobody.yaml',
          { at: new Date(Date.now() + 2_000).toISOString() },
          { name: 'For nobody' },
        );
        const gone = await createSchedule(api, 'gone.yaml', '0 3 * * *', { name: 'Gone' });
        await rm(join(dataDir, 'playbooks/gone.yaml'));
        const run = await waitUntil(
          async () => (await listRuns(api, nobody)).find((one) => one.status === 'SUCCEEDED'),
          { withinMs: 60_000, everyMs: 100 },
        );

        await withPage(async (page) => {
          const see = async (path: string, name: string, ...texts: (string | RegExp)[]) => {
            await page.goto(`${url}/${path}`);
            await inEachLook(page, async (look) => {
              for (const text of texts) await visible(page, text);
              await requireFit(page, `marks-${name}-${look}`);
              // a card cuts off what is wider than it
              expect(
                await page.evaluate<number>(
                  'Math.max(...[...document.querySelectorAll(".card")].map((card) => card.scrollWidth - card.clientWidth))',
                ),
                `${path} ${look}`,
              ).toBeLessThanOrEqual(0);
            });
          };
          await see('queue', 'queue', WARNED, REASON, 'Problem', /gone\.yaml.*(not|no) /);
          const lane = page.locator('.lane').filter({ hasText: 'Gone' });
          await inEachLook(page, () => lane.getByRole('img', { name: 'Problem' }).waitFor());
          await see('runs', 'runs', WARNED, REASON);
          await see(`runs/${encodeURIComponent(run.id)}`, 'run', WARNED, REASON);
          await see(`queue/${encodeURIComponent(nobody)}`, 'ledger', WARNED, REASON);
          await see(`queue/${encodeURIComponent(gone)}`, 'problem', 'Problem', /gone\.yaml.*(not|no) /);
          await see('playbooks/broken.yaml', 'broken', /^⚠ .*line [23]/);
        });
      },
    ));
});

async function visible(page: Page, text: string | RegExp): Promise<void> {
  await page.getByText(text).filter({ visible: true }).first().waitFor();
}
