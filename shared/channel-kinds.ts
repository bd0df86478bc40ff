/** The kinds of channels and their fields: schema, checks and forms derive from this table. */

export type ChannelFieldKind =
  /** http or https, without a user. */
  | 'url'
  /** One line. */
  | 'text'
  /** A list of e-mail addresses. */
  | 'addresses';

export interface ChannelField {
  readonly kind: ChannelFieldKind;
  /** Sealed when it is stored, and never given out. */
  readonly isSecret: boolean;
  readonly isRequired: boolean;
  readonly description: string;
}

interface ChannelKindEntry {
  readonly label: string;
  /** Name of the input type of the API; kinds with the same fields share one. */
  readonly input: string;
  readonly fields: Readonly<Record<string, ChannelField>>;
}

const text = (description: string, isSecret: boolean, isRequired = true): ChannelField => ({
  kind: 'text',
  isSecret,
  isRequired,
  description,
});
/** Secret: whoever has the address of a web hook or the topic of a service can send to it. */
const url = (description: string): ChannelField => ({
  kind: 'url',
  isSecret: true,
  isRequired: true,
  description,
});

const CHAT = { url: url('The address of its incoming webhook.') };

export const CHANNEL_KINDS = {
  webhook: {
    label: 'Webhook',
    input: 'WebhookTargetInput',
    fields: {
      url: url('Where to POST to.'),
      secret: text('Signs what is sent; left out: it is not signed.', true, false),
    },
  },
  email: {
    label: 'E-mail',
    input: 'EmailTargetInput',
    fields: {
      to: { kind: 'addresses', isSecret: false, isRequired: true, description: 'Addresses, 20 at most.' },
    },
  },
  slack: { label: 'Slack', input: 'ChatTargetInput', fields: CHAT },
  teams: { label: 'Microsoft Teams', input: 'ChatTargetInput', fields: CHAT },
  discord: { label: 'Discord', input: 'ChatTargetInput', fields: CHAT },
  mattermost: { label: 'Mattermost', input: 'ChatTargetInput', fields: CHAT },
  telegram: {
    label: 'Telegram',
    input: 'TelegramTargetInput',
    fields: {
      botToken: text('Of the bot that sends.', true),
      chatId: text('The chat to send to.', false),
    },
  },
  ntfy: {
    label: 'ntfy',
    input: 'NtfyTargetInput',
    fields: {
      url: url('The address of the topic.'),
      token: text('An access token; left out: none.', true, false),
    },
  },
  gotify: {
    label: 'Gotify',
    input: 'GotifyTargetInput',
    fields: {
      url: url('The address of the server.'),
      token: text('The token of the application.', true),
    },
  },
} as const satisfies Record<string, ChannelKindEntry>;

export type ChannelKind = keyof typeof CHANNEL_KINDS;

export const CHANNEL_KIND_NAMES = Object.keys(CHANNEL_KINDS) as readonly ChannelKind[];

/** The fields of a kind, by name. */
export function channelFieldsOf(kind: ChannelKind): Readonly<Record<string, ChannelField>> {
  return CHANNEL_KINDS[kind].fields;
}
