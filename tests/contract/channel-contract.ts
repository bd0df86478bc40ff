import { expect } from 'vitest';
import { makeChannel } from '../support/make-notices.ts';
import { type OpenStorage, storageTest } from './opened-storage.ts';

/** Whom to tell. */
export function describeChannels(open: OpenStorage): void {
  const test = storageTest(open);

  test('gives a channel back as it was stored, also after opening again', async ({ channels }, {
    reopen,
  }) => {
    const sealed = makeChannel({ sealed: '1:key:iv:tag:text', defaultFor: ['failed', 'late'] });
    const open = makeChannel({
      kind: 'email',
      fields: { to: ['ä@b.example', 'c@d.example'] },
      enabled: false,
    });
    for (const channel of [sealed, open]) await channels.insert(channel);

    expect(await channels.find(sealed.id)).toEqual(sealed);
    expect(await (await reopen()).channels.find(open.id)).toEqual(open);
  });

  test('refuses an id that is taken, and finds nothing that there is not', async ({ channels }) => {
    const channel = makeChannel();
    await channels.insert(channel);
    await expect(channels.insert({ ...channel, name: 'Other' })).rejects.toThrow();
    expect(await channels.find(channel.id)).toEqual(channel);
    expect(await channels.find('none')).toBeNull();
  });

  test('lists by name without regard to case', async ({ channels }) => {
    for (const name of ['b', 'C', 'A', 'a']) await channels.insert(makeChannel({ name }));
    const names = (await channels.list()).map(({ name }) => name.toLowerCase());
    expect(names).toEqual(['a', 'a', 'b', 'c']);
  });

  test('replaces only the version that is expected, whole', async ({ channels }) => {
    const channel = makeChannel({ sealed: 'secret' });
    await channels.insert(channel);
    const changed = { ...channel, name: 'Other', sealed: null, defaultFor: [], version: 2 };

    expect(await channels.replace(changed, 2)).toBe(false);
    expect(await channels.find(channel.id)).toEqual(channel);
    expect(await channels.replace(changed, 1)).toBe(true);
    expect(await channels.replace({ ...changed, name: 'Third' }, 1)).toBe(false);
    expect(await channels.find(channel.id)).toEqual(changed);
    expect(await channels.replace(makeChannel(), 1)).toBe(false);
  });

  test('deletes once', async ({ channels }) => {
    const [one, other] = [makeChannel(), makeChannel()];
    for (const channel of [one, other]) await channels.insert(channel);
    expect(await channels.delete(one.id)).toBe(true);
    expect(await channels.delete(one.id)).toBe(false);
    expect(await channels.list()).toEqual([other]);
  });
}
