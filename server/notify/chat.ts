import type { TargetFields } from '../domain/notices/channel.ts';
import type { MessageText } from '../domain/notices/message-text.ts';
import type { Call } from './http-call.ts';

/** Chats with an incoming webhook: each takes JSON of its own, and has its own way to keep text from being markup. */

const MAX_DISCORD = 1_900;
const MAX_SLACK = 3_000;
const MAX_TEXT = 8_000;

/** https://docs.slack.dev/messaging/formatting-message-text: these three, and nothing else, are control characters. */
const slackText = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
/** Every character of ASCII that Markdown may read as markup; and nobody is mentioned. */
const markdownText = (text: string) =>
  text.replace(/([\\`*_{}[\]()#+\-.!|~>])/g, '\\$1').replace(/[@<]/g, '$&\u200b');

export function slackCall({ url }: TargetFields, text: MessageText): Call {
  // plain text where it can be: there nothing is markup
  const blocks = text.sections.map(({ heading, lines, url: link }) => {
    const body = [`*${slackBold(heading)}*`, ...lines.map(slackText), ...(link ? [`<${link}|Open>`] : [])];
    return {
      type: 'section',
      text: { type: 'mrkdwn', text: cut(body.join('\n'), MAX_SLACK), verbatim: true },
    };
  });
  const more =
    text.omitted > 0 ? [{ type: 'section', text: { type: 'plain_text', text: moreOf(text) } }] : [];
  return post(url, { text: slackText(text.title), blocks: [...blocks, ...more] });
}

function slackBold(text: string): string {
  return slackText(text).replaceAll('*', '∗');
}

export function mattermostCall({ url }: TargetFields, text: MessageText): Call {
  return post(url, { text: cut(markdownOf(text), MAX_TEXT) });
}

export function discordCall({ url }: TargetFields, text: MessageText): Call {
  return post(url, { content: cut(markdownOf(text), MAX_DISCORD), allowed_mentions: { parse: [] } });
}

/** An adaptive card, as workflows take it; its text blocks know a little Markdown. */
export function teamsCall({ url }: TargetFields, text: MessageText): Call {
  const blockOf = (content: string, more: object = {}) => ({
    type: 'TextBlock',
    text: content,
    wrap: true,
    ...more,
  });
  const body = [
    blockOf(markdownText(text.title), {
      size: 'Medium',
      weight: 'Bolder',
      color: text.isBad ? 'Attention' : 'Good',
    }),
    ...text.sections.flatMap(({ heading, lines, url: link }) => [
      blockOf(markdownText(heading), { weight: 'Bolder' }),
      ...lines.map((line) => blockOf(markdownText(line), { spacing: 'None' })),
      ...(link ? [blockOf(`[Open](${link})`)] : []),
    ]),
    ...(text.omitted > 0 ? [blockOf(moreOf(text))] : []),
  ];
  const card = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.2',
    body,
  };
  const attachment = {
    contentType: 'application/vnd.microsoft.card.adaptive',
    contentUrl: null,
    content: card,
  };
  return post(url, { type: 'message', attachments: [attachment] });
}

function markdownOf(text: MessageText): string {
  const sections = text.sections.map(({ heading, lines, url }) =>
    [`**${markdownText(heading)}**`, ...lines.map(markdownText), ...(url ? [`[Open](${url})`] : [])].join(
      '\n',
    ),
  );
  const title = text.sections.length > 1 ? [`**${markdownText(text.title)}**`] : [];
  return [...title, ...sections, ...(text.omitted > 0 ? [moreOf(text)] : [])].join('\n\n');
}

function moreOf({ omitted }: MessageText): string {
  return `and ${omitted} more`;
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

function post(url: TargetFields[string] | undefined, body: unknown): Call {
  return { url: String(url), body: JSON.stringify(body) };
}
