import { channelFieldsOf } from '../../shared/channel-kinds.ts';
import { codeOf, messageOf } from '../domain/caught.ts';
import { terminalText } from '../domain/logs/terminal-text.ts';
import type { Target } from '../domain/notices/channel.ts';
import { messageText } from '../domain/notices/message-text.ts';
import type { Message } from '../domain/notices/notice.ts';
import { createAllowedAddresses } from './allowed-addresses.ts';
import { discordCall, mattermostCall, slackCall, teamsCall } from './chat.ts';
import { createHttpCaller } from './http-call.ts';
import type { Notifier, SendOutcome } from './notify.ts';
import { gotifyCall, ntfyCall, telegramCall } from './push.ts';
import { webhookCall } from './webhook.ts';

export interface NotifierOptions {
  /** Addresses, networks and host names that may be called although they are not of the internet. */
  readonly allow: readonly string[];
  readonly version: string;
  /** How long a try may take. */
  readonly timeLimitMs: number;
  now(): Date;
}

const MAX_ANSWER_LENGTH = 500;
/** What is shorter is no secret, and would turn up by chance. */
const MIN_SECRET_LENGTH = 4;

export function createChannelNotifier(options: NotifierOptions): Notifier {
  const call = createHttpCaller(createAllowedAddresses(options.allow), `Sible/${options.version}`);

  function sendNow(target: Target, message: Message, signal: AbortSignal): Promise<SendOutcome> {
    const text = messageText(message);
    switch (target.kind) {
      case 'webhook':
        return call(webhookCall(target.fields, message, options.now()), signal);
      case 'slack':
        return call(slackCall(target.fields, text), signal);
      case 'teams':
        return call(teamsCall(target.fields, text), signal);
      case 'discord':
        return call(discordCall(target.fields, text), signal);
      case 'mattermost':
        return call(mattermostCall(target.fields, text), signal);
      case 'telegram':
        return call(telegramCall(target.fields, text), signal);
      case 'ntfy':
        return call(ntfyCall(target.fields, text), signal);
      case 'gotify':
        return call(gotifyCall(target.fields, text), signal);
      case 'email':
        throw new Error('E-mail cannot be sent yet.');
    }
  }

  return {
    async send(target, message) {
      const tooLate = new AbortController();
      const timer = setTimeout(() => tooLate.abort(), options.timeLimitMs);
      try {
        const { isDelivered, answer } = await sendNow(target, message, tooLate.signal);
        return { isDelivered, answer: shownAnswer(answer, target) };
      } catch (error) {
        const answer = tooLate.signal.aborted
          ? `There was no answer within ${options.timeLimitMs / 1_000} s.`
          : faultOf(error);
        return { isDelivered: false, answer: shownAnswer(answer, target) };
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** An error that stands for several, one per address, has no message of its own. */
function faultOf(error: unknown): string {
  return messageOf(error) || (codeOf(error) ?? 'It could not be reached.');
}

/** One line without control characters and without the secrets of the target, which the other side may repeat. */
function shownAnswer(answer: string, { kind, fields }: Target): string {
  const table = channelFieldsOf(kind);
  const secrets = Object.entries(fields)
    .filter(([name]) => table[name]?.isSecret)
    .flatMap(([, value]) => secretsIn(String(value)))
    .filter((secret) => secret.length >= MIN_SECRET_LENGTH)
    .sort((one, other) => other.length - one.length);
  const hidden = secrets.reduce((text, secret) => text.replaceAll(secret, '…'), answer);
  return terminalText(hidden, false).replace(/\s+/g, ' ').trim().slice(0, MAX_ANSWER_LENGTH);
}

/** Of a URL also its path and query, which others repeat without the rest. */
function secretsIn(value: string): string[] {
  if (!URL.canParse(value)) return [value];
  const { pathname, search } = new URL(value);
  return [value, `${pathname}${search}`, pathname, search];
}
