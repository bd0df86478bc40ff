import { describe, expect, it } from 'vitest';
import {
  createInputOf,
  emptyDraft,
  faultsOf,
  isFault,
  timingOf,
} from '../../client/features/schedules/schedule-form.ts';
import { relative, span } from '../../client/lib/time.ts';

describe('schedule form', () => {
  const draft = emptyDraft('hello.yaml', 'Europe/Berlin');

  it('makes the input of each kind of timing', () => {
    expect(timingOf(draft)).toEqual({ cron: '0 3 * * *' });
    expect(timingOf({ ...draft, kind: 'interval', every: '90', unit: 'minutes' })).toEqual({
      every: { seconds: 5_400 },
    });
    expect(timingOf({ ...draft, kind: 'once', at: '2030-01-01T10:00' })).toEqual({
      at: new Date('2030-01-01T10:00').toISOString(),
    });
  });

  it.each([
    [{ kind: 'once', at: '' }, 'at'],
    [{ kind: 'interval', every: '1.5' }, 'every'],
    [{ kind: 'interval', every: '0' }, 'every'],
    [{ extraVars: '[1]' }, 'extraVars'],
    [{ extraVars: '{' }, 'extraVars'],
    [{ playbook: '' }, 'playbook'],
  ] as const)('finds the fault in %o', (part, field) => {
    const input = createInputOf({ ...draft, ...part });
    expect(isFault(input) && input.field).toBe(field);
  });

  it('puts each issue of the server at its field', () => {
    const faults = faultsOf([
      { path: ['timing', 'cron'], message: 'hour', position: 2 },
      { path: ['parameters', 'limit'], message: 'limit' },
      { path: ['parameters', 'forks'], message: 'forks' },
    ]);
    expect(faults).toEqual({
      cron: { message: 'hour', position: 2 },
      limit: { message: 'limit', position: null },
      form: { message: 'forks', position: null },
    });
  });
});

it('says times in words', () => {
  const now = Date.parse('2030-01-01T00:00:00Z');
  const inMs = (ms: number) => relative(new Date(now + ms).toISOString(), now);
  expect([48_000, 3_600_000 * 9 + 14 * 60_000, 13 * 86_400_000, -12_000, 500].map(inMs)).toEqual([
    'in 00:48',
    'in 9 h 14 min',
    'in 13 days',
    '12 s ago',
    'now',
  ]);
  expect([156, 59_000, 128_000].map(span)).toEqual(['156 ms', '59 s', '2 min 08 s']);
});
