import { describe, expect, it } from 'vitest';
import { createUnauthenticatedSockets } from '../../../server/graphql/unauthenticated-sockets.ts';

describe('unauthenticated', () => {
  it('gives the place of the one that has waited longest at the same address', () => {
    const unauthenticated = createUnauthenticatedSockets(2);
    const ended: string[] = [];
    const add = (address: string, name: string) => unauthenticated.add(address, () => ended.push(name));
    add('a', 'a1');
    add('b', 'b1');
    const leave = add('a', 'a2');
    add('a', 'a3');
    expect(ended).toEqual(['a1']);
    leave();
    leave();
    add('a', 'a4');
    expect(ended).toEqual(['a1']);
    expect(unauthenticated.endOldest()).toBe(true);
    expect(ended).toEqual(['a1', 'b1']);
  });

  it('says when there is nobody whose place could be given', () => {
    const unauthenticated = createUnauthenticatedSockets(2);
    expect(unauthenticated.endOldest()).toBe(false);
    unauthenticated.add('a', () => undefined)();
    expect(unauthenticated.endOldest()).toBe(false);
  });
});
