import { createHmac } from 'node:crypto';
import { expect, it } from 'vitest';
import { createChannelNotifier } from '../../../server/notify/channel-notifier.ts';
import { NOON } from '../../support/make.ts';
import { makeMessage } from '../../support/make-notices.ts';
import { type Received, startReceiver } from '../../support/receiver.ts';

function makeNotifier(allow: readonly string[] = ['127.0.0.0/8'], timeLimitMs = 20_000) {
  return createChannelNotifier({ allow, version: '0.1.0', timeLimitMs, now: () => NOON });
}

const webhook = (url: string, secret?: string) =>
  ({ kind: 'webhook', fields: { url, ...(secret === undefined ? {} : { secret }) } }) as const;

it('posts the event as JSON, signed, under the id of the delivery', async () => {
  const receiver = await startReceiver();
  const target = webhook(receiver.url, 'a shared secret');

  const outcome = await makeNotifier().send(target, makeMessage({}, { event: 'recovered' }));

  expect(outcome).toEqual({ isDelivered: true, answer: '200 OK: ok' });
  const [{ headers, body } = { headers: {} as Received['headers'], body: '' }] = receiver.received;
  expect(JSON.parse(body)).toMatchObject({
    id: 'delivery-1',
    event: 'FAILED',
    at: NOON.toISOString(),
    schedule: { id: 'schedule-1', name: 'Nightly update' },
    run: { id: 'run-1', status: 'FAILED', reason: 'One or more hosts failed.', url: expect.any(String) },
    failures: [],
    others: [{ event: 'RECOVERED' }],
  });
  expect(headers).toMatchObject({ 'content-type': 'application/json', 'sible-delivery': 'delivery-1' });
  const t = NOON.getTime() / 1_000;
  const v1 = createHmac('sha256', 'a shared secret').update(`${t}.${body}`).digest('hex');
  expect(headers['sible-signature']).toBe(`t=${t},v1=${v1}`);
});

it('does not sign without a secret', async () => {
  const receiver = await startReceiver();
  await makeNotifier().send(webhook(receiver.url), makeMessage());
  expect(receiver.received[0]?.headers).not.toHaveProperty('sible-signature');
});

it('follows no redirect, and takes nothing but 2xx for a delivery', async () => {
  const [receiver, other] = [await startReceiver(), await startReceiver()];
  const statuses = [199, 301, 302, 307, 308, 400, 404, 410, 500, 503].filter((status) => status >= 200);
  for (const status of statuses) {
    receiver.answer((response) => response.writeHead(status, { location: other.url }).end('no'));
    const { isDelivered, answer } = await makeNotifier().send(webhook(receiver.url), makeMessage());
    expect(isDelivered, answer).toBe(false);
    expect(answer).toMatch(new RegExp(`^${status} `));
  }
  expect(other.received).toEqual([]);
});

it.each([
  ['says nothing', () => undefined],
  ['stops within the head', (response) => response.socket?.write('HTTP/1.1 200 OK\r\nx-')],
  ['stops within the body', (response) => response.writeHead(200).write('o')],
] satisfies [string, Parameters<Awaited<ReturnType<typeof startReceiver>>['answer']>[0]][])(
  'gives up on a receiver that %s',
  async (_what, how) => {
    const receiver = await startReceiver();
    receiver.answer(how);
    expect(await makeNotifier(undefined, 300).send(webhook(receiver.url), makeMessage())).toEqual({
      isDelivered: false,
      answer: 'There was no answer within 0.3 s.',
    });
  },
);

it('reads the beginning of an answer that never ends', async () => {
  const receiver = await startReceiver();
  receiver.answer((response) => {
    const more = () => {
      while (response.write('x'.repeat(65_536)) && !response.destroyed);
    };
    response.on('drain', more);
    more();
  });
  const { isDelivered, answer } = await makeNotifier().send(webhook(receiver.url), makeMessage());
  expect(isDelivered).toBe(true);
  expect(answer.length).toBeLessThan(500);
});

it('shows an answer as one line, without control characters, and without the secrets of the target', async () => {
  const receiver = await startReceiver();
  receiver.answer((response, { path, headers }) =>
    response.writeHead(500).end(`\u001b]0;title\u0007a\nb ${path} http://${headers.host}${path} s3cret-word`),
  );
  const { answer } = await makeNotifier().send(webhook(receiver.url, 's3cret-word'), makeMessage());
  expect(answer).toBe('500 Internal Server Error: a b … … …');
});

it.each([
  ['http://127.0.0.1:PORT/', []],
  ['http://2130706433:PORT/', []],
  ['http://0x7f.1:PORT/', []],
  ['http://[::1]:PORT/', []],
  ['http://[::ffff:127.0.0.1]:PORT/', []],
  ['http://localhost:PORT/', []],
  ['http://localhost:PORT/', ['10.0.0.0/8', 'other.example']],
])('does not reach %s when only %j may be', async (url, allow) => {
  const receiver = await startReceiver();
  const target = webhook(url.replace('PORT', `${receiver.port}`));
  const { isDelivered, answer } = await makeNotifier(allow).send(target, makeMessage());
  expect(answer).toMatch(/not an address of the internet; SIBLE_NOTIFY_ALLOW can allow it/);
  expect(isDelivered).toBe(false);
  expect(receiver.received).toEqual([]);
});

it('reaches a name that is allowed, whatever its address', async () => {
  const receiver = await startReceiver();
  const target = webhook(`http://localhost:${receiver.port}/`);
  expect(await makeNotifier(['localhost']).send(target, makeMessage())).toMatchObject({ isDelivered: true });
});

it('says why a receiver cannot be reached', async () => {
  const target = webhook('http://127.0.0.1:1/');
  const { isDelivered, answer } = await makeNotifier().send(target, makeMessage());
  expect(isDelivered).toBe(false);
  expect(answer).toMatch(/ECONNREFUSED/);
});
