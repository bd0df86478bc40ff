import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { MongoNetworkError } from 'mongodb';
import { expect, it, onTestFinished } from 'vitest';
import { ClosingConnection } from '../../../server/storage/mongo/closing-connection.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** A connection to a server that reads nothing, and the server's end of it. */
async function openConnection() {
  const server = createServer((socket) => socket.pause().on('error', () => undefined));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[peer]] = (await Promise.all([once(server, 'connection'), once(socket, 'connect')])) as [
    [Socket],
    unknown,
  ];
  onTestFinished(() => {
    socket.destroy();
    peer.destroy();
    server.close();
  });
  const connection = new ClosingConnection(socket, {
    id: 7,
    hostAddress: { toString: () => '127.0.0.1' },
    monitorCommands: false,
    logicalSessionTimeoutMinutes: 30,
  });
  connection.on('error', () => undefined);
  const write = (bytes: number) =>
    connection.writeCommand({ toBin: async () => [Buffer.alloc(bytes)] }, { agreedCompressor: 'none' });
  return { socket, peer, write };
}

it('a command that is written goes on', async () => {
  const { write } = await openConnection();
  await write(100);
});

it('a command that is written to a socket that is being closed fails', async () => {
  const { socket, write } = await openConnection();
  socket.destroy();
  await expect(write(100)).rejects.toThrow(MongoNetworkError);
  // also once it is closed
  await once(socket, 'close');
  await expect(write(100)).rejects.toThrow(/^connection 7 to 127\.0\.0\.1:\d+ closed$/);
});

it('a command that waits to be written fails when the socket closes', async () => {
  const { socket, write } = await openConnection();
  const written = write(64 * 1_048_576);
  await waitUntil(() => socket.writableNeedDrain);
  socket.destroy();
  await expect(written).rejects.toThrow(MongoNetworkError);
});

it('many commands leave no listener behind', async () => {
  const { socket, write } = await openConnection();
  const before = socket.listenerCount('close');
  for (let n = 0; n < 20; n += 1) await write(1);
  expect(socket.listenerCount('close')).toBe(before);
});
