import { describe, expect, it, onTestFinished } from 'vitest';
import type { NoticeEvent } from '../../../../server/domain/notice-event.ts';
import { channelRow } from '../../../../server/domain/notices/channel.ts';
import type { Run } from '../../../../server/domain/runs/run.ts';
import { createChannelNotifier } from '../../../../server/notify/channel-notifier.ts';
import type { Notifier } from '../../../../server/notify/notify.ts';
import { createSealedSecrets } from '../../../../server/secrets/sealed-secrets.ts';
import { createDeliveryWorker } from '../../../../server/services/notices/delivery-worker.ts';
import { createFactNotices } from '../../../../server/services/notices/fact-notices.ts';
import { createOutboxReader } from '../../../../server/services/outbox-reader.ts';
import type { Storage } from '../../../../server/storage/storage.ts';
import { makeEnd, makePage, makeRun, makeSchedule } from '../../../support/make.ts';
import { makeChannel } from '../../../support/make-notices.ts';
import { type Receiver, startReceiver } from '../../../support/receiver.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';
import { openTempStorage } from '../../../support/temp-storage.ts';
import { waitUntil } from '../../../support/wait-until.ts';

const TIMINGS = {
  sendMs: 2_000,
  gatherMs: 100,
  pollMs: 20,
  leaseMs: 5_000,
  settleAgainMs: 20,
  sealedMs: 1_000,
  pauseFactor: 1 / 10_000,
};

async function makeHouse() {
  const storage = await openTempStorage();
  const folder = await makeTempDir();
  onTestFinished(() => folder.remove());
  const secrets = createSealedSecrets({ file: null, dataDir: folder.path });
  const now = () => new Date();
  const errors: string[] = [];
  const notifier = (timeLimitMs = TIMINGS.sendMs) =>
    createChannelNotifier({ allow: ['127.0.0.1'], version: '1', timeLimitMs, now });

  /** A node; it works until the test ends. */
  function startNode(
    workerId: string,
    more: { storage?: Storage; notifier?: Notifier; timings?: Partial<typeof TIMINGS> } = {},
  ) {
    const timings = { ...TIMINGS, ...more.timings };
    const own = more.storage ?? storage;
    const onError = (error: unknown) => errors.push(String(error));
    const notices = createFactNotices({
      storage: own,
      results: { failures: async () => [] },
      gatherMs: timings.gatherMs,
      now,
      onError,
    });
    const worker = createDeliveryWorker({
      storage: own,
      outboxReader: createOutboxReader({
        outbox: own.outbox,
        workerId,
        leaseMs: 1_000,
        handle: notices.record,
        now,
      }),
      notifier: more.notifier ?? notifier(),
      secrets,
      links: { idOf: (type, id) => `${type} ${id}`, urlOf: (_type, id) => `https://sible.example/${id}` },
      workerId,
      timings,
      now,
      onError,
    });
    worker.start();
    onTestFinished(() => worker.close());
    return worker;
  }

  async function addChannel(
    receiver: Receiver,
    defaultFor: readonly NoticeEvent[] = ['failed', 'recovered'],
  ) {
    const channel = makeChannel({ defaultFor });
    const sealed = await secrets.seal(JSON.stringify({ url: receiver.url }), channelRow(channel.id));
    await storage.channels.insert({ ...channel, sealed });
    return channel;
  }

  const schedule = makeSchedule({ name: 'Nightly' });
  await storage.schedules.insert(schedule);
  let minutes = 0;
  async function end(status: 'succeeded' | 'failed', overrides: Partial<Run> = {}) {
    minutes += 1;
    const finishedAt = new Date(Date.now() + minutes);
    const run = makeRun({ scheduleId: schedule.id, ...makeEnd({ status, finishedAt }), ...overrides });
    await storage.runs.insert(run);
    return run;
  }
  const listed = async () =>
    (await storage.deliveries.list({}, makePage({ limit: 500 }))).items.map(({ node }) => node);
  return { storage, startNode, addChannel, schedule, end, listed, errors, notifier };
}

const runOf = ({ run }: { run: { id: string } }) => run;
const bodiesOf = (receiver: Receiver) => receiver.received.map(({ body }) => JSON.parse(body));

