import { expect, it } from 'vitest';
import type { Actor } from '../../../server/domain/actor.ts';
import { NO_PARAMETERS } from '../../../shared/run-parameters.ts';
import { askOf } from '../../support/graphql-api.ts';
import { makeRun } from '../../support/make.ts';

/** What long extra variables count towards the length of an answer, which is at most 3 MiB: as often as they are sent. */

const MIB = 1_048_576;

const FRAGMENTS = [
  ['Text', 'fragment Text on RunParameters { extraVarsJson }'],
  ['Tags', 'fragment Tags on RunParameters { tags }'],
] as const;

/** Runs whose extra variables have this length. */
function makeApi(length: number) {
  let reads = 0;
  const find = async (_actor: Actor, id: string) => {
    reads += 1;
    return {
      ...makeRun({ id }),
      parameters: {
        ...NO_PARAMETERS,
        tags: ['a'],
        extraVarsJson: JSON.stringify({ a: 'x'.repeat(length - 8) }),
      },
    };
  };
  const findMany = async (_actor: Actor, ids: readonly string[]) => ids.map((id) => makeRun({ id }));
  const askApi = askOf({ runs: { find, findMany } });
  const ask = async (runs: number, fields: string) => {
    const nodes = Array.from({ length: runs }, (_, n) => {
      const id = Buffer.from(`Run:r${n}`).toString('base64');
      return `r${n}: node(id: "${id}") { ... on Run { ${fields} } }`;
    });
    const variables = fields.includes('$no') ? '($no: Boolean = false)' : '';
    const fragments = FRAGMENTS.filter(([name]) => fields.includes(`...${name}`)).map(([, text]) => text);
    const { data, errors = [] } = await askApi<
      Record<string, { parameters: { extraVarsJson?: string } | null } | null>
    >(`query ${variables} { ${nodes.join(' ')} } ${fragments.join(' ')}`);
    return { data, errors: errors.map(({ message }) => message) };
  };
  return { ask, reads: () => reads };
}

const TOO_LONG = expect.stringMatching(/^The answer would hold more than 3145728 characters/);

it.each([
  ['parameters { extraVarsJson }', 2.9],
  ['parameters { extraVars }', 2.9],
  ['parameters { ...Text tags }', 2.9],
  ['parameters { ... { extraVarsJson } }', 2.9],
  ['parameters { extraVarsJson @include(if: true) }', 2.9],
  ['parameters { extraVarsJson extraVars }', 1.4],
  ['parameters { one: extraVarsJson two: extraVarsJson }', 1.4],
  ['one: parameters { extraVarsJson } two: parameters { extraVarsJson }', 1.4],
])('%s counts each text that is sent, once', async (fields, mib) => {
  expect((await makeApi(mib * MIB).ask(1, fields)).errors).toEqual([]);
  expect((await makeApi((mib + 0.2) * MIB).ask(1, fields)).errors).toContainEqual(TOO_LONG);
});

it.each([
  'parameters { tags }',
  'parameters { ...Tags }',
  'parameters { tags ...Text @skip(if: true) }',
  'parameters { tags extraVarsJson @include(if: $no) }',
  'parameters { tags ... @include(if: false) { extraVars } }',
])('%s counts nothing that is not sent', async (fields) => {
  const { data, errors } = await makeApi(2.9 * MIB).ask(5, fields);
  expect(errors).toEqual([]);
  expect(Object.values(data)).toHaveLength(5);
  expect(data.r4).toMatchObject({ parameters: { tags: ['a'] } });
});

it('no more of them are read than an answer may hold', async () => {
  const { ask, reads } = makeApi(MIB);
  const { errors } = await ask(20, 'parameters { extraVarsJson }');
  expect(errors).toContainEqual(TOO_LONG);
  expect(reads()).toBeLessThanOrEqual(4);
});
