import type { Channel } from '../../domain/notices/channel.ts';
import type { ChannelStore } from '../notice-stores.ts';
import { readChannel, writeChannel } from '../stored-notices.ts';
import { insertText, type Statements } from './sqlite-statements.ts';

interface ChannelRow {
  id: string;
  name: string;
  name_sort: string;
  kind: string;
  target: string;
  fields: string;
  sealed: string | null;
  enabled: number;
  default_for: string;
  version: number;
  created_at: number;
  updated_at: number;
}

const COLUMNS = [
  'id',
  'name',
  'name_sort',
  'kind',
  'target',
  'fields',
  'sealed',
  'enabled',
  'default_for',
  'version',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof ChannelRow)[];
const INSERT = insertText('channels', COLUMNS);
const REPLACE = `UPDATE channels SET ${COLUMNS.map((name) => `${name} = ?`).join(', ')} WHERE id = ? AND version = ?`;

export function createSqliteChannels({ get, all, run }: Statements): ChannelStore {
  const valuesOf = (channel: Channel) => {
    const row = channelToRow(channel);
    return COLUMNS.map((name) => row[name]);
  };
  return {
    async insert(channel) {
      run(INSERT, ...valuesOf(channel));
    },
    async find(id) {
      const row = get<ChannelRow>('SELECT * FROM channels WHERE id = ?', id);
      return row && rowToChannel(row);
    },
    async list() {
      return all<ChannelRow>('SELECT * FROM channels ORDER BY name_sort, id').map(rowToChannel);
    },
    async replace(channel, expectedVersion) {
      return run(REPLACE, ...valuesOf(channel), channel.id, expectedVersion) === 1;
    },
    async delete(id) {
      return run('DELETE FROM channels WHERE id = ?', id) === 1;
    },
  };
}

function channelToRow(channel: Channel): ChannelRow {
  const { kind, fields, defaultFor } = writeChannel(channel);
  const name = channel.name.toWellFormed();
  return {
    id: channel.id,
    name,
    name_sort: name.toLowerCase(),
    kind,
    target: channel.target.toWellFormed(),
    fields,
    sealed: channel.sealed,
    enabled: Number(channel.enabled),
    default_for: defaultFor,
    version: channel.version,
    created_at: channel.createdAt.getTime(),
    updated_at: channel.updatedAt.getTime(),
  };
}

function rowToChannel({ id, name, target, sealed, version, ...row }: ChannelRow): Channel {
  const plain = {
    id,
    name,
    target,
    sealed,
    version,
    enabled: row.enabled === 1,
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
  };
  return readChannel(plain, { kind: row.kind, fields: row.fields, defaultFor: row.default_for });
}
