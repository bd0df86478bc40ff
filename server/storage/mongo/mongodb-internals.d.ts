/** Of the driver, which declares no types for it. */
declare module 'mongodb/lib/cmap/connection.js' {
  import type { EventEmitter } from 'node:events';
  import type { Socket } from 'node:net';

  export class Connection extends EventEmitter {
    constructor(stream: Socket, options: object);
    readonly id: number | '<monitor>';
    readonly address: string;
    readonly socket: Socket;
    writeCommand(command: object, options: object): Promise<void>;
  }
}
