import fastify, { type FastifyInstance } from 'fastify';
import { expect, it, onTestFinished } from 'vitest';
import type { Actor } from '../../../server/domain/actor.ts';
import type { Services } from '../../../server/graphql/context.ts';
import { prepareActor, setActor } from '../../../server/http/request-actor.ts';
import { registerRoutes } from '../../../server/http/routes.ts';
import type { CreateSchedule } from '../../../server/services/schedules/schedule-input.ts';
import { NO_PARAMETERS, RUN_PARAMETER_NAMES, RUN_PARAMETERS } from '../../../shared/run-parameters.ts';
import { TESTER } from '../../support/actor.ts';
import { makeSchedule } from '../../support/make.ts';
import { OTHER_PARAMETERS } from '../../support/other-parameters.ts';

/** The routes behind a door that lets everybody in. */
function routesOn(services: object): FastifyInstance {
  const app = fastify();
  onTestFinished(() => app.close());
  prepareActor(app);
  app.addHook('onRequest', async (request) => setActor(request, TESTER));
  registerRoutes(app, services as Services);
  return app;
}

/** The routes, on a service that only notes what it is asked for. */
async function makeRoutes() {
  const made: CreateSchedule[] = [];
  const create = async (_actor: Actor, input: CreateSchedule) => {
    made.push(input);
    return makeSchedule();
  };
  const app = routesOn({ schedules: { create } });
  const post = async (parameters: string) => {
    const answer = await app.inject({
      method: 'POST',
      url: '/schedule',
      headers: { 'content-type': 'application/json' },
      payload: `{"playbook": "a.yaml", "cron": "* * * * *", "parameters": ${parameters}}`,
    });
    return { status: answer.statusCode, issues: answer.json().error?.issues, error: answer.json().error };
  };
  return { post, made };
}

it('all fields of the table arrive', async () => {
  const { post, made } = await makeRoutes();
  expect((await post(JSON.stringify(OTHER_PARAMETERS))).status).toBe(201);
  expect(made[0]?.parameters).toEqual(OTHER_PARAMETERS);
});

it.each(RUN_PARAMETER_NAMES)(
  '%s arrives alone, and as null is what it is when it is not given',
  async (name) => {
    const { post, made } = await makeRoutes();
    await post(JSON.stringify({ [name]: OTHER_PARAMETERS[name] }));
    await post(JSON.stringify({ [name]: null }));
    expect(made.map(({ parameters }) => parameters)).toEqual([
      { ...NO_PARAMETERS, [name]: OTHER_PARAMETERS[name] },
      NO_PARAMETERS,
    ]);
  },
);

const WRONG = {
  list: ['"a"', '[1]', '{}'],
  text: ['1', '["a"]'],
  json: ['{}', '1'],
  flag: ['1', '"true"'],
  number: ['"1"', '[1]', 'true'],
};

it.each(RUN_PARAMETER_NAMES)('a value of another type for %s is refused with its name', async (name) => {
  const { post, made } = await makeRoutes();
  for (const value of WRONG[RUN_PARAMETERS[name].kind]) {
    const { status, issues } = await post(`{"${name}": ${value}}`);
    expect(status).toBe(400);
    expect(issues[0].path.slice(0, 2)).toEqual(['parameters', name]);
    expect(issues[0].message).toContain(`"parameters.${name}`);
  }
  expect(made).toEqual([]);
});

it.each(['surprise', 'extra_vars', 'Limit', 'constructor', 'toString'])(
  'the unknown field %s is refused by name',
  async (name) => {
    const { post, made } = await makeRoutes();
    const { status, issues } = await post(`{"${name}": "x", "limit": "web"}`);
    expect(status).toBe(400);
    expect(issues[0].message).toContain(name);
    expect(made).toEqual([]);
  },
);

it.each(['[]', '"x"', '1', 'null'])('parameters that are %s are refused', async (value) => {
  const { post, made } = await makeRoutes();
  const { status, issues } = await post(value);
  expect([status, issues[0].path]).toEqual([400, ['parameters']]);
  expect(made).toEqual([]);
});

it('the short names work, and not beside the full ones', async () => {
  const { post, made } = await makeRoutes();
  await post('{"inventory": "./inventory/prod/", "extraVars": {"a": {"b": [1, null]}}}');
  expect(made[0]?.parameters).toEqual({
    ...NO_PARAMETERS,
    inventories: ['inventory/prod'],
    extraVarsJson: '{"a":{"b":[1,null]}}',
  });
  for (const both of ['{"inventory": "a", "inventories": ["b"]}', '{"extraVars": {}, "extraVarsJson": "{}"}'])
    expect((await post(both)).issues[0].message).toMatch(/are both given; expected one of them/);
});

it.each(['9007199254740993', '-0', '1e400'])(
  'the number %s in extraVars, which would arrive as another one, is refused',
  async (number) => {
    const { post, made } = await makeRoutes();
    const { status, issues } = await post(`{"extraVars": {"x": [${number}]}}`);
    expect([status, issues[0].path]).toEqual([400, ['parameters', 'extraVars']]);
    expect(issues[0].message).toMatch(/give the variables as text, in "extraVarsJson"\.$/);
    expect(made).toEqual([]);
  },
);

it('hands on the idempotency key of the body or of the header, and refuses two', async () => {
  const keys: (string | null | undefined)[] = [];
  const create = async (_actor: Actor, _input: CreateSchedule, key?: string | null) => {
    keys.push(key);
    return makeSchedule();
  };
  const app = routesOn({ schedules: { create } });
  const post = async (headers: Record<string, string>, body: object) => {
    const payload = { playbook: 'a.yaml', cron: '* * * * *', ...body };
    const answer = await app.inject({ method: 'POST', url: '/schedule', headers, payload });
    return answer.statusCode;
  };
  expect(await post({}, {})).toBe(201);
  expect(await post({}, { idempotencyKey: null })).toBe(201);
  expect(await post({}, { idempotencyKey: 'a' })).toBe(201);
  expect(await post({ 'Idempotency-Key': 'b' }, {})).toBe(201);
  expect(await post({ 'idempotency-key': 'c' }, { idempotencyKey: 'c' })).toBe(201);
  expect(await post({ 'idempotency-key': 'c' }, { idempotencyKey: 'd' })).toBe(400);
  expect(await post({}, { idempotencyKey: 1 })).toBe(400);
  expect(keys).toEqual([null, null, 'a', 'b', 'c']);
});
