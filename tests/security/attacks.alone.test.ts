import { describe, expect, it } from 'vitest';
import { ATTACKS_TOKEN } from '../support/attacks/attack.ts';
import { rawUpgrade } from '../support/attacks/floods.ts';
import { ATTACK_GROUPS } from '../support/attacks.ts';
import { damageOfSteps, type Measured, withMeter } from '../support/damage.ts';
import { send } from '../support/raw-http.ts';
import { connect } from '../support/raw-socket.ts';
import { useShared } from '../support/use-server.ts';

/**
 * What clients can do to the server, in milliseconds for which nobody else is served and in megabytes. The promise is 50 ms, and
 * `npm run bench -- attacks` measures it; what breaks it takes seconds, which shows on a slow machine, too.
 */
const MAX_STALL_MS = 150;
const MAX_GROWTH_MB = { ofStranger: 1, ofHolder: 200 };
const MAX_TOLD = 40_000;
const MAX_LOGGED = 10_000;

describe.each(ATTACK_GROUPS.map((attacks) => [attacks[0]?.title, attacks] as const))(
  'on a server that meets first %s',
  (_first, attacks) => {
    const meter = useShared<Measured>((work) => withMeter(work, attacks[0]?.playbooks));

    it.each(attacks.map((attack) => [attack.title, attack] as const))(
      'survives %s',
      async (_title, attack) => {
        const test = meter();
        const loggedBefore = test.server.output().length;
        const maxGrowthMb =
          attack.strangers > 0 ? attack.strangers * MAX_GROWTH_MB.ofStranger : MAX_GROWTH_MB.ofHolder;
        const steps = await damageOfSteps(attack, test);
        expect(
          steps.filter(
            ({ stallMs, growthMb, toldLength }) =>
              stallMs > MAX_STALL_MS || growthMb > maxGrowthMb || toldLength > MAX_TOLD,
          ),
        ).toEqual([]);
        expect(test.server.output().length - loggedBefore).toBeLessThan(MAX_LOGGED);
        // the places of those who have gone are free again, and what is not too long is there
        const few = Object.keys(attack.playbooks ?? {}).slice(0, 2);
        const fields = [
          'system { version }',
          ...few.map((path, n) => `a${n}: playbook(path: "${path}") { content }`),
        ];
        expect(Object.keys(await test.api.request(`{ ${fields.join(' ')} }`))).toHaveLength(fields.length);
        // what one leaves in memory is not added to by the next
        expect(test.grownMb()).toBeLessThan(maxGrowthMb);
      },
    );
  },
);

describe('whoever has no key', () => {
  const meter = useShared<Measured>(withMeter);

  it('is cut off after 3 s, whatever it answers', async () => {
    const { url } = meter().server;
    const begun = Date.now();
    const sockets = Array.from({ length: 50 }, () => rawUpgrade(url).resume());
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    expect(Date.now() - begun).toBeGreaterThan(2_900);
    expect(Date.now() - begun).toBeLessThan(6_000);
  });

  it('keeps nobody out who has it, also from the same address', async () => {
    const { url } = meter().server;
    const crowd = Array.from({ length: 1_100 }, () => rawUpgrade(url));
    try {
      for (let n = 0; n < 20; n += 1) {
        const socket = connect(url, false);
        await socket.opened();
        socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${ATTACKS_TOKEN}` } });
        await socket.acknowledged();
        socket.close();
      }
    } finally {
      for (const socket of crowd) socket.destroy();
    }
  });

  it('guesses 60 keys a minute over HTTP and WebSocket together, and fills no log', async () => {
    const { server, api } = meter();
    const { url } = server;
    const guess = async () => {
      const socket = connect(url, false);
      await socket.opened();
      socket.send({ type: 'connection_init', payload: { authorization: 'Bearer a-wrong-one' } });
      return socket.closed();
    };
    const codes: (number | null)[] = [];
    for (let n = 0; n < 59; n += 1) codes.push(await guess());
    expect(new Set(codes)).toEqual(new Set([4403]));
    expect((await send(url, '/schedule')).status).toBe(401);
    expect((await send(url, '/schedule')).status).toBe(429);
    expect(await guess()).toBe(4429);
    // who has the key may share the address of who guesses
    expect(await api.request('{ system { version } }')).toBeTruthy();
    const lines = server
      .output()
      .split('\n')
      .filter((line) => line.includes('refused'));
    expect(lines).toHaveLength(1);
  });
});
