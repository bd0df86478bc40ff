import { graphql } from 'graphql';
import { expect, it } from 'vitest';
import type { Actor } from '../../../server/domain/actor.ts';
import { ConflictError } from '../../../server/domain/errors.ts';
import { createContext, type Services } from '../../../server/graphql/context.ts';
import { schema } from '../../../server/graphql/schema.ts';
import { TESTER } from '../../support/actor.ts';

const SAVE = `mutation { savePlaybook(input: { path: "a.yaml", content: "x" }) { __typename } }`;
const DELETE = `mutation { deletePlaybook(input: { path: "a.yaml" }) { __typename } }`;

/** @param isRefused whether saving and deleting fail @returns the answer, and what was done in which order */
async function ask(source: string, isRefused: boolean) {
  const done: string[] = [];
  const work = (what: string) => async (_actor: Actor, path: string) => {
    if (isRefused) throw new ConflictError('It was changed.');
    done.push(`${what} ${path}`);
    return { path, content: 'x' };
  };
  const services = {
    playbooks: { save: work('saved'), delete: work('deleted') },
    schedules: { announcePlaybook: async (_actor: Actor, path: string) => void done.push(`told of ${path}`) },
  };
  const contextValue = createContext(TESTER, services as unknown as Services, null);
  const { data, errors } = await graphql({ schema, source, contextValue });
  expect(errors).toBeUndefined();
  return { answer: Object.values(data ?? {}), done };
}

it.each([
  ['saved', SAVE, 'SavePlaybookPayload'],
  ['deleted', DELETE, 'DeletePlaybookPayload'],
])(
  'schedules of a playbook are told of once it is %s, and not when that was refused',
  async (what, source, type) => {
    expect(await ask(source, false)).toEqual({
      answer: [{ __typename: type }],
      done: [`${what} a.yaml`, 'told of a.yaml'],
    });
    expect(await ask(source, true)).toEqual({ answer: [{ __typename: 'ConflictError' }], done: [] });
  },
);
