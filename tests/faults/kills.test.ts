import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../support/api-client.ts';
import { ticksOf, untilEachTicked } from '../support/ledger.ts';
import { createSchedule, deleteSchedule, updateSchedule } from '../support/operations.ts';
import { canKillMongo, type OwnMongo, startOwnMongo } from '../support/own-mongo.ts';
import { times } from '../support/soak.ts';
import { SQLITE } from '../support/storages.ts';
import { AWAY_MS, SURVIVOR_PLAYBOOKS, survives } from '../support/survives.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type TestServer, withServer } from '../support/with-server.ts';

/** What was acknowledged is there after a kill, whole, and what was not is there as a whole or not at all. */

const LIST = `{ schedules(first: 500) { edges { node { id name enabled nextRunAt problem timing { ... on CronTiming { expression } } } } } }`;

interface Stored {
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly nextRunAt: string | null;
  readonly problem: string | null;
  readonly timing: { readonly expression: string };
}

/** What may be of one schedule: an acknowledged change leaves one state, one that was cut off leaves two. */
interface Known {
  id: string | null;
  mayBeThere: boolean;
  mayBeGone: boolean;
  readonly expressions: Set<string>;
}

const EARLY = '*/2 * * * * *';
const LATER = '1-59/2 * * * * *';

/** Creates, edits and deletes until a request fails, or until told to stop: a short outage is waited for. */
async function changeUntilCut(
  api: ApiClient,
  known: Map<string, Known>,
  prefix: string,
  stop: AbortSignal,
): Promise<void> {
  for (let n = 0; !stop.aborted; n += 1) {
    const name = `${prefix}-${n}`;
    const state: Known = { id: null, mayBeThere: true, mayBeGone: true, expressions: new Set([EARLY]) };
    known.set(name, state);
    const id = await createSchedule(api, 'quick.yaml', EARLY, { name });
    Object.assign(state, { id, mayBeGone: false });
    if (n % 3 !== 0) {
      state.expressions.add(LATER);
      await updateSchedule(api, id, { timing: { cron: LATER } });
      state.expressions.delete(EARLY);
    }
    if (n % 3 !== 1) {
      state.mayBeGone = true;
      await deleteSchedule(api, id);
      state.mayBeThere = false;
    }
  }
}

async function expectAsKnown(api: ApiClient, known: Map<string, Known>): Promise<Stored[]> {
  const { schedules } = await api.request<{ schedules: { edges: { node: Stored }[] } }>(LIST);
  const stored = schedules.edges.map(({ node }) => node);
  expect(new Set(stored.map(({ name }) => name)).size).toBe(stored.length);
  for (const [name, state] of known) {
    const found = stored.find((schedule) => schedule.name === name);
    if (!found) expect([name, state.mayBeGone]).toEqual([name, true]);
    else {
      expect([name, state.mayBeThere, state.expressions.has(found.timing.expression)]).toEqual([
        name,
        true,
        true,
      ]);
      expect(found).toMatchObject({ enabled: true, problem: null, nextRunAt: expect.any(String) });
    }
  }
  expect(stored.every(({ name }) => known.has(name))).toBe(true);
  return stored;
}

/** Those that are left fire, each instant once; then they are cleared away. */
async function expectFiring(api: ApiClient, stored: readonly Stored[]): Promise<void> {
  const some = stored.slice(0, 20);
  const counts = await Promise.all(some.map(async ({ id }) => (await ticksOf(api, id)).length));
  await untilEachTicked(
    () => api,
    some.map(({ id }) => id),
    Math.max(...counts, 0) === 0 ? 1 : Math.min(...counts) + 1,
  );
  for (const { id } of some) {
    const instants = (await ticksOf(api, id)).map(({ scheduledFor }) => scheduledFor);
    expect(new Set(instants).size).toBe(instants.length);
  }
  for (const { id } of stored) await deleteSchedule(api, id);
}

async function killInALoop(
  test: TestServer,
  rounds: number,
  kill: (round: number) => Promise<void>,
): Promise<void> {
  const known = new Map<string, Known>();
  for (let round = 0; round < rounds; round += 1) {
    const { api } = test;
    const stop = new AbortController();
    const changing = Promise.allSettled(
      [1, 2, 3].map((n) => changeUntilCut(api, known, `r${round}-${n}`, stop.signal)),
    );
    // the moment is what is tried
    await delay(20 + Math.random() * 150);
    await kill(round);
    stop.abort();
    await changing;
    let answer = '';
    await waitUntil(
      async () => {
        const response = await fetch(`${test.server.url}/readyz`);
        answer = await response.text();
        return response.status === 200;
      },
      { withinMs: 60_000, everyMs: 100 },
    ).catch((error: unknown) => {
      throw new Error(`Round ${round}: ${error}\n${answer}\n${test.server.output()}`);
    });
    const stored = await expectAsKnown(test.api, known);
    if (round % 10 === 9 || round === rounds - 1) {
      await expectFiring(test.api, stored);
      known.clear();
    }
  }
}

describe('an SQLite file', () => {
  it('has what was acknowledged, and nothing by half, when the server is killed while it changes schedules', () =>
    withServer(
      {
        storage: SQLITE,
        ansible: 'scripted',
        playbooks: SURVIVOR_PLAYBOOKS,
      },
      (test) =>
        killInALoop(test, times(10, 200), async () => {
          await test.server.kill();
          await test.restart();
        }),
    ));
});

describe.skipIf(!canKillMongo)('a MongoDB that is killed and started again', () => {
  let mongo: OwnMongo;
  beforeAll(() => {
    mongo = startOwnMongo();
  });
  afterAll(() => mongo.remove());
  /** On a database of its own. */
  const withOwn = (name: string, work: (test: TestServer) => Promise<void>) => {
    const storage = { env: { MONGODB_URI: `${mongo.uri}-${name}` }, drop: async () => undefined };
    const env = { SIBLE_CONCURRENCY: '50' };
    return withServer({ storage, ansible: 'scripted', playbooks: SURVIVOR_PLAYBOOKS, env }, work);
  };

  it('costs no instant, no line and no true end', () =>
    withOwn('away', (test) =>
      survives(test, async () => {
        mongo.kill();
        await delay(AWAY_MS);
        mongo.start();
      }),
    ));

  it('has what was acknowledged, and nothing by half', () =>
    withOwn('loop', (test) =>
      killInALoop(test, times(6, 200), async (round) => {
        if (round % 2 === 0) {
          mongo.kill();
          mongo.start();
        } else {
          await test.server.kill();
          await test.restart();
        }
      }),
    ));
});
