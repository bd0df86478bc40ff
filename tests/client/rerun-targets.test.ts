import { expect, it } from 'vitest';
import { rerunTargets } from '../../client/features/runs/rerun-targets.ts';

const row = (host: string, failed: number, unreachable: number) => ({ host, failed, unreachable });

it('names the hosts of each choice', () => {
  expect(rerunTargets([row('ok', 0, 0), row('web1', 1, 0), row('web2', 2, 0), row('away', 0, 1)])).toEqual([
    { hosts: 'FAILED', label: 'The 2 failed hosts', names: 'web1, web2' },
    { hosts: 'UNREACHABLE', label: 'The unreachable host', names: 'away' },
    { hosts: 'FAILED_OR_UNREACHABLE', label: 'The 3 failed or unreachable hosts', names: 'web1, web2, away' },
  ]);
});

it('offers nothing twice, and nothing that is empty', () => {
  expect(rerunTargets([row('ok', 0, 0)])).toEqual([]);
  expect(rerunTargets([row('web1', 1, 0), row('both', 1, 1)]).map(({ hosts }) => hosts)).toEqual([
    'FAILED',
    'UNREACHABLE',
  ]);
  expect(rerunTargets([row('away', 0, 1)]).map(({ hosts }) => hosts)).toEqual(['UNREACHABLE']);
});

it('counts those that it does not name', () => {
  const many = Array.from({ length: 5_000 }, (_, n) => row(`h${n}`, 1, 0));
  expect(rerunTargets(many)[0]?.names).toMatch(/^h0, h1, .*, h19 and 4980 more$/);
});
