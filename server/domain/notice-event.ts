/**
 * What somebody may be told of. `recovered`: the first success after a failure that was told. `late`: started
 * later than the schedule's grace period. `broken`: a schedule cannot fire. `drifted`: a check found changes.
 */
export type NoticeEvent = 'failed' | 'recovered' | 'succeeded' | 'missed' | 'late' | 'broken' | 'drifted';

export const NOTICE_EVENTS: readonly NoticeEvent[] = [
  'failed',
  'recovered',
  'succeeded',
  'missed',
  'late',
  'broken',
  'drifted',
];

/** What most want to know: of every change for the worse, and that it is over. */
export const USUAL_EVENTS: readonly NoticeEvent[] = ['failed', 'recovered', 'missed', 'broken'];

export function isNoticeEvent(value: unknown): value is NoticeEvent {
  return NOTICE_EVENTS.some((event) => event === value);
}

/** Each once, in the order of {@link NOTICE_EVENTS}. */
export function distinctEvents(events: readonly NoticeEvent[]): readonly NoticeEvent[] {
  return NOTICE_EVENTS.filter((event) => events.includes(event));
}
