import { describe, expect, it } from 'vitest';
import { createStrangers } from '../../../server/graphql/strangers.ts';

describe('strangers', () => {
  it('gives the place of the one that has waited longest at the same address', () => {
    const strangers = createStrangers(2);
    const ended: string[] = [];
    const add = (address: string, name: string) => strangers.add(address, () => ended.push(name));
    add('a', 'a1');
    add('b', 'b1');
    const leave = add('a', 'a2');
    add('a', 'a3');
    expect(ended).toEqual(['a1']);
    leave();
    leave();
    add('a', 'a4');
    expect(ended).toEqual(['a1']);
    expect(strangers.endOldest()).toBe(true);
    expect(ended).toEqual(['a1', 'b1']);
  });

  it('says when there is nobody whose place could be given', () => {
    const strangers = createStrangers(2);
    expect(strangers.endOldest()).toBe(false);
    strangers.add('a', () => undefined)();
    expect(strangers.endOldest()).toBe(false);
  });
});
