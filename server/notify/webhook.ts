import { createHmac } from 'node:crypto';
import type { TargetFields } from '../domain/notices/channel.ts';
import type { Message } from '../domain/notices/notice.ts';
import type { Call } from './http-call.ts';

/** @param now for the signature, which a receiver may refuse when it is old */
export function webhookCall({ url, secret }: TargetFields, message: Message, now: Date): Call {
  const [first, ...others] = message.notices.map(noticeOf);
  const body = JSON.stringify({ id: message.id, test: message.isTest, ...first, others });
  const headers: Record<string, string> = { 'sible-delivery': message.id };
  if (typeof secret === 'string') headers['sible-signature'] = signatureOf(secret, body, now);
  return { url: String(url), body, headers };
}

function noticeOf({ event, at, schedule, playbook, run, scheduledFor, reason, failures, url }: Notice) {
  return {
    event: event.toUpperCase(),
    at,
    schedule,
    playbook,
    run: run && { ...run, status: statusName(run.status), reason, url },
    scheduledFor,
    reason,
    url,
    failures,
  };
}

type Notice = Message['notices'][number];

/** As in the API, e.g. TIMED_OUT. */
function statusName(status: string): string {
  return status.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** `t=UNIX_SECONDS,v1=HEX`: the HMAC-SHA256 of "t.body". */
function signatureOf(secret: string, body: string, now: Date): string {
  const seconds = Math.floor(now.getTime() / 1_000);
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
}
