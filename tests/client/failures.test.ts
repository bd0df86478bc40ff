import { expect, it } from 'vitest';
import { hostWords, outcomeLine } from '../../client/lib/failures.ts';
import { worstOf } from '../../client/ui/result-glyph.tsx';

const NONE = { ok: 0, changed: 0, unreachable: 0, failed: 0, skipped: 0, rescued: 0, ignored: 0 };

it('hosts are counted beyond the second', () => {
  expect(hostWords([])).toBe('');
  expect(hostWords(['web1'])).toBe('web1');
  expect(hostWords(['web1', 'web2'])).toBe('web1 and web2');
  expect(hostWords(['web1', 'web2', 'web3'])).toBe('web1 and 2 more');
});

it('a list tells the first failure on hosts, and else the reason of the end', () => {
  const denied = { hosts: ['web1', 'web2', 'web3'], message: 'permission denied\non /etc/ssl' };
  expect(outcomeLine({ reason: '3 hosts failed.', failures: [denied] })).toBe(
    'web1 and 2 more: permission denied',
  );
  expect(outcomeLine({ reason: null, failures: [denied, denied] })).toBe(
    'web1 and 2 more: permission denied · and more',
  );
  expect(
    outcomeLine({ reason: 'Its time was up.', failures: [{ hosts: [], message: 'Its time was up.' }] }),
  ).toBe('Its time was up.');
  expect(outcomeLine({ reason: null, failures: [] })).toBeNull();
});

it('of several results the worst stands out', () => {
  expect(worstOf(NONE)).toBeNull();
  expect(worstOf({ ...NONE, skipped: 3 })).toBe('SKIPPED');
  expect(worstOf({ ...NONE, ok: 2, skipped: 1, changed: 1 })).toBe('CHANGED');
  expect(worstOf({ ...NONE, ok: 2, ignored: 1, rescued: 1 })).toBe('IGNORED');
  expect(worstOf({ ...NONE, changed: 2, unreachable: 1 })).toBe('UNREACHABLE');
  expect(worstOf({ ...NONE, failed: 1, unreachable: 1 })).toBe('FAILED');
});
