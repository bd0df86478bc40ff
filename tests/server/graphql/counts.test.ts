import { expect, it } from 'vitest';
import type { Actor } from '../../../server/domain/actor.ts';
import { askOf, pageOf } from '../../support/graphql-api.ts';
import { makeSchedule } from '../../support/make.ts';

/** How often one request counts, and what else gets its turn meanwhile. */

const COUNT_MS = 6;

function makeApi() {
  const counted: unknown[] = [];
  let isRoundOver = true;
  let most = 0;
  let inRound = 0;
  /** As SQLite does: nothing else happens meanwhile. */
  const count = async (_actor: Actor, wanted: unknown) => {
    counted.push(wanted);
    if (isRoundOver) {
      isRoundOver = false;
      inRound = 0;
      setImmediate(() => {
        isRoundOver = true;
      });
    }
    inRound += 1;
    most = Math.max(most, inRound);
    const end = performance.now() + COUNT_MS;
    while (performance.now() < end);
    return counted.length;
  };
  const schedules = {
    count,
    countTicks: count,
    list: async () => pageOf([makeSchedule({ id: 'a' }), makeSchedule({ id: 'b' })]),
    listTicks: async () => pageOf([]),
  };
  const runs = { count, list: async () => pageOf([]) };
  const askApi = askOf({ schedules, runs });
  const ask = async (query: string) => {
    const { data, errors } = await askApi(query);
    expect(errors).toBeUndefined();
    return data;
  };
  return { ask, counted, mostInRound: () => most };
}

const byNames = (count: number, field: (n: number) => string) =>
  `{ ${Array.from({ length: count }, (_, n) => `a${n}: ${field(n)}`).join(' ')} }`;

it.each([
  ['runs(filter: { status: [SUCCEEDED, FAILED], playbook: "a" }) { totalCount }', 1],
  ['runs { totalCount }', 1],
  ['schedules(filter: { search: "a" }) { totalCount }', 1],
  ['schedules { edges { node { runs { totalCount } ticks { totalCount } } } }', 4],
])('%s by 10 names counts %i times', async (field, times) => {
  const { ask, counted } = makeApi();
  await ask(byNames(10, () => field));
  expect(counted).toHaveLength(times);
});

it('counts the same statuses once, in whatever order', async () => {
  const { ask, counted } = makeApi();
  await ask(
    byNames(
      2,
      (n) => `runs(filter: { status: [${['FAILED, LOST', 'LOST, FAILED, LOST'][n]}] }) { totalCount }`,
    ),
  );
  expect(counted).toEqual([{ status: ['failed', 'lost'] }]);
});

it.each([
  ['runs', (n: number) => `runs(filter: { playbook: "p${n}" }) { totalCount }`],
  ['schedules', (n: number) => `schedules(filter: { search: "s${n}" }) { totalCount }`],
])('lets others have their turn between counts of %s', async (_title, field) => {
  const { ask, counted, mostInRound } = makeApi();
  await ask(byNames(20, field));
  expect(counted).toHaveLength(20);
  expect(mostInRound()).toBe(1);
});
