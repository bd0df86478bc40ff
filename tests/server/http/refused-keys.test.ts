import { describe, expect, it } from 'vitest';
import { createRefusedKeys } from '../../../server/http/refused-keys.ts';

describe('refused keys', () => {
  it('are counted by the minute, and reported once in it', () => {
    let now = 0;
    const reports: [string, number][] = [];
    const refused = createRefusedKeys(
      () => now,
      (address, count) => reports.push([address, count]),
    );
    for (let n = 1; n <= 60; n += 1) expect(refused.count('192.0.2.1').isOverLimit).toBe(false);
    expect(refused.count('::ffff:192.0.2.1')).toEqual({ current: 61, ttl: 60_000, isOverLimit: true });
    expect(reports).toEqual([['192.0.2.1', 1]]);
    now = 60_000;
    expect(refused.count('192.0.2.1').current).toBe(1);
    expect(reports).toEqual([
      ['192.0.2.1', 1],
      ['192.0.2.1', 61],
    ]);
  });

  it('are counted together for the addresses that one machine has', () => {
    const refused = createRefusedKeys(
      () => 0,
      () => undefined,
    );
    refused.count('2001:db8::1');
    refused.count('2001:db8:0:0:ffff::1');
    expect(refused.count('2001:db8::abcd:1%eth0').current).toBe(3);
    expect(refused.count('2001:db8:0:1::1').current).toBe(1);
    expect(refused.count('::1').current).toBe(1);
  });
});
