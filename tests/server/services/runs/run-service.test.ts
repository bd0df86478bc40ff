import { expect, it } from 'vitest';
import { NotFoundError } from '../../../../server/domain/errors.ts';
import type { Run } from '../../../../server/domain/runs/run.ts';
import type { Schedule } from '../../../../server/domain/schedules/schedule.ts';
import { createIdempotency } from '../../../../server/services/runs/idempotency.ts';
import { createNewRuns } from '../../../../server/services/runs/new-runs.ts';
import type { Admission } from '../../../../server/services/runs/run-admission.ts';
import { createRunService } from '../../../../server/services/runs/run-service.ts';
import { TESTER } from '../../../support/actor.ts';
import { ALLOW, makeEnd, makePage, makeSchedule, minutesAfter, NOON } from '../../../support/make.ts';
import { openTempStorage } from '../../../support/temp-storage.ts';

/** Two nodes on one store, and a playbook that may be away. */
async function makeNodes() {
  const storage = await openTempStorage();
  const clock = { now: NOON };
  const begun: string[] = [];
  const dropped: string[] = [];
  const playbook = { isThere: true };
  const makeNode = () => {
    const now = () => clock.now;
    return createRunService({
      storage,
      idempotency: createIdempotency({ keys: storage.keys, now }),
      playbooks: {
        checkRunnable: async (_actor, path) => {
          if (!playbook.isThere) throw new NotFoundError('playbook', path);
        },
      },
      executor: { cancelIfHere: () => undefined },
      newRuns: createNewRuns({
        storage,
        executor: {
          admit: async (run: Run): Promise<Admission> => ({
            run: { ...run, status: 'running', workerId: 'w', startedAt: clock.now },
            begin: async () => void begun.push(run.id),
            drop: async () => void dropped.push(run.id),
            reconcile: async () => undefined,
          }),
        },
        now,
        logChange: () => undefined,
      }),
      now,
      secondLookMs: 0,
      logChange: () => undefined,
    });
  };
  const insert = async (overrides: Partial<Schedule> = {}) => {
    const schedule = makeSchedule(overrides);
    await storage.schedules.insert(schedule);
    return schedule.id;
  };
  return { storage, clock, begun, dropped, playbook, nodes: [makeNode(), makeNode()] as const, insert };
}

const refused = (code: string, message: RegExp) => ({ code, message: expect.stringMatching(message) });

it('starts a schedule once, however often and wherever it is asked at once', async () => {
  const { nodes, insert, begun, dropped, storage } = await makeNodes();
  const id = await insert();
  const starts = await Promise.allSettled(
    Array.from({ length: 10 }, (_, n) => nodes[n % 2]?.triggerSchedule(TESTER, id)),
  );
  expect(starts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const start of starts)
    if (start.status === 'rejected') expect(start.reason).toMatchObject(refused('INVALID_STATE', /SKIP/));
  expect(begun).toHaveLength(1);
  expect((await storage.runs.list({}, makePage())).items.map(({ node }) => node.id)).toEqual(begun);
  expect(dropped).not.toContain(begun[0]);
});

it('starts it beside a run when forced, when its policy says so, and when the run has ended', async () => {
  const { nodes, insert, begun, storage } = await makeNodes();
  const [node] = nodes;
  const [skip, allow] = [await insert(), await insert({ policy: ALLOW })];
  const first = await node.triggerSchedule(TESTER, skip);
  await expect(node.triggerSchedule(TESTER, skip)).rejects.toMatchObject(refused('INVALID_STATE', /SKIP/));
  const second = await node.triggerSchedule(TESTER, skip, { isForced: true });
  for (const { id } of [first, second]) await storage.runs.finish(id, 'w', makeEnd());
  await node.triggerSchedule(TESTER, skip);
  await Promise.all([node.triggerSchedule(TESTER, allow), node.triggerSchedule(TESTER, allow)]);
  expect(begun).toHaveLength(5);
});

it('gives the same run for the same key within 24 h, also at once, on another node, and when it cannot run any more', async () => {
  const { nodes, insert, begun, clock, playbook } = await makeNodes();
  const id = await insert();
  const key = { idempotencyKey: 'click-1' };
  const runs = await Promise.all(
    Array.from({ length: 6 }, (_, n) => nodes[n % 2]?.triggerSchedule(TESTER, id, key)),
  );
  expect(new Set(runs.map((run) => run?.id))).toEqual(new Set(begun));
  const played = await Promise.all(
    Array.from({ length: 6 }, (_, n) => nodes[n % 2]?.runPlaybook(TESTER, 'a.yaml', null, 'click-2')),
  );
  expect(new Set(played.map((run) => run?.id)).size).toBe(1);
  expect(begun).toHaveLength(2);

  playbook.isThere = false;
  clock.now = minutesAfter(NOON, 24 * 60 - 1);
  expect((await nodes[1].runPlaybook(TESTER, 'a.yaml', null, 'click-2')).id).toBe(played[0]?.id);
  playbook.isThere = true;
  clock.now = minutesAfter(NOON, 24 * 60 + 1);
  expect((await nodes[1].runPlaybook(TESTER, 'a.yaml', null, 'click-2')).id).not.toBe(played[0]?.id);
});

it('refuses a key that is none, or that was used for something else, and remembers none of a refused request', async () => {
  const { nodes, insert, begun, playbook } = await makeNodes();
  const [node] = nodes;
  const id = await insert();
  for (const key of ['', 'a b', 'é', 'x'.repeat(256), 'a\0'])
    await expect(node.runPlaybook(TESTER, 'a.yaml', null, key)).rejects.toMatchObject(
      refused('INVALID_INPUT', /key/),
    );
  playbook.isThere = false;
  await expect(node.runPlaybook(TESTER, 'b.yaml', null, 'k')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  playbook.isThere = true;
  await node.runPlaybook(TESTER, 'a.yaml', null, 'k');
  const another = refused('INVALID_INPUT', /another request/);
  await expect(node.runPlaybook(TESTER, 'b.yaml', null, 'k')).rejects.toMatchObject(another);
  await expect(node.triggerSchedule(TESTER, id, { idempotencyKey: 'k' })).rejects.toMatchObject(another);
  expect(begun).toHaveLength(1);
  // the longest one, and all that may stand in one
  const longest = Array.from({ length: 255 }, (_, n) => String.fromCharCode(0x21 + (n % 94))).join('');
  await node.runPlaybook(TESTER, 'a.yaml', null, longest);
  await node.runPlaybook(TESTER, 'a.yaml', null, longest);
  expect(begun).toHaveLength(2);
});

it('says what keeps the runs of a schedule from starting, for as long as it does', async () => {
  const { nodes, playbook } = await makeNodes();
  const schedule = makeSchedule();
  expect(await nodes[0].problemOf(TESTER, schedule)).toBeNull();
  playbook.isThere = false;
  expect(await nodes[0].problemOf(TESTER, schedule)).toBe('There is no playbook "update.yaml".');
  expect(await nodes[0].problemOf(TESTER, { ...schedule, problem: 'broken' })).toBe('broken');
  playbook.isThere = true;
  expect(await nodes[0].problemOf(TESTER, schedule)).toBeNull();
});
