import { expect, it } from 'vitest';
import { type FailedRun, failedGroups } from '../../client/features/overview/overview-operations.ts';

const at = (minute: number) => new Date(Date.UTC(2026, 10, 24, 3, minute)).toISOString();
const run = (id: string, minute: number, more: object = {}) =>
  ({
    id,
    playbook: 'a.yaml',
    status: 'FAILED',
    queuedAt: at(0),
    finishedAt: at(minute),
    schedule: null,
    failures: [],
    ...more,
  }) as unknown as FailedRun;

it('runs that failed are told once for each schedule, and only those after the last visit', () => {
  const nightly = { schedule: { id: 's', name: 'Nightly' } };
  const groups = failedGroups(
    [
      run('5', 9, nightly),
      run('4', 8),
      run('3', 7, nightly),
      run('2', 6, { playbook: 'b.yaml' }),
      run('1', 1, nightly),
    ],
    Date.parse(at(5)),
  );
  expect(groups.map(({ run: { id }, count }) => [id, count])).toEqual([
    ['5', 2],
    ['4', 1],
    ['2', 1],
  ]);
});

it('a run that never finished counts from when it was queued', () => {
  expect(failedGroups([run('1', 0, { finishedAt: null, queuedAt: at(7) })], Date.parse(at(5)))).toHaveLength(
    1,
  );
});
