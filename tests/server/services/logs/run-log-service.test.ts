import { expect, it } from 'vitest';
import { readChunks } from '../../../../server/domain/logs/log-chunk.ts';
import type { Run } from '../../../../server/domain/runs/run.ts';
import { createRunLogService } from '../../../../server/services/logs/run-log-service.ts';
import type { Change, RunLogStore, RunStore } from '../../../../server/storage/storage.ts';
import { TIMINGS } from '../../../../server/timings.ts';
import { TESTER } from '../../../support/actor.ts';
import { makeRun } from '../../../support/make.ts';
import { waitUntil } from '../../../support/wait-until.ts';

/** A run of another node: lines and state appear in the store, and news of them comes when the test says so. */
function makeElsewhere() {
  const lines = ['a', 'b'];
  let run: Run = makeRun({ id: 'r', status: 'running', workerId: 'other' });
  const listeners = new Set<(change: Change) => void>();
  let reads = 0;
  const service = createRunLogService({
    timings: TIMINGS.logs,
    storage: {
      isShared: true,
      runs: { find: async () => run } as Pick<RunStore, 'find'> as RunStore,
      runLogs: {
        async read(_id, _stream, after, limits) {
          reads += 1;
          const bytes = Buffer.from(lines.join('\n'));
          return readChunks(after, limits, (line) =>
            line <= lines.length ? [{ firstLine: 1, lineCount: lines.length, bytes }] : [],
          );
        },
        // the poll that would tell of new lines sees none: what is tried is the news of the end
        heads: async () => new Map(),
      } as Pick<RunLogStore, 'read' | 'heads'> as RunLogStore,
      changes: {
        publish: async () => undefined,
        listen(listener) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      },
    },
    onError: (error) => expect(error).toBeNull(),
  });
  return {
    service,
    reads: () => reads,
    print: (line: string) => lines.push(line),
    end() {
      run = { ...run, status: 'succeeded' };
      for (const listener of listeners) listener({ kind: 'run', id: 'r' });
    },
  };
}

it('a reader that hears of the end before the last lines gets them first', async () => {
  const elsewhere = makeElsewhere();
  const lines = await elsewhere.service.tail(TESTER, 'r', 0);
  expect((await lines.next()).value).toMatchObject({ text: 'a\nb' });
  const next = lines.next();
  // it stands at the end of what is stored, and knows that there is nothing
  await waitUntil(() => elsewhere.reads() === 2);

  elsewhere.print('last');
  elsewhere.end();

  expect(await next).toMatchObject({ value: { firstLine: 3, text: 'last' } });
  expect((await lines.next()).done).toBe(true);
  elsewhere.service.close();
});
