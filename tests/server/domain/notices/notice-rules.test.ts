import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NoticeEvent } from '../../../../server/domain/notice-event.ts';
import {
  decideNotices,
  type Happening,
  NOTHING_TOLD,
  type NoticeState,
} from '../../../../server/domain/notices/notice-rules.ts';
import { minutesAfter, NOON } from '../../../support/make.ts';

type Step = Happening & { readonly isPaused?: boolean };
type Told = { readonly event: NoticeEvent; readonly channels: readonly string[] };

const all = () => ['a', 'b'];
let minute = 0;
const ended = (status: Extract<Happening, { kind: 'runEnded' }>['status'], isLate = false): Step => {
  minute += 1;
  return { kind: 'runEnded', status, at: minutesAfter(NOON, minute), isLate };
};
const tick = (outcome: 'started' | 'skipped' | 'missed', isLate: boolean | null = null): Step => ({
  kind: 'tick',
  outcome,
  isLate,
});

function play(steps: readonly Step[], channelsOf: (event: NoticeEvent) => readonly string[] = all): Told[][] {
  let state: NoticeState = NOTHING_TOLD;
  return steps.map((step) => {
    const decision = decideNotices(state, step, channelsOf, step.isPaused ?? false);
    state = decision.state;
    return [...decision.notices];
  });
}
const eventsOf = (told: readonly Told[][]) => told.map((notices) => notices.map(({ event }) => event).join());
/** Without the event that follows each success. */
const usual = (event: NoticeEvent) => (event === 'succeeded' ? [] : all());

describe('tells', () => {
  it('of the first failure, then of the recovery, each once', () => {
    const steps = [
      'succeeded',
      'failed',
      'timedOut',
      'lost',
      'canceled',
      'succeeded',
      'succeeded',
      'lost',
    ] as const;
    expect(
      eventsOf(
        play(
          steps.map((status) => ended(status)),
          usual,
        ),
      ),
    ).toEqual(['', 'failed', '', '', '', 'recovered', '', 'failed']);
  });

  it('of every success whoever wants that, but not of a recovery twice', () => {
    expect(eventsOf(play([ended('succeeded'), ended('failed'), ended('succeeded')]))).toEqual([
      'succeeded',
      'failed',
      'recovered',
    ]);
  });

  it('of a run of missed instants once', () => {
    const steps = ['missed', 'missed', 'skipped', 'missed', 'started', 'missed'] as const;
    expect(eventsOf(play(steps.map((outcome) => tick(outcome))))).toEqual([
      'missed',
      '',
      '',
      '',
      '',
      'missed',
    ]);
  });

  it('of a late start once until one is in time', () => {
    const steps = [
      tick('started', true),
      ended('succeeded', true),
      tick('started', null),
      ended('succeeded'),
    ];
    expect(eventsOf(play([...steps, tick('started', true)], usual))).toEqual(['late', '', '', '', 'late']);
  });

  it('of a schedule that cannot fire once until it is changed or can again', () => {
    const broken = { kind: 'problem', isBroken: true } as const;
    const steps: Step[] = [
      broken,
      broken,
      { kind: 'changed' },
      broken,
      { kind: 'problem', isBroken: false },
      broken,
    ];
    expect(eventsOf(play(steps))).toEqual(['broken', '', '', 'broken', '', 'broken']);
  });

  it('nothing of a failure that is older than the end that counts', () => {
    const [older, newer] = [ended('failed'), ended('succeeded')];
    expect(eventsOf(play([newer, older], usual))).toEqual(['', '']);
  });

  it('a channel that was added meanwhile of the failure that goes on', () => {
    const decision = decideNotices(NOTHING_TOLD, ended('failed'), () => ['a'], false);
    expect(decideNotices(decision.state, ended('failed'), all, false).notices).toEqual([
      { event: 'failed', channels: ['b'] },
    ]);
  });
});

describe('whatever happens', () => {
  const status = fc.constantFrom('succeeded', 'failed', 'canceled', 'timedOut', 'lost' as const);
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({
      kind: fc.constant('runEnded' as const),
      status,
      at: fc.integer({ min: 0, max: 50 }).map((n) => minutesAfter(NOON, n)),
      isLate: fc.boolean(),
      isPaused: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('tick' as const),
      outcome: fc.constantFrom('started', 'skipped', 'missed' as const),
      isLate: fc.constantFrom(true, false, null),
      isPaused: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('problem' as const), isBroken: fc.boolean(), isPaused: fc.boolean() }),
    fc.record({ kind: fc.constant('changed' as const), isPaused: fc.boolean() }),
  );
  const steps = fc.array(step, { maxLength: 60 });
  /** Which channels want which events, at each step. */
  const audiences = fc.infiniteStream(fc.func(fc.subarray(['a', 'b', 'c']))) as fc.Arbitrary<
    Iterator<(event: NoticeEvent) => string[]>
  >;

  it('no channel hears of a recovery without a failure, nor of a failure twice without a recovery between', () => {
    fc.assert(
      fc.property(steps, audiences, (happenings, wanted) => {
        const failing = new Set<string>();
        let state = NOTHING_TOLD;
        for (const { isPaused = false, ...happening } of happenings) {
          const decision = decideNotices(state, happening, wanted.next().value, isPaused);
          state = decision.state;
          for (const { event, channels } of decision.notices)
            for (const channel of channels) {
              if (event === 'recovered') expect(failing.delete(channel)).toBe(true);
              if (event !== 'failed') continue;
              expect(failing.has(channel)).toBe(false);
              failing.add(channel);
            }
          // a success or a pause ends it, also for who does not want to hear of it
          if (isPaused || state.told.failed.length === 0) failing.clear();
        }
      }),
    );
  });

  it('nobody hears anything of a schedule that is paused, and nothing is left of what was told', () => {
    fc.assert(
      fc.property(steps, steps, (before, paused) => {
        const told = play([...before, ...paused.map((one) => ({ ...one, isPaused: true }))]);
        expect(told.slice(before.length).flat()).toEqual([]);
      }),
    );
  });

  it("a day's outage is one message a channel and event, however many instants it had", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000 }), (missed) => {
        const told = play(Array.from({ length: missed }, () => tick('missed')));
        expect(told.flat()).toEqual([{ event: 'missed', channels: ['a', 'b'] }]);
      }),
      { numRuns: 10 },
    );
  });

  it('the same happening twice tells nobody twice, except of successes', () => {
    fc.assert(
      fc.property(steps, step, (before, { isPaused = false, ...last }) => {
        let state = NOTHING_TOLD;
        for (const one of before) state = decideNotices(state, one, all, one.isPaused ?? false).state;
        const once = decideNotices(state, last, all, isPaused);
        const twice = decideNotices(once.state, last, all, isPaused);
        expect(twice.notices.filter(({ event }) => event !== 'succeeded')).toEqual([]);
        expect(twice.state).toEqual(once.state);
      }),
    );
  });
});
