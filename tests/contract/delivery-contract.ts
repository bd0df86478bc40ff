import { expect } from 'vitest';
import type { ClaimedMessage, Delivery } from '../../server/domain/notices/delivery.ts';
import { NOTHING_TOLD } from '../../server/domain/notices/notice-rules.ts';
import type { Storage } from '../../server/storage/storage.ts';
import { makePage, minutesAfter, NOON } from '../support/make.ts';
import { makeDelivery } from '../support/make-notices.ts';
import { type OpenStorage, storageTest } from './opened-storage.ts';

const SOON = minutesAfter(NOON, 1);
const LEASE = minutesAfter(NOON, 3);
const LATER = minutesAfter(NOON, 4);

let schedules = 0;
async function store(storage: Storage, ...deliveries: readonly Delivery[]): Promise<void> {
  schedules += 1;
  expect(await storage.deliveries.advance(`schedule-${schedules}`, 0, NOTHING_TOLD, deliveries)).toBe(true);
}
const idsOf = (message: ClaimedMessage | null) => message?.deliveries.map(({ id }) => id);
const outcome = { state: 'delivered', at: SOON, nextAttemptAt: null, answer: '200 OK' } as const;
const failed = { state: 'pending', at: SOON, nextAttemptAt: LATER, answer: 'No.' } as const;

