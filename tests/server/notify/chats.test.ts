import { expect, it } from 'vitest';
import { messageText } from '../../../server/domain/notices/message-text.ts';
import type { Notice } from '../../../server/domain/notices/notice.ts';
import { discordCall, mattermostCall, slackCall, teamsCall } from '../../../server/notify/chat.ts';
import type { Call } from '../../../server/notify/http-call.ts';
import { gotifyCall, ntfyCall, telegramCall } from '../../../server/notify/push.ts';
import type { ChannelKind } from '../../../shared/channel-kinds.ts';
import { makeMessage } from '../../support/make-notices.ts';

const HOSTILE =
  '<!channel> <@U1> @everyone &lt; *bold* _it_ `code` [link](https://evil.example) <https://evil.example|x>\r\nBcc: a@b \u202e';

const CALLS = {
  slack: slackCall,
  teams: teamsCall,
  discord: discordCall,
  mattermost: mattermostCall,
  telegram: telegramCall,
  ntfy: ntfyCall,
  gotify: gotifyCall,
} satisfies Partial<Record<ChannelKind, (fields: never, text: never) => Call>>;

const FIELDS = { url: 'https://chat.example/base/topic', token: 'tk_1', botToken: '1:token', chatId: '-5' };
const hostile = makeMessage({
  schedule: { id: 's', name: HOSTILE },
  playbook: HOSTILE,
  failures: [{ hosts: [HOSTILE, 'b', 'c', 'd'], task: HOSTILE, message: HOSTILE, file: null, line: null }],
});

it.each(Object.entries(CALLS))(
  '%s is sent what failed where, how long it took, and a link',
  (_kind, callOf) => {
    const failures = [
      { hosts: ['web3', 'web4', 'web5', 'web6'], task: 'Copy', message: 'denied', file: null, line: null },
    ];
    const { body } = callOf(FIELDS, messageText(makeMessage({ failures })));
    for (const part of [
      'Nightly update failed',
      'update',
      '1 min 23 s',
      'web3 and 3 more, Copy: denied',
      'https://sible.example/runs/1',
    ])
      expect(body.replaceAll('\\\\', '')).toContain(part);
  },
);

it.each(Object.entries(CALLS))(
  '%s gets no line break, mark-up or mention from foreign text',
  (kind, callOf) => {
    const { url, body, headers = {} } = callOf(FIELDS, messageText(hostile));
    const sent = JSON.parse(body);
    expect(Object.values(headers).join() + url).not.toMatch(/[\r\n]/);
    const texts: string[] = [];
    JSON.stringify(sent, (_key, value) => {
      if (typeof value === 'string') texts.push(value);
      return value;
    });
    const text = texts.join('\n');
    expect(text).not.toContain('\u202e');
    expect(text).not.toMatch(/^Bcc/m);
    if (kind === 'slack') expect(text).not.toMatch(/<(?!https:\/\/sible\.example\/)/);
    if (kind === 'discord') expect(sent.allowed_mentions).toEqual({ parse: [] });
    if (['discord', 'mattermost', 'teams'].includes(kind)) {
      expect(text).not.toMatch(/(^|[^\\])\[(?!Open\]\(https:\/\/sible\.example\/)/);
      expect(text).not.toContain('@everyone');
      expect(text).not.toContain('<@');
    }
  },
);

it('goes to the place that each service documents, with its token in a header', () => {
  const text = messageText(makeMessage());
  expect(telegramCall(FIELDS, text)).toMatchObject({
    url: 'https://api.telegram.org/bot1:token/sendMessage',
  });
  const ntfy = ntfyCall(FIELDS, text);
  expect(ntfy).toMatchObject({ url: 'https://chat.example/base', headers: { authorization: 'Bearer tk_1' } });
  expect(JSON.parse(ntfy.body)).toMatchObject({ topic: 'topic', priority: 4 });
  const { token: _, ...open } = FIELDS;
  expect(ntfyCall(open, text).headers).toEqual({});
  expect(gotifyCall(FIELDS, text)).toMatchObject({
    url: 'https://chat.example/base/topic/message',
    headers: { 'x-gotify-key': 'tk_1' },
  });
});

it('says in one title what many schedules have in common', () => {
  const of = (count: number, reason: string | null, event: 'failed' | 'recovered' = 'failed') =>
    Array.from({ length: count }, (_, n) => ({
      event,
      reason,
      schedule: { id: `${event}-${n}`, name: `S${n}` },
    }));
  const titleOf = (...notices: readonly Partial<Notice>[]) => messageText(makeMessage(...notices)).title;
  expect(titleOf(...of(5, 'No route.'))).toBe('5 schedules failed: same cause');
  expect(titleOf(...of(1, 'a'), ...of(1, 'b'))).toBe('1 schedule failed');
  expect(titleOf(...of(3, 'a'), ...of(2, null, 'recovered'))).toBe(
    '3 schedules failed, 2 schedules recovered',
  );
  expect(titleOf(...of(1, 'a'))).toBe('S0 failed');
  expect(messageText(makeMessage(...of(12, 'a')))).toMatchObject({ omitted: 2, isBad: true });
});

it('stays within what the services take, however much there is to say', () => {
  const long = 'ä'.repeat(1_000);
  const notices = Array.from({ length: 1_000 }, () => ({
    playbook: long,
    failures: Array.from({ length: 5 }, () => ({
      hosts: [long],
      task: long,
      message: long,
      file: null,
      line: null,
    })),
  }));
  for (const [kind, callOf] of Object.entries(CALLS)) {
    const sent = JSON.parse(callOf(FIELDS, messageText(makeMessage(...notices))).body);
    if (kind === 'discord') expect(sent.content.length).toBeLessThanOrEqual(2_000);
    if (kind === 'telegram') expect(sent.text.length).toBeLessThanOrEqual(4_096);
    if (kind === 'ntfy') expect(Buffer.byteLength(sent.message)).toBeLessThanOrEqual(4_096);
    if (kind === 'slack')
      for (const block of sent.blocks) expect(block.text.text.length).toBeLessThanOrEqual(3_000);
    if (kind === 'teams') expect(JSON.stringify(sent).length).toBeLessThan(28_000);
  }
});
