import { Agent, request } from 'node:http';
import type { Measure } from './measure.ts';
import { onEachStorage, withBuiltServer } from './setting.ts';

const SECONDS = 5;
const CONNECTIONS = 16;
const CREATE =
  'mutation ($input: CreateScheduleInput!) { createSchedule(input: $input) { __typename ... on CreateSchedulePayload { schedule { id nextRunAt } } } }';

/** Validated, stored and armed, over kept connections. */
export function creates(): Promise<Measure[]> {
  return onEachStorage((storage) =>
    withBuiltServer({ storage, program: '#!/bin/sh\n' }, async ({ server, api }) => {
      const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
      const round = async (seconds: number): Promise<number> => {
        let done = 0;
        const until = performance.now() + seconds * 1_000;
        await Promise.all(
          Array.from({ length: CONNECTIONS }, async () => {
            while (performance.now() < until) {
              const answer = await post(agent, server.url, {
                query: CREATE,
                variables: {
                  input: {
                    playbook: 'a.yaml',
                    name: `schedule ${done}`,
                    timing: { cron: `${done % 60} 3 1 1 *` },
                  },
                },
              });
              if (!answer.includes('CreateSchedulePayload')) throw new Error(answer);
              done += 1;
            }
          }),
        );
        return done;
      };
      const warm = await round(2);
      const begun = performance.now();
      const created = await round(SECONDS);
      const value = created / ((performance.now() - begun) / 1_000);
      agent.destroy();
      const { schedules } = await api.request<{ schedules: { totalCount: number } }>(
        '{ schedules(first: 1) { totalCount } }',
      );
      return [
        {
          name: 'schedules created over HTTP',
          storage,
          value,
          unit: '/s',
          limit: null,
          limitIs: null,
          goal: '≥ 1,000/s',
          isReached: value >= 1_000 && schedules.totalCount === warm + created,
          details: { created: warm + created, stored: schedules.totalCount, connections: CONNECTIONS },
        },
      ];
    }),
  );
}

function post(agent: Agent, url: string, body: object): Promise<string> {
  const text = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}/graphql`,
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
