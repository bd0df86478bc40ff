import { expect, it } from 'vitest';
import type { Actor } from '../../../server/domain/actor.ts';
import { askOf } from '../../support/graphql-api.ts';

/** What playbooks of 1 MiB count towards the length of an answer, which is at most 3 MiB, and how often they are read. */

const MIB = 1_048_576;

function makeApi(count: number) {
  const paths = Array.from({ length: count }, (_, n) => `p${n}.yaml`);
  const reads: string[] = [];
  let underWay = 0;
  let mostAtOnce = 0;
  const playbooks = {
    list: async () => ({ playbooks: paths.map((path) => ({ path, problem: null })), leftOut: 0 }),
    problemOf: async () => null,
    async find(_actor: Actor, path: string) {
      reads.push(path);
      underWay += 1;
      mostAtOnce = Math.max(mostAtOnce, underWay);
      await new Promise(setImmediate);
      underWay -= 1;
      return paths.includes(path)
        ? { path, content: 'x'.repeat(MIB), encoding: 'latin1', revision: `${reads.length}` }
        : null;
    },
  };
  const askApi = askOf({ playbooks });
  const ask = async (query: string) => {
    const { data, errors = [] } = await askApi<Record<string, unknown> | null>(query);
    return { data, errors: errors.map(({ message }) => message) };
  };
  return { ask, reads, mostAtOnce: () => mostAtOnce };
}

const TOO_LONG = expect.stringMatching(/^The answer would hold more than 3145728 characters/);

it.each([
  ['encoding', 12],
  ['revision', 12],
  ['encoding revision', 12],
  ['one: encoding two: encoding', 12],
  ['content', 3],
  ['content encoding revision', 3],
  ['revision encoding content', 3],
  ['... { content } encoding', 3],
  ['encoding content @skip(if: true)', 12],
])('{ playbooks { %s } } reads %i at most, each once and one after the other', async (fields, most) => {
  const enough = makeApi(most);
  expect((await enough.ask(`{ playbooks { ${fields} } }`)).errors).toEqual([]);
  expect(enough.reads).toHaveLength(most);

  const tooMany = makeApi(200);
  expect((await tooMany.ask(`{ playbooks { ${fields} } }`)).errors).toContainEqual(TOO_LONG);
  expect(tooMany.reads).toHaveLength(most + 1);
  expect(tooMany.mostAtOnce()).toBe(1);
});

it('reads a playbook once for all names of it', async () => {
  const { ask, reads } = makeApi(1);
  const { errors, data } = await ask(
    '{ a: playbook(path: "p0.yaml") { encoding } b: playbook(path: "p0.yaml") { revision } c: playbooks { encoding } }',
  );
  expect(errors).toEqual([]);
  expect(data).toEqual({ a: { encoding: 'LATIN1' }, b: { revision: '1' }, c: [{ encoding: 'LATIN1' }] });
  expect(reads).toEqual(['p0.yaml']);
});

it.each([
  ['path', 12],
  ['content', 3],
])('{ playbook { %s } } counts by each name that it has', async (field, most) => {
  const query = (count: number) =>
    `{ ${Array.from({ length: count }, (_, n) => `a${n}: playbook(path: "p${n}.yaml") { ${field} }`).join(' ')} }`;
  expect((await makeApi(20).ask(query(most))).errors).toEqual([]);
  expect((await makeApi(20).ask(query(most + 1))).errors).toContainEqual(TOO_LONG);
});

it('sends a content as often as it is counted', async () => {
  const { ask, reads } = makeApi(1);
  const ofOne = (names: number) =>
    `{ playbook(path: "p0.yaml") { ${Array.from({ length: names }, (_, n) => `a${n}: content`).join(' ')} } }`;
  expect((await ask(ofOne(3))).errors).toEqual([]);
  expect(reads).toHaveLength(1);
  expect((await ask(ofOne(4))).errors).toContainEqual(TOO_LONG);
});

it('gives null for what is no playbook', async () => {
  const { data, errors } = await makeApi(1).ask('{ playbook(path: "none.yaml") { path encoding } }');
  expect({ data, errors }).toEqual({ data: { playbook: null }, errors: [] });
});
