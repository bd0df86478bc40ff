import type { Db } from 'mongodb';
import type { Channel } from '../../domain/notices/channel.ts';
import type { ChannelStore } from '../notice-stores.ts';
import { readChannel, type StoredChannel, writeChannel } from '../stored-notices.ts';

type ChannelDocument = Omit<Channel, 'id' | keyof StoredChannel> &
  StoredChannel & { readonly _id: string; readonly nameSort: string };

export function createMongoChannels(db: Db): ChannelStore {
  const channels = db.collection<ChannelDocument>('channels');
  return {
    async insert(channel) {
      await channels.insertOne(channelToDocument(channel));
    },
    async find(id) {
      const document = await channels.findOne({ _id: { $eq: id } });
      return document && documentToChannel(document);
    },
    async list() {
      const all = await channels.find().sort({ nameSort: 1, _id: 1 }).toArray();
      return all.map(documentToChannel);
    },
    async replace(channel, expectedVersion) {
      const { _id, ...changed } = channelToDocument(channel);
      const { matchedCount } = await channels.updateOne({ _id, version: expectedVersion }, { $set: changed });
      return matchedCount === 1;
    },
    async delete(id) {
      return (await channels.deleteOne({ _id: { $eq: id } })).deletedCount === 1;
    },
  };
}

function channelToDocument(channel: Channel): ChannelDocument {
  const { id, ...rest } = channel;
  const name = channel.name.toWellFormed();
  const target = channel.target.toWellFormed();
  return { _id: id, ...rest, ...writeChannel(channel), name, target, nameSort: name.toLowerCase() };
}

function documentToChannel({
  _id,
  nameSort: _,
  kind,
  fields,
  defaultFor,
  ...plain
}: ChannelDocument): Channel {
  return readChannel({ id: _id, ...plain }, { kind, fields, defaultFor });
}
