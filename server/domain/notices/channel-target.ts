import {
  CHANNEL_KIND_NAMES,
  type ChannelField,
  type ChannelFieldKind,
  channelFieldsOf,
} from '../../../shared/channel-kinds.ts';
import { clip, type InputIssue, InvalidInputError } from '../errors.ts';
import { findInvisible } from '../invisible.ts';
import type { Target, TargetFields } from './channel.ts';

/** As given: exactly one kind. */
export type TargetInput = Readonly<Record<string, Readonly<Record<string, unknown>> | null | undefined>>;

const MAX_LENGTH = 2_000;
const MAX_ADDRESSES = 20;
const MAX_ADDRESS_LENGTH = 254;
/** Nothing that a header or a list of addresses could take for something else. */
const ADDRESS = /^[^\s@<>()[\]\\,;:"]{1,64}@[\p{L}\p{N}](?:[\p{L}\p{N}.-]*[\p{L}\p{N}])?$/u;
const BOT_TOKEN = /^\d{1,20}:[\w-]{10,100}$/;

const SENDABLE = CHANNEL_KIND_NAMES.filter((kind) => kind !== 'email');

/**
 * Checks a target; the messages repeat no secret.
 * @throws {InvalidInputError} with all faults at once
 */
export function targetOf(input: TargetInput): Target {
  const kinds = CHANNEL_KIND_NAMES.filter((kind) => input[kind] !== undefined && input[kind] !== null);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    const message = `The target names ${kinds.length} kinds; expected one of ${CHANNEL_KIND_NAMES.join(', ')}.`;
    throw new InvalidInputError([{ path: ['target'], message, position: null }]);
  }
  const given = input[kind] ?? {};
  const issues: InputIssue[] = [];
  const fields: Record<string, string | readonly string[]> = {};
  for (const [name, field] of Object.entries(channelFieldsOf(kind))) {
    const value = withoutBlanks(given[name]);
    const isMissing = value === '' || value === undefined || value === null;
    const fault = isMissing
      ? field.isRequired
        ? `The ${name} is missing.`
        : null
      : faultOf(name, field, value);
    if (fault !== null) issues.push({ path: ['target', kind, name], message: fault, position: null });
    else if (!isMissing) fields[name] = value as string | readonly string[];
  }
  if (issues.length === 0 && kind === 'email') {
    const message = `E-mail cannot be sent yet; expected one of ${SENDABLE.join(', ')}.`;
    issues.push({ path: ['target', kind], message, position: null });
  }
  if (issues.length > 0) throw new InvalidInputError(issues);
  return { kind, fields };
}

/** Where it goes, without secrets. */
export function shownTarget({ kind, fields }: Target): string {
  if (kind === 'email') return (fields.to as readonly string[]).join(', ');
  if (kind === 'telegram') return `chat ${fields.chatId}`;
  return new URL(String(fields.url)).host;
}

/** The fields of a target that are secret, or those that are not. */
export function fieldsOf({ kind, fields }: Target, which: 'secret' | 'public'): TargetFields {
  const table = channelFieldsOf(kind);
  const isWanted = (name: string) => table[name]?.isSecret === (which === 'secret');
  return Object.fromEntries(Object.entries(fields).filter(([name]) => isWanted(name)));
}

function withoutBlanks(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutBlanks);
  return typeof value === 'string' ? value.trim() : value;
}

const FAULT_OF: { readonly [K in ChannelFieldKind]: (name: string, value: unknown) => string | null } = {
  url: faultOfUrl,
  text: faultOfText,
  addresses: faultOfAddresses,
};

function faultOf(name: string, { kind }: ChannelField, value: unknown): string | null {
  return FAULT_OF[kind](name, value);
}

function faultOfText(name: string, value: unknown): string | null {
  if (typeof value !== 'string') return `The ${name} is no text.`;
  if (value.length > MAX_LENGTH)
    return `The ${name} has ${value.length} characters; expected at most ${MAX_LENGTH}.`;
  if (findInvisible(value) !== -1) return `The ${name} has a line break or an invisible character.`;
  // it becomes part of the path of a URL
  if (name === 'botToken' && !BOT_TOKEN.test(value))
    return 'The botToken is none; expected one from BotFather, digits, a colon and letters.';
  return null;
}

function faultOfUrl(name: string, value: unknown): string | null {
  const fault = faultOfText(name, value);
  if (fault !== null) return fault;
  const url = URL.canParse(String(value)) ? new URL(String(value)) : null;
  if (!url || !['http:', 'https:'].includes(url.protocol))
    return `The ${name} is no address; expected one that begins with https:// or http://.`;
  if (url.username !== '' || url.password !== '') return `The ${name} names a user; expected it without.`;
  return null;
}

function faultOfAddresses(name: string, value: unknown): string | null {
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0) return `"${name}" is empty; expected at least one address.`;
  if (list.length > MAX_ADDRESSES)
    return `"${name}" has ${list.length} addresses; expected at most ${MAX_ADDRESSES}.`;
  const wrong = list.find(
    (one) => typeof one !== 'string' || one.length > MAX_ADDRESS_LENGTH || !ADDRESS.test(one),
  );
  return wrong === undefined ? null : `"${clip(String(wrong))}" is no e-mail address.`;
}
