import { readdirSync, readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createApiClient } from '../support/api-client.ts';
import { times } from '../support/soak.ts';
import { SQLITE } from '../support/storages.ts';
import { waitUntil } from '../support/wait-until.ts';
import { withServer } from '../support/with-server.ts';

/** The text of a playbook under two that edit it, and under a server that dies while it writes. */

const SAVE = `mutation ($input: SavePlaybookInput!) { savePlaybook(input: $input) {
  __typename ... on SavePlaybookPayload { playbook { content revision } } ... on Error { message } } }`;
const READ = '{ playbook(path: "shared.yaml") { content revision } }';

interface Saved {
  readonly savePlaybook: {
    readonly __typename: string;
    readonly playbook?: { readonly content: string; readonly revision: string };
  };
}
interface Read {
  readonly playbook: { readonly content: string; readonly revision: string };
}

const textOf = (author: string, round: number) =>
  `- hosts: localhost\n  name: ${author} ${round}\n  vars: { filling: ${author.repeat(2_000)} }\n`;

describe('a playbook', () => {
  it('that two save from the same revision is saved by exactly one, and the other is told', () =>
    withServer(
      { storage: SQLITE, ansible: 'scripted', playbooks: { 'shared.yaml': textOf('nobody', 0) } },
      async ({ server, api }) => {
        const other = createApiClient(server.url);
        for (let round = 0; round < times(50, 500); round += 1) {
          const { revision } = (await api.request<Read>(READ)).playbook;
          const answers = await Promise.all(
            [api, other].map((client, n) =>
              client.request<Saved>(SAVE, {
                input: {
                  path: 'shared.yaml',
                  content: textOf(n === 0 ? 'one' : 'two', round),
                  expectedRevision: revision,
                },
              }),
            ),
          );
          const names = answers.map(({ savePlaybook }) => savePlaybook.__typename).sort();
          expect([round, names]).toEqual([round, ['ConflictError', 'SavePlaybookPayload']]);
          const winner = answers.find(({ savePlaybook }) => savePlaybook.playbook)?.savePlaybook.playbook;
          expect((await api.request<Read>(READ)).playbook).toEqual(winner);
        }
        await other.close();
      },
    ));

  it('that two create at once is created by exactly one', () =>
    withServer({ storage: SQLITE, ansible: 'scripted', playbooks: {} }, async ({ server, api }) => {
      const other = createApiClient(server.url);
      for (let round = 0; round < times(20, 200); round += 1) {
        const path = `new-${round}.yaml`;
        const answers = await Promise.all(
          [api, other].map((client, n) =>
            client.request<Saved>(SAVE, { input: { path, content: textOf(`${n}`, round) } }),
          ),
        );
        const names = answers.map(({ savePlaybook }) => savePlaybook.__typename).sort();
        expect([round, names]).toEqual([round, ['ConflictError', 'SavePlaybookPayload']]);
      }
      await other.close();
    }));

  it('is the old one or the new one when the server is killed while it saves', () =>
    withServer(
      { storage: SQLITE, ansible: 'scripted', playbooks: { 'shared.yaml': textOf('nobody', 0) } },
      async (test) => {
        const folder = join(test.dataDir, 'playbooks');
        const onDisk = () => readFileSync(join(folder, 'shared.yaml'), 'utf8');
        for (let round = 0, kills = 0; kills < times(10, 300); kills += 1) {
          let acknowledged = onDisk();
          let tried = acknowledged;
          const saving = (async () => {
            for (;;) {
              const { revision } = (await test.api.request<Read>(READ)).playbook;
              round += 1;
              tried = textOf('kill', round);
              await test.api.request(SAVE, {
                input: { path: 'shared.yaml', content: tried, expectedRevision: revision },
              });
              acknowledged = tried;
            }
          })().catch(() => undefined);
          // it saves for sure, and the moment of the kill is any
          const before = round;
          await waitUntil(() => round > before);
          await delay(Math.random() * 80);
          await test.server.kill();
          await saving;
          expect([acknowledged, tried]).toContain(onDisk());
          await test.restart();
          expect((await test.api.request<Read>(READ)).playbook.content).toBe(onDisk());
        }
        // what was half written under another name is no playbook, and a later save clears it away
        expect((await test.api.request<{ playbooks: object[] }>('{ playbooks { path } }')).playbooks).toEqual(
          [{ path: 'shared.yaml' }],
        );
        const longAgo = new Date(Date.now() - 3_600_000);
        for (const name of readdirSync(folder)) utimesSync(join(folder, name), longAgo, longAgo);
        const { revision } = (await test.api.request<Read>(READ)).playbook;
        await test.api.request(SAVE, {
          input: { path: 'shared.yaml', content: textOf('last', 0), expectedRevision: revision },
        });
        expect(readdirSync(folder)).toEqual(['shared.yaml']);
      },
    ));
});
