import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createChannelNotifier } from '../../../../server/notify/channel-notifier.ts';
import { createSealedSecrets } from '../../../../server/secrets/sealed-secrets.ts';
import { createChannelService } from '../../../../server/services/notices/channel-service.ts';
import { openSqliteStorage } from '../../../../server/storage/sqlite/sqlite-storage.ts';
import { askOf } from '../../../support/graphql-api.ts';
import { NOON } from '../../../support/make.ts';
import { startReceiver } from '../../../support/receiver.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

async function makeService() {
  const folder = await makeTempDir();
  const database = join(folder.path, 'sible.sqlite');
  const storage = await openSqliteStorage(database);
  onTestFinished(async () => {
    await storage.close();
    await folder.remove();
  });
  const log: string[] = [];
  const now = () => NOON;
  const channels = createChannelService({
    storage,
    secrets: createSealedSecrets({ file: null, dataDir: folder.path }),
    notifier: createChannelNotifier({ allow: ['127.0.0.1'], version: '1', timeLimitMs: 20_000, now }),
    now,
    logChange: (...change) => log.push(JSON.stringify(change)),
  });
  const ask = askOf({ channels });
  const create = (target: string, more = '') =>
    ask<{ createChannel: unknown }>(
      `mutation { createChannel(input: { name: "A", target: { ${target} }${more} }) {
        __typename ... on InvalidInputError { issues { path message } }
        ... on CreateChannelPayload { channel { id name kind target enabled defaultFor } } } }`,
    ).then(
      ({ data }) =>
        data.createChannel as { issues: { path: string[]; message: string }[] } & {
          channel: Record<string, unknown> & { id: string };
        },
    );
  return { storage, database, channels, log, ask, create };
}

const TARGETS: readonly [string, string][] = [
  ['webhook: { url: "https://hooks.example/TOPSECRET", secret: "TOPSECRET" }', 'hooks.example'],
  ['slack: { url: "https://hooks.slack.com/services/TOPSECRET" }', 'hooks.slack.com'],
  ['teams: { url: "https://x.webhook.office.com/TOPSECRET" }', 'x.webhook.office.com'],
  ['discord: { url: "https://discord.com/api/webhooks/TOPSECRET" }', 'discord.com'],
  ['mattermost: { url: "https://mm.example:8443/hooks/TOPSECRET" }', 'mm.example:8443'],
  ['telegram: { botToken: "123:TOPSECRET_TOPSECRET", chatId: "-100123" }', 'chat -100123'],
  ['ntfy: { url: "https://ntfy.sh/TOPSECRET", token: "TOPSECRET" }', 'ntfy.sh'],
  ['gotify: { url: "https://gotify.example", token: "TOPSECRET" }', 'gotify.example'],
];

it.each(TARGETS)('keeps the secrets of %s to itself', async (target, shown) => {
  const { storage, database, channels, log, ask, create } = await makeService();

  const { channel } = await create(target);

  expect(channel).toMatchObject({
    kind: target.slice(0, target.indexOf(':')).toUpperCase(),
    target: shown,
    enabled: true,
    defaultFor: ['FAILED', 'RECOVERED', 'MISSED', 'BROKEN'],
  });
  const answer = await ask('{ channels { id name kind target enabled defaultFor } }');
  expect(answer).toEqual({ data: { channels: [channel] } });
  const stored = await storage.channels.list();
  await storage.close();
  const everything = [
    JSON.stringify([stored, answer, log]),
    readFileSync(database, 'latin1'),
    await channels.find({ kind: 'scheduler' }, 'x').catch(String),
  ];
  expect(everything.join('\n')).not.toContain('TOPSECRET');
  expect(log).toHaveLength(1);
});

describe('refuses', () => {
  it.each([
    ['', 'The target names 0 kinds'],
    ['webhook: { url: "ftp://x" }', 'begins with https://'],
    ['webhook: { url: "/path" }', 'begins with https://'],
    ['webhook: { url: "https://user:TOPSECRET@x" }', 'names a user'],
    ['webhook: { url: "https://x", secret: "TOP\\nSECRET" }', 'line break'],
    ['email: { to: ["ops@a.example"] }', 'E-mail cannot be sent yet; expected one of webhook, slack'],
    ['email: { to: [] }', 'at least one'],
    ['email: { to: ["a@b", "TOP@x\\r\\nBcc: c@d"] }', 'is no e-mail address'],
    ['email: { to: ["a b@c"] }', 'is no e-mail address'],
    ['telegram: { botToken: "../TOPSECRET", chatId: "1" }', 'BotFather'],
    ['gotify: { url: "https://x", token: " " }', 'The token is missing'],
  ])('%s', async (target, message) => {
    const { storage, create, ask } = await makeService();
    if (target === '') {
      const { errors } = await ask(
        'mutation { createChannel(input: { name: "A", target: {} }) { __typename } }',
      );
      expect(errors).toHaveLength(1);
    } else {
      const { issues } = await create(target);
      expect(issues[0]?.message).toContain(message);
      expect(JSON.stringify(issues)).not.toContain('TOPSECRET');
    }
    expect(await storage.channels.list()).toEqual([]);
  });
});

it('changes what is given and nothing else, tries the channel, and deletes it', async () => {
  const { storage, ask, create, log } = await makeService();
  const receiver = await startReceiver();
  const { channel } = await create(`webhook: { url: "${receiver.url}" }`, ', defaultFor: [LATE, FAILED]');
  expect(channel.defaultFor).toEqual(['FAILED', 'LATE']);
  const [before] = await storage.channels.list();

  const updated =
    await ask(`mutation { updateChannel(input: { id: "${channel.id}", name: "B", enabled: false }) {
    ... on UpdateChannelPayload { channel { name enabled defaultFor target } } } }`);
  expect(updated).toEqual({
    data: {
      updateChannel: {
        channel: { name: 'B', enabled: false, defaultFor: ['FAILED', 'LATE'], target: channel.target },
      },
    },
  });
  expect((await storage.channels.list())[0]?.sealed).toBe(before?.sealed);

  const tried = await ask(`mutation { testChannel(input: { id: "${channel.id}" }) {
    ... on TestChannelPayload { delivered answer } } }`);
  expect(tried).toEqual({ data: { testChannel: { delivered: true, answer: '200 OK: ok' } } });
  expect(JSON.parse(receiver.received[0]?.body ?? '')).toMatchObject({ test: true, event: 'FAILED' });

  const remove = `mutation { deleteChannel(input: { id: "${channel.id}" }) { __typename } }`;
  expect(await ask(remove)).toEqual({ data: { deleteChannel: { __typename: 'DeleteChannelPayload' } } });
  expect(await ask(remove)).toEqual({ data: { deleteChannel: { __typename: 'NotFoundError' } } });
  expect(log.map((line) => JSON.parse(line)[1])).toEqual([
    'created a channel',
    'changed a channel',
    'tried a channel',
    'deleted a channel',
  ]);
});
