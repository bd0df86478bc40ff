import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ATTACKS_TOKEN } from '../support/attacks/attack.ts';
import { withMeter } from '../support/damage.ts';
import { waitUntil } from '../support/wait-until.ts';

/** More than may stay from one address, and more than may stay from all. */
const CROWD = 5_000;
const MAX_LEFT = 1_000;
const PROBE = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** From this address, so many connections, on each of which these bytes are sent once. */
async function crowdOf(url: string, bytes: string): Promise<Socket[]> {
  const { hostname, port } = new URL(url);
  const crowd: Socket[] = [];
  for (let n = 0; n < CROWD; n += 1) {
    const socket = connect(Number(port), hostname).on('error', () => undefined);
    crowd.push(socket.resume());
    if (bytes !== '') socket.write(bytes);
    if (n % 100 === 99) await new Promise((resolve) => socket.once('connect', resolve));
  }
  return crowd;
}

const isOpen = (socket: Socket) => !socket.closed;

/** A request on a connection that the agent may keep. */
function ask(url: string, agent: Agent, headers: Record<string, string>): Promise<[number, Socket]> {
  return new Promise((resolve, reject) => {
    const asked = request(new URL('/schema.graphql', url), { agent, headers }, (answer) => {
      // the agent takes it back at the end of the answer
      const { socket } = answer;
      answer.resume().once('end', () => resolve([answer.statusCode ?? 0, socket]));
    });
    asked.once('error', reject).end();
  });
}

describe('connections without the key', () => {
  it.each([
    ['that say nothing', ''],
    ['that are answered and stay', PROBE],
    ['that begin a request', PROBE.slice(0, 20)],
  ])('%s keep nobody out, and only so many stay', (_title, bytes) =>
    withMeter(async (test) => {
      const { url } = test.server;
      const authorization = `Bearer ${ATTACKS_TOKEN}`;
      const agent = new Agent({ keepAlive: true });
      const [, before] = await ask(url, agent, { authorization });
      let crowd: Socket[] = [];
      const damage = await test.measure(async () => {
        crowd = await crowdOf(url, bytes);
        await waitUntil(() => crowd.filter(isOpen).length <= MAX_LEFT, { withinMs: 10_000 });
      });
      try {
        expect(damage.growthMb).toBeLessThan(100);
        // both who was here before and who comes now
        const [status, after] = await ask(url, agent, { authorization });
        expect([status, after.localPort]).toEqual([200, before.localPort]);
        for (let n = 0; n < 20; n += 1) expect((await ask(url, new Agent(), { authorization }))[0]).toBe(200);
      } finally {
        for (const socket of crowd) socket.destroy();
        agent.destroy();
      }
    }),
  );
});
