import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { TIMINGS } from '../../../../server/timings.ts';
import { makeRunner, request, stateOf } from '../../../support/make-runner.ts';

/** How a scan for a supervisor goes; null: as it really does. */
const scan = vi.hoisted((): { replacement: (() => void) | null; refused: number } => ({
  replacement: null,
  refused: 0,
}));
vi.mock(import('../../../../server/runner/process/process-tree.ts'), async (original) => {
  const actual = await original();
  return {
    ...actual,
    async isSupervisor(...asked) {
      if (scan.replacement === null) return actual.isSupervisor(...asked);
      scan.refused += 1;
      return false;
    },
    async findSupervisor(runId) {
      if (scan.replacement === null) return actual.findSupervisor(runId);
      scan.replacement();
      return null;
    },
  };
});

/** Blocks the event loop: what arrives meanwhile is not read. */
function blockUntil(isDone: () => boolean): void {
  const signal = new Int32Array(new SharedArrayBuffer(4));
  for (const until = Date.now() + 20_000; !isDone() && Date.now() < until; ) Atomics.wait(signal, 0, 0, 5);
}

it('a supervisor that ends while it is searched for keeps the exit code that it reported', async () => {
  const made = await makeRunner('while [ ! -e "$0.end" ]; do sleep 0.02; done; exit 3', {
    timings: { ...TIMINGS.runner, lookMs: 50 },
  });
  const id = randomUUID();
  scan.replacement = () => {
    // only once it has reported that it is there
    if (scan.refused === 0) return;
    writeFileSync(`${made.program}.end`, '');
    blockUntil(() => [null, 'Z'].includes(stateOf(made.spool(id, 'pid'))));
  };

  const exit = await made.runner.start(request(made.runner, id)).exit;

  expect(exit).toMatchObject({ exitCode: 3, isLost: false, reason: null });
});
