import type { TargetFields } from '../domain/notices/channel.ts';
import type { MessageText } from '../domain/notices/message-text.ts';
import type { Call } from './http-call.ts';

/** Services that push plain text: nothing in it is markup, so nothing is escaped. */

const MAX_TELEGRAM = 4_000;
/** ntfy makes an attachment of what is longer. */
const MAX_NTFY_BYTES = 4_000;

/** @param server the address of the bot API */
export function telegramCall(
  { botToken, chatId }: TargetFields,
  text: MessageText,
  server = 'https://api.telegram.org',
): Call {
  const body = {
    chat_id: chatId,
    text: [text.title, '', plainOf(text)].join('\n').slice(0, MAX_TELEGRAM),
    link_preview_options: { is_disabled: true },
  };
  return { url: `${server}/bot${botToken}/sendMessage`, body: JSON.stringify(body) };
}

/** Published as JSON to the root of the server: a header could hold neither all characters nor any line break. */
export function ntfyCall({ url, token }: TargetFields, text: MessageText): Call {
  const address = new URL(String(url));
  const parts = address.pathname.split('/').filter((part) => part !== '');
  const topic = decodeURIComponent(parts.at(-1) ?? '');
  const body = {
    topic,
    title: text.title,
    message: cutBytes(plainOf(text), MAX_NTFY_BYTES),
    priority: text.isBad ? 4 : 3,
    tags: [text.isBad ? 'rotating_light' : 'white_check_mark'],
    ...linkOf(text, (click) => ({ click })),
  };
  address.pathname = `/${parts.slice(0, -1).join('/')}`;
  const headers = typeof token === 'string' ? { authorization: `Bearer ${token}` } : {};
  return { url: address.href, body: JSON.stringify(body), headers };
}

export function gotifyCall({ url, token }: TargetFields, text: MessageText): Call {
  const address = new URL(String(url));
  address.pathname = `${address.pathname.replace(/\/$/, '')}/message`;
  const body = {
    title: text.title,
    message: plainOf(text),
    priority: text.isBad ? 8 : 4,
    extras: {
      'client::display': { contentType: 'text/plain' },
      ...linkOf(text, (link) => ({ 'client::notification': { click: { url: link } } })),
    },
  };
  return { url: address.href, body: JSON.stringify(body), headers: { 'x-gotify-key': String(token) } };
}

function linkOf<T>({ sections }: MessageText, make: (url: string) => T): T | undefined {
  const url = sections.length === 1 ? sections[0]?.url : null;
  return url ? make(url) : undefined;
}

/** As lines, for a body of plain text. */
export function plainOf({ sections, omitted }: MessageText): string {
  const parts = sections.map(({ heading, lines, url }) =>
    [...(sections.length > 1 ? [heading] : []), ...lines, ...(url ? [url] : [])].join('\n'),
  );
  return [...parts, ...(omitted > 0 ? [`and ${omitted} more`] : [])].join('\n\n');
}

function cutBytes(text: string, bytes: number): string {
  const all = Buffer.from(text);
  return all.length <= bytes ? text : all.subarray(0, bytes).toString('utf8').replaceAll('\ufffd', '');
}
