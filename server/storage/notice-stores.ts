import type { Channel } from '../domain/notices/channel.ts';

/** The part of the port {@link Storage} that is about telling people. */

export interface ChannelStore {
  /** Rejects when the id is taken. */
  insert(channel: Channel): Promise<void>;
  find(id: string): Promise<Channel | null>;
  /** All, by name without regard to case, then by id. */
  list(): Promise<Channel[]>;
  /** Replaces the channel if it exists with version `expectedVersion`. @returns whether it did */
  replace(channel: Channel, expectedVersion: number): Promise<boolean>;
  /** @returns whether there was one */
  delete(id: string): Promise<boolean>;
}
