import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A connection to a server that can be disturbed. */
export interface TcpProxy {
  readonly port: number;
  /** Nothing gets through any more, and nothing is refused: the other side seems to think. */
  hang(): void;
  /** All connections are cut, and new ones refused. */
  cut(): Promise<void>;
  /** As at first. */
  heal(): Promise<void>;
  /** Holds back each piece for so long, in each direction. */
  delayBy(ms: number): void;
  close(): Promise<void>;
}

export async function openTcpProxy(target: {
  readonly host: string;
  readonly port: number;
}): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isHanging = false;
  let delayMs = 0;

  const forward = (from: Socket, to: Socket) => {
    sockets.add(from);
    if (isHanging) from.pause();
    from.on('data', (piece) => {
      if (delayMs === 0) to.write(piece);
      else setTimeout(() => to.write(piece), delayMs);
    });
    from.on('error', () => to.destroy());
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  };

  let server: Server | null = null;
  async function listen(port: number): Promise<number> {
    server = createServer((client) => {
      const upstream = connect(target);
      forward(client, upstream);
      forward(upstream, client);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }
  async function stopListening(): Promise<void> {
    const stopped = server;
    server = null;
    for (const socket of sockets) socket.destroy();
    if (stopped) await new Promise((resolve) => stopped.close(resolve));
  }

  const port = await listen(0);
  return {
    port,
    hang() {
      isHanging = true;
      for (const socket of sockets) socket.pause();
    },
    cut: stopListening,
    async heal() {
      isHanging = false;
      for (const socket of sockets) socket.resume();
      if (!server) await listen(port);
    },
    delayBy(ms) {
      delayMs = ms;
    },
    close: stopListening,
  };
}
