import { expect, it } from 'vitest';
import { globalId } from '../../server/graphql/ids.ts';
import { createCgroups } from '../../server/runner/process/cgroup.ts';
import { createApiClient } from '../support/api-client.ts';
import { findRun, readLog, waitForEnd } from '../support/operations.ts';
import { copyDataDir, copyDocuments, readExpected } from '../support/previous-version/copy.ts';
import { printedLines } from '../support/printed.ts';
import { startServerProcess } from '../support/server-process.ts';
import { describeOnBothStorages } from '../support/storages.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { SCRIPTED } from '../support/with-server.ts';

describeOnBothStorages(
  'a server that starts on what the previous version left when it was killed',
  (choose) => {
    it('tells how the runs under way ended, with their whole logs, and starts those that waited', async () => {
      const storage = choose();
      const uri = storage.env.MONGODB_URI;
      const kind = uri === undefined ? 'sqlite' : 'mongodb';
      const { ids, runs, schedules } = readExpected(kind) as ReturnType<typeof readExpected> & {
        runs: Record<string, { status: string }>;
        schedules: object;
      };
      const folder = await makeTempDir();
      copyDataDir(kind, folder.path);
      if (uri !== undefined) await copyDocuments(uri);
      const server = await startServerProcess(folder.path, {
        ...storage.env,
        SIBLE_ANSIBLE_PLAYBOOK: SCRIPTED,
      });
      const api = createApiClient(server.url);
      try {
        const [endsAlone, killed, queued] = [ids.endsAlone, ids.killed, ids.queued].map((id) =>
          globalId('Run', id),
        ) as [string, string, string];
        expect(await waitForEnd(() => api, endsAlone)).toMatchObject({ status: 'FAILED', exitCode: 3 });
        expect(await waitForEnd(() => api, killed)).toMatchObject({ status: 'LOST', exitCode: null });
        expect(await waitForEnd(() => api, queued)).toMatchObject({ status: 'SUCCEEDED', exitCode: 0 });

        expect(await readLog(api, endsAlone)).toMatchObject({
          text: `before\nafter\n${printedLines(200)}`,
          complete: true,
        });
        expect((await readLog(api, killed)).text).toBe('before');
        expect((await readLog(api, queued)).text).toBe('hello');
        for (const [id, { status }] of Object.entries(runs)) {
          if (Object.values(ids).includes(id)) continue;
          const name = status.replace(/[A-Z]/, (letter) => `_${letter}`).toUpperCase();
          expect((await findRun(api, globalId('Run', id))).status, id).toBe(name);
        }
        const counts = await api.request('{ schedules { totalCount } runs { totalCount } }');
        expect(counts).toEqual({
          schedules: { totalCount: Object.keys(schedules).length },
          runs: { totalCount: Object.keys(runs).length },
        });
      } finally {
        await api.close();
        await server.stop();
        await createCgroups(folder.path).close();
        await storage.drop();
        await folder.remove();
      }
    });
  },
);
