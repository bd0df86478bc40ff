import { expect } from 'vitest';
import { createSchedules, expectAllRan, ticksOf, untilEachTicked } from './ledger.ts';
import { readLog, runPlaybook, waitForEnd } from './operations.ts';
import { printedLines } from './printed.ts';
import { times } from './soak.ts';
import type { TestServer } from './with-server.ts';

/** For those who are to survive. */
export const SURVIVOR_PLAYBOOKS = {
  'quick.yaml': '# print done\n- hosts: localhost\n',
  'long.yaml': '# lines 200 100\n- hosts: localhost\n',
};
const LONG_LINES = printedLines(200);
/** How long a fault lasts. */
export const AWAY_MS = times(10_000, 30_000);

/** Schedules every 2 s and a run that lasts longer than the fault: none is missed, nothing ends wrongly. */
export async function survives(node: TestServer, fault: () => Promise<void>): Promise<void> {
  const { api } = node;
  const long = await runPlaybook(api, 'long.yaml');
  const ids = await createSchedules([api], 20, '*/2 * * * * *');
  await untilEachTicked(() => api, ids, 2);

  await fault();

  const [first = ''] = ids;
  const ticked = (await ticksOf(api, first)).length;
  await untilEachTicked(() => api, ids, ticked + Math.ceil(AWAY_MS / 2_000) + 2);
  expect(await waitForEnd(() => api, long)).toMatchObject({ status: 'SUCCEEDED', exitCode: 0 });
  expect(await readLog(api, long)).toEqual({ text: LONG_LINES, totalLines: 200, complete: true });
  await expectAllRan(api, ids, 2);
}
