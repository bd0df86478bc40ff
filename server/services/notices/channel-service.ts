import type { Actor, ChangeLog } from '../../domain/actor.ts';
import { ConflictError, InvalidInputError, NotFoundError } from '../../domain/errors.ts';
import { distinctEvents, type NoticeEvent, USUAL_EVENTS } from '../../domain/notice-event.ts';
import { type Channel, channelRow, type Target } from '../../domain/notices/channel.ts';
import { fieldsOf, shownTarget, type TargetInput, targetOf } from '../../domain/notices/channel-target.ts';
import type { Message } from '../../domain/notices/notice.ts';
import type { Notifier, SendOutcome } from '../../notify/notify.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import type { Storage } from '../../storage/storage.ts';
import { newId } from '../new-id.ts';
import { requireName } from '../require-name.ts';

/** Manages where people are told of events. Secrets of a target go in and never come out. */
export interface ChannelService {
  /** @throws {InvalidInputError} @throws {SecretsError} */
  create(actor: Actor, input: CreateChannel): Promise<Channel>;
  /** Changes the given fields; a target is replaced whole, with its secrets. @throws {InvalidInputError} @throws {NotFoundError} @throws {SecretsError} */
  update(actor: Actor, id: string, input: UpdateChannel): Promise<Channel>;
  /** With its deliveries. @throws {NotFoundError} */
  delete(actor: Actor, id: string): Promise<void>;
  find(actor: Actor, id: string): Promise<Channel | null>;
  /** By name. */
  list(actor: Actor): Promise<Channel[]>;
  /** Sends a sample. @throws {NotFoundError} */
  test(actor: Actor, id: string): Promise<SendOutcome>;
}

export interface CreateChannel {
  readonly name: string;
  readonly target: TargetInput;
  /** Null: what most want to know. */
  readonly defaultFor: readonly NoticeEvent[] | null;
  readonly enabled: boolean;
}

/** undefined keeps a field. */
export interface UpdateChannel {
  readonly name?: string | undefined;
  readonly target?: TargetInput | undefined;
  readonly defaultFor?: readonly NoticeEvent[] | undefined;
  readonly enabled?: boolean | undefined;
}

export interface ChannelServiceOptions {
  readonly storage: Pick<Storage, 'channels' | 'deliveries'>;
  readonly secrets: Secrets;
  readonly notifier: Notifier;
  now(): Date;
  readonly logChange: ChangeLog;
}

/** They are listed in one answer, and each may be sent to at the same time. */
const MAX_CHANNELS = 100;
const MAX_TRIES = 5;
const REMOVED_AT_ONCE = 500;

export function createChannelService(options: ChannelServiceOptions): ChannelService {
  const { secrets } = options;
  const { channels } = options.storage;

  async function targetFieldsOf(id: string, target: Target) {
    const secret = fieldsOf(target, 'secret');
    const hasSecrets = Object.keys(secret).length > 0;
    return {
      kind: target.kind,
      target: shownTarget(target),
      fields: fieldsOf(target, 'public'),
      sealed: hasSecrets ? await secrets.seal(JSON.stringify(secret), channelRow(id)) : null,
    };
  }

  return {
    async create(actor, input) {
      const now = options.now();
      const [name, target] = [requireName(input.name), targetOf(input.target)];
      const count = (await channels.list()).length;
      if (count >= MAX_CHANNELS) {
        const message = `There are ${count} channels; expected at most ${MAX_CHANNELS}.`;
        throw new InvalidInputError([{ path: [], message, position: null }]);
      }
      const id = newId(now);
      const channel: Channel = {
        id,
        name,
        ...(await targetFieldsOf(id, target)),
        enabled: input.enabled,
        defaultFor: distinctEvents(input.defaultFor ?? USUAL_EVENTS),
        version: 1,
        createdAt: now,
        updatedAt: now,
      };
      await channels.insert(channel);
      options.logChange(actor, 'created a channel', { channel: id, kind: channel.kind });
      return channel;
    },

    async update(actor, id, input) {
      const name = input.name === undefined ? null : requireName(input.name);
      const target = input.target === undefined ? null : targetOf(input.target);
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        const current = await channels.find(id);
        if (!current) throw new NotFoundError('channel', id);
        const changed: Channel = {
          ...current,
          name: name ?? current.name,
          ...(target ? await targetFieldsOf(id, target) : {}),
          enabled: input.enabled ?? current.enabled,
          defaultFor: distinctEvents(input.defaultFor ?? current.defaultFor),
          version: current.version + 1,
          updatedAt: options.now(),
        };
        if (await channels.replace(changed, current.version)) {
          options.logChange(actor, 'changed a channel', { channel: id, version: changed.version });
          return changed;
        }
      }
      throw new ConflictError('The channel is being changed by others; read it again.');
    },

    async delete(actor, id) {
      if (!(await channels.delete(id))) throw new NotFoundError('channel', id);
      options.logChange(actor, 'deleted a channel', { channel: id });
      while ((await options.storage.deliveries.remove({ channelId: id }, REMOVED_AT_ONCE)) > 0);
    },

    find: (_actor, id) => channels.find(id),
    list: (_actor) => channels.list(),

    async test(actor, id) {
      const channel = await channels.find(id);
      if (!channel) throw new NotFoundError('channel', id);
      options.logChange(actor, 'tried a channel', { channel: id });
      return options.notifier.send(await openTarget(channel, secrets), sampleOf(options.now()));
    },
  };
}

/** @throws {SecretsError} */
export async function openTarget({ id, kind, fields, sealed }: Channel, secrets: Secrets): Promise<Target> {
  if (sealed === null) return { kind, fields };
  return { kind, fields: { ...fields, ...JSON.parse(await secrets.open(sealed, channelRow(id))) } };
}

function sampleOf(now: Date): Message {
  return {
    id: `test-${newId(now)}`,
    isTest: true,
    notices: [
      {
        event: 'failed',
        at: now,
        schedule: { id: 'sample', name: 'A sample' },
        playbook: 'sample.yaml',
        run: { id: 'sample', status: 'failed', durationMs: 83_000 },
        scheduledFor: now,
        reason: 'This is a test: nothing has failed.',
        failures: [
          {
            hosts: ['web1', 'web2'],
            task: 'Copy the configuration',
            message: 'This is a test: nothing has failed.',
            file: null,
            line: null,
          },
        ],
        url: null,
      },
    ],
  };
}
