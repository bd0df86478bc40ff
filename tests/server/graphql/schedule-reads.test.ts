import { expect, it } from 'vitest';
import type { Actor } from '../../../server/domain/actor.ts';
import { NO_PARAMETERS } from '../../../shared/run-parameters.ts';
import { askOf, pageOf } from '../../support/graphql-api.ts';
import { makeRun, makeSchedule } from '../../support/make.ts';

/** How often one request reads schedules whose parameters are long, and what it tells of them. */

const COUNT = 20;

function makeApi() {
  const ids = Array.from({ length: COUNT }, (_, n) => `s${n}`);
  const summaries: string[] = [];
  const whole: string[] = [];
  const summaryOf = (id: string) => ({ ...makeSchedule({ id }), parameters: null });
  const schedules = {
    list: async () => pageOf(ids.map(summaryOf)),
    async findMany(_actor: Actor, wanted: readonly string[]) {
      summaries.push(...wanted);
      return wanted.map(summaryOf);
    },
    async find(_actor: Actor, id: string) {
      whole.push(id);
      const extraVarsJson = JSON.stringify({ a: 'x'.repeat(1_048_576) });
      const parameters = { ...NO_PARAMETERS, limit: 'web', extraVarsJson };
      return {
        ...makeSchedule({ id, parameters }),
        ...(id === 's1' ? { problem: 'It cannot be read.', unreadable: ['parameters'] } : {}),
      };
    },
  };
  const runs = {
    list: async () => pageOf(ids.map((scheduleId) => makeRun({ scheduleId }))),
    problemOf: async (_actor: Actor, schedule: { problem: string | null; parameters: { limit: string } }) =>
      schedule.problem ?? `It has the limit ${schedule.parameters.limit}.`,
  };
  const askApi = askOf({ schedules, runs });
  const ask = (field: string, names = 10) =>
    askApi<Record<string, { edges: { node: object }[] }>>(
      `{ ${Array.from({ length: names }, (_, n) => `a${n}: ${field}`).join(' ')} }`,
    );
  return { ask, summaries, whole };
}

it('reads each schedule of many runs once, and without its parameters', async () => {
  const { ask, summaries, whole } = makeApi();
  expect((await ask('runs { edges { node { schedule { id name } } } }')).errors).toBeUndefined();
  expect(summaries).toHaveLength(COUNT);
  expect(whole).toEqual([]);
});

it('reads nothing whole for a list', async () => {
  const { ask, whole } = makeApi();
  expect((await ask('schedules { edges { node { id name nextRunAt } } }')).errors).toBeUndefined();
  expect(whole).toEqual([]);
});

it('looks once into long parameters to say what is wrong, and holds none of them', async () => {
  const { ask, whole } = makeApi();
  const { data, errors } = await ask('schedules { edges { node { problem unreadable } } }');
  expect(errors).toBeUndefined();
  expect(data.a9?.edges.slice(0, 2).map(({ node }) => node)).toEqual([
    { problem: 'It has the limit web.', unreadable: [] },
    { problem: 'It cannot be read.', unreadable: ['parameters'] },
  ]);
  expect(whole).toHaveLength(COUNT);
});

it('counts extra variables that are asked for, and reads no more of them than an answer may hold', async () => {
  const { ask, whole } = makeApi();
  const short = await ask('schedules { edges { node { parameters { limit } } } }', 1);
  expect(short.errors).toBeUndefined();
  whole.length = 0;
  const long = await ask('schedules { edges { node { parameters { extraVarsJson } } } }');
  expect(long.errors?.[0]?.message).toMatch(/^The answer would hold more than 3145728 characters/);
  expect(whole.length).toBeLessThanOrEqual(3);
});