describe('a run that ended', () => {
  it('is told to each channel that wants it, and its recovery after it', async () => {
    const { startNode, addChannel, schedule, end, listed } = await makeHouse();
    const [one, other] = [await startReceiver(), await startReceiver()];
    await addChannel(one);
    await addChannel(other, ['succeeded']);
    startNode('node');

    const failed = await end('failed', { reason: 'No host was reached.' });
    await waitUntil(() => one.received.length === 1);
    expect(bodiesOf(one)[0]).toMatchObject({
      event: 'FAILED',
      schedule: { id: `Schedule ${schedule.id}`, name: 'Nightly' },
      run: {
        id: `Run ${failed.id}`,
        status: 'FAILED',
        reason: 'No host was reached.',
        url: `https://sible.example/${failed.id}`,
      },
    });
    await end('failed');
    await end('succeeded');
    await waitUntil(() => one.received.length === 2 && other.received.length === 1);
    expect(bodiesOf(one)[1]).toMatchObject({ event: 'RECOVERED', others: [] });
    expect(bodiesOf(other)).toMatchObject([{ event: 'SUCCEEDED' }]);
    await waitUntil(async () => (await listed()).every(({ state }) => state === 'delivered'));
    expect(await listed()).toHaveLength(3);
  });

  it('is told to the own channels of a schedule alone, of what it wants', async () => {
    const { storage, startNode, addChannel, schedule, end } = await makeHouse();
    const [everyone, own] = [await startReceiver(), await startReceiver()];
    await addChannel(everyone, ['failed', 'succeeded', 'recovered']);
    const channel = await addChannel(own, []);
    const policy = { ...schedule.policy, channels: [channel.id], noticeEvents: ['succeeded'] as const };
    await storage.schedules.replace({ ...schedule, policy, version: 2 }, 1);
    startNode('node');

    await end('failed');
    await end('succeeded');
    await waitUntil(() => own.received.length === 1);
    expect(bodiesOf(own)).toMatchObject([{ event: 'SUCCEEDED' }]);
    expect(everyone.received).toEqual([]);
  });

  it('of many schedules at once is one message', async () => {
    const { storage, startNode, addChannel, listed } = await makeHouse();
    const receiver = await startReceiver();
    await addChannel(receiver);
    startNode('node', { timings: { gatherMs: 500 } });
    for (let n = 0; n < 5; n += 1) {
      const schedule = makeSchedule({ name: `Schedule ${n}` });
      await storage.schedules.insert(schedule);
      const reason = 'The inventory is gone.';
      await storage.runs.insert(
        makeRun({ scheduleId: schedule.id, ...makeEnd({ status: 'failed', reason }) }),
      );
    }
    await waitUntil(async () => (await listed()).filter(({ state }) => state === 'delivered').length === 5);
    expect(bodiesOf(receiver)).toHaveLength(1);
    expect(bodiesOf(receiver)[0].others).toHaveLength(4);
  });
});

describe('a receiver', () => {
  it('that fails is tried again under the same id, and given up in the end', async () => {
    const { storage, startNode, addChannel, end, listed } = await makeHouse();
    const receiver = await startReceiver();
    await addChannel(receiver);
    receiver.answer((response) => response.writeHead(503).end('down'));
    startNode('node');
    await end('failed');

    await waitUntil(async () => (await listed())[0]?.state === 'givenUp');
    const [delivery] = await listed();
    expect(delivery).toMatchObject({
      attempts: 6,
      nextAttemptAt: null,
      answer: '503 Service Unavailable: down',
    });
    const ids = receiver.received.map(({ headers }) => headers['sible-delivery']);
    expect(ids).toEqual(Array.from({ length: 6 }, () => delivery?.id));

    receiver.answer((response) => response.end('up'));
    await storage.deliveries.resend(delivery?.id ?? '', new Date());
    await waitUntil(async () => (await listed())[0]?.state === 'delivered');
    expect(receiver.received.at(-1)?.headers['sible-delivery']).toBe(delivery?.id);
  });

  it('that hangs delays no other', async () => {
    const { startNode, addChannel, end, notifier } = await makeHouse();
    const [hanging, other] = [await startReceiver(), await startReceiver()];
    hanging.answer(() => undefined);
    await addChannel(hanging, ['succeeded']);
    await addChannel(other, ['succeeded']);
    startNode('node', { notifier: notifier(600_000), timings: { sendMs: 500 } });
    for (let n = 1; n <= 3; n += 1) {
      await end('succeeded');
      await waitUntil(() => other.received.length === n);
    }
    expect(hanging.received).toHaveLength(1);
  });
});

