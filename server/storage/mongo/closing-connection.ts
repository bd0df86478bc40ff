import { MongoNetworkError } from 'mongodb';
import { Connection } from 'mongodb/lib/cmap/connection.js';

/**
 * A connection of the driver whose commands fail when its socket closes while they are being written. Driver
 * 7.9.0 then waits for a "drain" that never comes (`lib/cmap/connection.js`, `writeCommand`): the call never
 * settles, and the connection never returns to the pool. It happens to a command written between the end of
 * the socket and its "close" event, and to one that does not fit into the kernel's buffer.
 */
export class ClosingConnection extends Connection {
  override async writeCommand(command: object, options: object): Promise<void> {
    const { socket } = this;
    let fail: () => void = () => undefined;
    const closed = new Promise<never>((_, reject) => {
      fail = () => reject(new MongoNetworkError(`connection ${this.id} to ${this.address} closed`));
    });
    if (socket.destroyed) fail();
    socket.once('close', fail);
    try {
      await Promise.race([closed, super.writeCommand(command, options)]);
    } finally {
      socket.off('close', fail);
    }
  }
}
