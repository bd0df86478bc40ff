import { expect, it } from 'vitest';
import {
  changePolicy,
  DEFAULT_POLICY,
  heedsActiveRuns,
  readPolicy,
} from '../../../../server/domain/schedules/policy.ts';

it('is what the constants were', () => {
  expect(DEFAULT_POLICY).toEqual({
    overlap: 'skip',
    graceSeconds: 60,
    startDeadlineSeconds: 3_600,
    keepDays: null,
    keepRuns: null,
    channels: null,
    noticeEvents: ['failed', 'recovered', 'missed', 'broken'],
  });
  expect(heedsActiveRuns(DEFAULT_POLICY)).toBe(true);
  expect(heedsActiveRuns({ ...DEFAULT_POLICY, overlap: 'allow' })).toBe(false);
});

it('leaves what is not given, and makes what is null what it is at first', () => {
  const policy = {
    overlap: 'allow',
    graceSeconds: 5,
    startDeadlineSeconds: 0,
    keepDays: 7,
    keepRuns: null,
    channels: ['a'],
    noticeEvents: ['late'],
  } as const;
  expect(changePolicy(policy, {})).toEqual(policy);
  expect(changePolicy(policy, { overlap: undefined, graceSeconds: 0 })).toEqual({
    ...policy,
    graceSeconds: 0,
  });
  expect(changePolicy(policy, { overlap: null, startDeadlineSeconds: null, channels: null })).toEqual({
    ...DEFAULT_POLICY,
    graceSeconds: 5,
    keepDays: 7,
    noticeEvents: ['late'],
  });
});

it('is read as it was written, with what an earlier version did not know', () => {
  const policy = {
    overlap: 'allow',
    graceSeconds: 5,
    startDeadlineSeconds: 0,
    keepDays: 7,
    keepRuns: null,
    channels: ['a'],
    noticeEvents: ['late'],
  } as const;
  expect(readPolicy(JSON.parse(JSON.stringify(policy)))).toEqual(policy);
  expect(readPolicy({ overlap: 'allow' })).toEqual({ ...DEFAULT_POLICY, overlap: 'allow' });
  expect(readPolicy({ ofALaterVersion: true })).toEqual(DEFAULT_POLICY);
});

it.each([
  [null, /policy is null/],
  ['skip', /policy is "skip"/],
  [[], /policy is \[\]/],
  [{ overlap: 'both' }, /"overlap" of its policy is "both"/],
  [{ overlap: null }, /"overlap" of its policy is null/],
  [{ graceSeconds: -1 }, /"graceSeconds" of its policy is -1/],
  [{ graceSeconds: 1.5 }, /is 1.5/],
  [{ startDeadlineSeconds: 3_601 }, /is 3601/],
  [{ startDeadlineSeconds: '60' }, /is "60"/],
])('does not read %j as another policy', (stored, message) => {
  expect(() => readPolicy(stored)).toThrow(message);
});
