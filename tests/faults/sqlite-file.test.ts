import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'libsql';
import { describe, expect, it } from 'vitest';
import { findRun, runPlaybook, waitForStatus } from '../support/operations.ts';
import { SQLITE } from '../support/storages.ts';
import { AWAY_MS, SURVIVOR_PLAYBOOKS, survives } from '../support/survives.ts';
import { withServer } from '../support/with-server.ts';

describe('an SQLite file', () => {
  it('that another program locks costs no instant, no line and no true end, and holds up no other request', () =>
    withServer(
      {
        storage: SQLITE,
        ansible: 'scripted',
        playbooks: SURVIVOR_PLAYBOOKS,
        env: { SIBLE_CONCURRENCY: '50' },
      },
      (node) =>
        survives(node, async () => {
          const other = new Database(join(node.dataDir, 'sible.sqlite'));
          try {
            other.exec('PRAGMA busy_timeout = 5000; BEGIN EXCLUSIVE');
            const until = Date.now() + AWAY_MS;
            let slowest = 0;
            while (Date.now() < until) {
              const begun = performance.now();
              await fetch(`${node.server.url}/healthz`);
              slowest = Math.max(slowest, performance.now() - begun);
              await delay(50);
            }
            expect(slowest).toBeLessThan(1_000);
            other.exec('COMMIT');
          } finally {
            other.close();
          }
        }),
    ));

  it('a request that meets the lock waits for it', () =>
    withServer(
      {
        storage: SQLITE,
        ansible: 'scripted',
        playbooks: SURVIVOR_PLAYBOOKS,
      },
      async ({ api, dataDir }) => {
        const other = new Database(join(dataDir, 'sible.sqlite'));
        other.exec('PRAGMA busy_timeout = 5000; BEGIN EXCLUSIVE');
        const asked = runPlaybook(api, 'quick.yaml');
        await delay(500);
        other.exec('COMMIT');
        other.close();
        const id = await asked;
        await waitForStatus(() => api, id, 'SUCCEEDED');
        expect(await findRun(api, id)).toMatchObject({ exitCode: 0 });
      },
    ));
});