describe('two nodes', () => {
  it('send each delivery once', async () => {
    const { startNode, addChannel, end, listed } = await makeHouse();
    const receivers = [await startReceiver(), await startReceiver()];
    for (const receiver of receivers) await addChannel(receiver, ['succeeded']);
    for (const node of ['one', 'two', 'three']) startNode(node, { timings: { gatherMs: 0 } });
    for (let n = 0; n < 30; n += 1) await end('succeeded');
    await waitUntil(async () => {
      const all = await listed();
      return all.length === 60 && all.every(({ state }) => state === 'delivered');
    });
    for (const receiver of receivers) {
      const runs = bodiesOf(receiver).flatMap(({ run, others }) => [run, ...others.map(runOf)]);
      expect(new Set(runs.map(({ id }) => id)).size).toBe(30);
      expect(runs).toHaveLength(30);
    }
  });

  it('of which one dies while it sends: the other sends it again, under the same id', async () => {
    const { storage, startNode, addChannel, end, listed } = await makeHouse();
    const receiver = await startReceiver();
    await addChannel(receiver);
    const dead: Storage = {
      ...storage,
      deliveries: { ...storage.deliveries, settle: () => new Promise(() => undefined) },
    };
    startNode('dead', { storage: dead, timings: { leaseMs: 1_500, sendMs: 300 } });
    await end('failed');
    await waitUntil(() => receiver.received.length === 1);
    startNode('alive');

    await waitUntil(async () => (await listed())[0]?.state === 'delivered');
    expect(receiver.received).toHaveLength(2);
    expect(new Set(receiver.received.map(({ headers }) => headers['sible-delivery'])).size).toBe(1);
  });

  it('record how a try went once the database answers again, and do not send it again', async () => {
    const { storage, startNode, addChannel, end, listed, errors } = await makeHouse();
    const receiver = await startReceiver();
    await addChannel(receiver);
    let outages = 5;
    const flaky = <Store extends object>(store: Store, methods: readonly (keyof Store)[]): Store =>
      Object.fromEntries(
        Object.entries(store).map(([name, method]) => [
          name,
          (...args: unknown[]) => {
            if (!methods.includes(name as keyof Store) || outages === 0) return method(...args);
            outages -= 1;
            return Promise.reject(new Error('The database does not answer.'));
          },
        ]),
      ) as Store;
    startNode('node', {
      storage: { ...storage, deliveries: flaky(storage.deliveries, ['settle', 'advance']) },
    });
    await end('failed');

    await waitUntil(async () => (await listed())[0]?.state === 'delivered');
    expect(receiver.received).toHaveLength(1);
    expect(errors.length).toBeGreaterThanOrEqual(5);
  });
});

it('a channel whose key is missing says so, and the others are told', async () => {
  const { storage, startNode, addChannel, end, listed } = await makeHouse();
  const receiver = await startReceiver();
  await addChannel(receiver);
  const broken = makeChannel({ sealed: `1:${'0'.repeat(16)}:${'A'.repeat(16)}:${'A'.repeat(22)}:AAAA` });
  await storage.channels.insert(broken);
  startNode('node');
  await end('failed');
  await waitUntil(() => receiver.received.length === 1);
  await waitUntil(async () => (await listed()).some(({ answer }) => answer?.includes('sealed with the key')));
});

it('nobody is told of what happened before the first channel came', async () => {
  const { storage, startNode, addChannel, end } = await makeHouse();
  await end('failed');
  startNode('node');
  const farFuture = new Date(Date.now() + 86_400_000);
  await waitUntil(async () => (await storage.outbox.claim('test', 10, farFuture, farFuture)).length === 0, {
    everyMs: 200,
  });
  const receiver = await startReceiver();
  await addChannel(receiver, ['failed', 'recovered']);
  await end('succeeded');
  await end('failed');
  await waitUntil(() => receiver.received.length === 1);
  expect(bodiesOf(receiver)).toMatchObject([{ event: 'FAILED', others: [] }]);
});
