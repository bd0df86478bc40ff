import type { Actor, ChangeLog } from '../../domain/actor.ts';
import { InvalidStateError, NotFoundError } from '../../domain/errors.ts';
import type { Channel } from '../../domain/notices/channel.ts';
import type { Delivery } from '../../domain/notices/delivery.ts';
import type { Page, PageRequest } from '../../domain/page.ts';
import type { DeliveryFilter } from '../../storage/notice-stores.ts';
import type { Storage } from '../../storage/storage.ts';

/** What was, or is still to be, delivered. */
export interface DeliveryService {
  /** Newest first; without those of a channel that is just being deleted. */
  list(actor: Actor, filter: DeliveryFilter, page: PageRequest): Promise<Page<ShownDelivery>>;
  count(actor: Actor, filter: DeliveryFilter): Promise<number>;
  /** The newest of each channel; absent when there is none. */
  lastOfChannels(actor: Actor, channelIds: readonly string[]): Promise<Map<string, Delivery>>;
  /** Makes it due now. @throws {NotFoundError} @throws {InvalidStateError} when it is still to be delivered */
  resend(actor: Actor, id: string): Promise<ShownDelivery>;
}

export interface ShownDelivery extends Delivery {
  readonly channel: Channel;
}

export interface DeliveryServiceOptions {
  readonly storage: Pick<Storage, 'channels' | 'deliveries'>;
  now(): Date;
  readonly logChange: ChangeLog;
}

export function createDeliveryService({ storage, now, logChange }: DeliveryServiceOptions): DeliveryService {
  const { channels, deliveries } = storage;
  return {
    async list(_actor, filter, page) {
      const { items, hasMore } = await deliveries.list(filter, page);
      const byId = new Map((await channels.list()).map((channel) => [channel.id, channel]));
      const shown = items.flatMap(({ node, cursor }) => {
        const channel = byId.get(node.channelId);
        return channel ? [{ cursor, node: { ...node, channel } }] : [];
      });
      return { items: shown, hasMore };
    },

    count: (_actor, filter) => deliveries.count(filter),
    lastOfChannels: (_actor, channelIds) => deliveries.lastOfChannels(channelIds),

    async resend(actor, id) {
      const found = await deliveries.find(id);
      const channel = found && (await channels.find(found.channelId));
      if (!found || !channel) throw new NotFoundError('delivery', id);
      const again = await deliveries.resend(id, now());
      if (!again) throw new InvalidStateError('The delivery is still to be tried; it is not sent twice.');
      logChange(actor, 'sent a delivery again', { delivery: id, channel: channel.id });
      return { ...again, channel };
    },
  };
}