/** What is delivered, once, by one of several nodes. */
export function describeDeliveries(open: OpenStorage): void {
  const test = storageTest(open);

  test('stores a state with its deliveries, once a version', async (storage) => {
    const { deliveries } = storage;
    const state = { told: { ...NOTHING_TOLD.told, failed: ['a', 'b'] }, lastEndAt: NOON };
    const [one, other] = [makeDelivery(), makeDelivery()];
    expect(await deliveries.findState('s')).toEqual({ state: NOTHING_TOLD, version: 0 });

    expect(await deliveries.advance('s', 0, state, [one])).toBe(true);
    expect(await deliveries.advance('s', 0, NOTHING_TOLD, [other])).toBe(false);
    expect(await deliveries.advance('s', 2, NOTHING_TOLD, [other])).toBe(false);
    expect(await deliveries.findState('s')).toEqual({ state, version: 1 });
    expect(await deliveries.find(one.id)).toEqual(one);
    expect(await deliveries.find(other.id)).toBeNull();

    expect(await deliveries.advance('s', 1, NOTHING_TOLD, [{ ...one, answer: 'changed' }, other])).toBe(true);
    expect(await deliveries.findState('s')).toEqual({ state: NOTHING_TOLD, version: 2 });
    expect(await deliveries.find(one.id)).toEqual(one);
    expect(await deliveries.find(other.id)).toEqual(other);
  });

  test('gives a message to one claim, and again when its lease has ended', async (storage) => {
    const { deliveries } = storage;
    const delivery = makeDelivery();
    await store(storage, delivery);

    expect(await deliveries.claim('one', LEASE, minutesAfter(NOON, -1), [])).toBeNull();
    const claimed = await deliveries.claim('one', LEASE, SOON, []);
    expect(claimed).toMatchObject({ id: delivery.id, channelId: delivery.channelId, attempts: 1 });
    expect(await deliveries.claim('two', LEASE, SOON, [])).toBeNull();
    expect(await deliveries.claim('two', minutesAfter(LATER, 1), LATER, [])).toMatchObject({
      id: delivery.id,
      attempts: 2,
    });
    expect(await deliveries.settle(delivery.id, 'one', 1, outcome)).toBe(false);
    expect(await deliveries.find(delivery.id)).toMatchObject({ state: 'pending', attempts: 2 });
    expect(await deliveries.settle(delivery.id, 'two', 2, outcome)).toBe(true);
    expect(await deliveries.settle(delivery.id, 'two', 2, outcome)).toBe(false);
    expect(await deliveries.find(delivery.id)).toEqual({
      ...delivery,
      state: 'delivered',
      attempts: 2,
      nextAttemptAt: null,
      deliveredAt: SOON,
      answer: '200 OK',
    });
    expect(await deliveries.claim('two', LEASE, minutesAfter(NOON, 10_000), [])).toBeNull();
  });

  test('makes one message of what waits for a channel, the same in every try', async (storage) => {
    const { deliveries } = storage;
    const [first, second, third] = [0, 1, 2].map((seconds) =>
      makeDelivery({ channelId: 'a', createdAt: minutesAfter(NOON, seconds / 60) }),
    ) as [Delivery, Delivery, Delivery];
    const other = makeDelivery({ channelId: 'b', nextAttemptAt: minutesAfter(NOON, 0.5) });
    await store(storage, first, second, other);
    // not due yet, but it waits
    await store(storage, { ...third, nextAttemptAt: LATER });

    const message = await deliveries.claim('one', LEASE, SOON, ['b']);
    expect(idsOf(message)).toEqual([first, second, third].map(({ id }) => id));
    const later = makeDelivery({ channelId: 'a' });
    await store(storage, later);
    const id = message?.id ?? '';
    expect(await deliveries.settle(id, 'one', 1, failed)).toBe(true);
    for (const one of [first, second, third])
      expect(await deliveries.find(one.id)).toMatchObject({
        state: 'pending',
        attempts: 1,
        nextAttemptAt: LATER,
        answer: 'No.',
      });

    const longer = minutesAfter(LATER, 5);
    expect(idsOf(await deliveries.claim('two', longer, SOON, ['b']))).toEqual([later.id]);
    const again = await deliveries.claim('three', longer, LATER, ['b']);
    expect(again).toMatchObject({ id, attempts: 2 });
    expect(idsOf(again)).toEqual(idsOf(message));
    expect(await deliveries.settle(id, 'three', 2, outcome)).toBe(true);
    expect(await deliveries.count({ channelId: 'a' })).toBe(4);
    const { items } = await deliveries.list({ channelId: 'a' }, makePage());
    expect(items.filter(({ node }) => node.state === 'delivered')).toHaveLength(3);
    expect(idsOf(await deliveries.claim('one', LEASE, SOON, []))).toEqual([other.id]);
  });

  test('of claims at the same time, each delivery is in one', async (storage, { openSecond }) => {
    const nodes = [storage, (await openSecond?.()) ?? storage];
    const all = Array.from({ length: 30 }, (_, n) => makeDelivery({ channelId: `channel-${n % 10}` }));
    for (const delivery of all) await store(storage, delivery);

    const claimed: string[] = [];
    await Promise.all(
      nodes.flatMap(({ deliveries }, node) =>
        [1, 2, 3].map(async (n) => {
          for (;;) {
            const message = await deliveries.claim(`${node}-${n}`, LEASE, SOON, []);
            if (!message) return;
            claimed.push(...(idsOf(message) ?? []));
          }
        }),
      ),
    );

    expect(claimed.sort()).toEqual(all.map(({ id }) => id).sort());
  });

  test('sends again what is done with, and nothing that is pending', async (storage) => {
    const { deliveries } = storage;
    const [one, two] = [makeDelivery({ channelId: 'a' }), makeDelivery({ channelId: 'a' })];
    await store(storage, one, two);
    const message = await deliveries.claim('one', LEASE, SOON, []);
    expect(await deliveries.resend(one.id, SOON)).toBeNull();
    const [first, second] = idsOf(message) as [string, string];
    await deliveries.settle(first, 'one', 1, { ...failed, state: 'givenUp', nextAttemptAt: null });
    expect(await deliveries.find(second)).toMatchObject({ state: 'givenUp', answer: 'No.' });

    expect(await deliveries.resend(second, SOON)).toMatchObject({ state: 'pending', attempts: 0 });
    const again = await deliveries.claim('one', LEASE, SOON, []);
    expect(again).toMatchObject({ id: second, attempts: 1 });
    expect(idsOf(again)).toEqual([second]);
    await deliveries.settle(second, 'one', 1, outcome);
    expect(await deliveries.find(first)).toMatchObject({ state: 'givenUp' });
    expect(await deliveries.find(second)).toMatchObject({ state: 'delivered', deliveredAt: SOON });
    expect(await deliveries.resend('none', SOON)).toBeNull();
  });

  test('lists newest first, and knows the last of each channel', async (storage) => {
    const { deliveries } = storage;
    const all = [3, 1, 2].map((n) => makeDelivery({ channelId: 'a', createdAt: minutesAfter(NOON, n) }));
    const other = makeDelivery({ channelId: 'b' });
    await store(storage, ...all, other);
    const page = await deliveries.list({ channelId: 'a' }, makePage({ limit: 2 }));
    expect(page.items.map(({ node }) => node)).toEqual([all[0], all[2]]);
    expect(page.hasMore).toBe(true);
    const rest = await deliveries.list(
      { channelId: 'a' },
      makePage({ cursor: page.items[1]?.cursor ?? null }),
    );
    expect(rest.items.map(({ node }) => node)).toEqual([all[1]]);
    expect(await deliveries.count({})).toBe(4);
    const last = await deliveries.lastOfChannels(['a', 'b', 'c']);
    expect([...last]).toEqual([
      ['a', all[0]],
      ['b', other],
    ]);
  });

  test('removes what is old and done with, and everything of a channel', async (storage) => {
    const { deliveries } = storage;
    const [done, pending, recent, other] = [0, 0, 5, 0].map((n) =>
      makeDelivery({ createdAt: minutesAfter(NOON, n) }),
    ) as [Delivery, Delivery, Delivery, Delivery];
    await store(storage, done, pending, recent, other);
    for (const { id, channelId } of [done, recent]) {
      const except = [done, pending, recent, other].map((one) => one.channelId);
      await deliveries.claim(
        'one',
        LEASE,
        SOON,
        except.filter((one) => one !== channelId),
      );
      expect(await deliveries.settle(id, 'one', 1, outcome)).toBe(true);
    }
    expect(await deliveries.remove({ before: minutesAfter(NOON, 5) }, 10)).toBe(1);
    expect(await deliveries.remove({ before: minutesAfter(NOON, 5) }, 10)).toBe(0);
    expect(await deliveries.remove({ channelId: other.channelId }, 10)).toBe(1);
    const { items } = await deliveries.list({}, makePage());
    expect(items.map(({ node }) => node.id)).toEqual([recent.id, pending.id]);
  });
}
