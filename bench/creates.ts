import { Agent, request } from 'node:http';
import { withBareStorage } from './bare.ts';
import type { Measure } from './measure.ts';
import { onEachStorage, withBuiltServer } from './setting.ts';

const SECONDS = 5;
const CONNECTIONS = 16;
const CREATE =
  'mutation ($input: CreateScheduleInput!) { createSchedule(input: $input) { __typename ... on CreateSchedulePayload { schedule { id nextRunAt } } } }';

/** Validated, stored and armed, over kept connections. */
export function creates(): Promise<Measure[]> {
  return onEachStorage(async (storage) => {
    const bare = await withBareStorage(storage, ({ url }) => measureCreates(url, () => true));
    return withBuiltServer({ storage, program: '#!/bin/sh\n' }, async ({ server, api }) => {
      const isCreated = (answer: string) => answer.includes('CreateSchedulePayload');
      const { rate, created } = await measureCreates(`${server.url}/graphql`, isCreated);
      const { schedules } = await api.request<{ schedules: { totalCount: number } }>(
        '{ schedules(first: 1) { totalCount } }',
      );
      return [
        {
          name: 'schedules created over HTTP',
          storage,
          value: rate,
          unit: '/s',
          limit: bare.rate,
          limitIs: 'two rows over bare HTTP',
          goal: '≥ 1,000/s',
          isReached: rate >= 1_000 && schedules.totalCount === created,
          details: { created, stored: schedules.totalCount, connections: CONNECTIONS },
        },
      ];
    });
  });
}

/** Posts over all connections at once, after a while in which everything is compiled. */
async function measureCreates(
  url: string,
  isCreated: (answer: string) => boolean,
): Promise<{ rate: number; created: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const round = async (seconds: number): Promise<number> => {
    let done = 0;
    const until = performance.now() + seconds * 1_000;
    await Promise.all(
      Array.from({ length: CONNECTIONS }, async () => {
        while (performance.now() < until) {
          const input = {
            playbook: 'a.yaml',
            name: `schedule ${done}`,
            timing: { cron: `${done % 60} 3 1 1 *` },
          };
          const answer = await post(agent, url, { query: CREATE, variables: { input } });
          if (!isCreated(answer)) throw new Error(answer);
          done += 1;
        }
      }),
    );
    return done;
  };
  const warm = await round(2);
  const begun = performance.now();
  const created = await round(SECONDS);
  const rate = created / ((performance.now() - begun) / 1_000);
  agent.destroy();
  return { rate, created: warm + created };
}

function post(agent: Agent, url: string, body: object): Promise<string> {
  const text = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method: 'POST',
        agent,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      },
      (response) => {
        let answer = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => {
          answer += chunk;
        });
        response.on('end', () => resolve(answer));
      },
    );
    sent.on('error', reject);
    sent.end(text);
  });
}
