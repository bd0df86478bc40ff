import { WebSocket } from 'ws';
import { RUN_LOG } from '../tests/support/api-client.ts';

export interface SubscribersJob {
  readonly url: string;
  readonly runId: string;
  readonly lines: number;
  readonly subscribers: number;
  /** So many more connect, subscribe, and never read. */
  readonly stalled: number;
}

export interface SubscribersResult {
  readonly lines: number;
  readonly lost: number;
  readonly ms: number;
}

/** Reads the log with many sockets at once. A process of its own: it costs as much as the server. */
process.once('message', (job: SubscribersJob) => {
  run(job).then(
    (result) => process.send?.(result, () => process.exit(0)),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});

async function run(job: SubscribersJob): Promise<SubscribersResult> {
  const address = `${job.url.replace('http', 'ws')}/graphql`;
  const subscribe = JSON.stringify({
    id: '1',
    type: 'subscribe',
    payload: { query: RUN_LOG, variables: { runId: job.runId, after: 0 } },
  });
  const open = () =>
    new Promise<WebSocket>((resolve, reject) => {
      const socket = new WebSocket(address, 'graphql-transport-ws', { perMessageDeflate: false });
      socket.once('error', reject);
      socket.once('open', () => socket.send('{"type":"connection_init"}'));
      socket.once('message', () => resolve(socket));
    });
  const sockets: WebSocket[] = [];
  for (let n = 0; n < job.subscribers + job.stalled; n += 1) sockets.push(await open());

  for (const socket of sockets.splice(0, job.stalled)) {
    socket.send(subscribe);
    socket.pause();
  }
  const begun = performance.now();
  const counts = await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<number>((resolve) => {
          let lines = 0;
          socket.on('message', (data: Buffer) => {
            // told by its first bytes: to parse all would measure the reader
            const head = data.toString('latin1', 0, 120);
            if (head.includes('"complete"')) resolve(lines);
            else lines += Number(/"lineCount":(\d+)/.exec(head)?.[1] ?? 0);
          });
          socket.once('close', () => resolve(lines));
          socket.send(subscribe);
        }),
    ),
  );
  const ms = performance.now() - begun;
  const lines = counts.reduce((sum, count) => sum + count, 0);
  return { lines, ms, lost: job.subscribers * job.lines - lines };
}
