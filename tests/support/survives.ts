import { expect } from 'vitest';
import { createSchedules, expectAllRan, ticksOf, untilEachTicked } from './ledger.ts';
import { readLog, runPlaybook, waitForEnd } from './operations.ts';
import { printedLines } from './printed.ts';
import { times } from './soak.ts';
import type { TestServer } from './with-server.ts';

/** How long a fault lasts: longer than a database driver looks for its server. */
export const AWAY_MS = times(4_000, 30_000);
/** They are printed while it lasts, and a little longer. */
const LINES = AWAY_MS / 100 + 20;
/** For those who are to survive. */
export const SURVIVOR_PLAYBOOKS = {
  'quick.yaml': '# print done\n- hosts: localhost\n',
  'long.yaml': `# until fault\n# lines ${LINES} 100\n# until healed\n# print the end\n- hosts: localhost\n`,
};

/** Schedules every 2 s and a run that prints during the fault and lasts longer: none is missed, nothing ends wrongly. */
export async function survives(node: TestServer, fault: () => Promise<void>): Promise<void> {
  const { api } = node;
  const long = await runPlaybook(api, 'long.yaml');
  const ids = await createSchedules([api], times(8, 20), '*/2 * * * * *');
  await untilEachTicked(() => api, ids, 2);

  node.writePlaybook('fault', '');
  await fault();

  const [first = ''] = ids;
  const ticked = (await ticksOf(api, first)).length;
  await untilEachTicked(() => api, ids, ticked + Math.ceil(AWAY_MS / 2_000) + 2);
  node.writePlaybook('healed', '');
  expect(await waitForEnd(() => api, long)).toMatchObject({ status: 'SUCCEEDED', exitCode: 0 });
  expect(await readLog(api, long)).toEqual({
    text: `${printedLines(LINES)}\nthe end`,
    totalLines: LINES + 1,
    complete: true,
  });
  await expectAllRan(api, ids, 2);
}
