import type { NoticeEvent } from '../notice-event.ts';
import type { RunEnd } from '../runs/run.ts';

/** Whom a schedule's events go to, and what they have been told of it already: a pure state machine. */

/** What the channels know of a schedule. Channels that have been told of something are not told again until it is over. */
export interface NoticeState {
  /** By event, the ids of the channels that were told and not yet that it is over. */
  readonly told: { readonly [E in ToldEvent]: readonly string[] };
  /** When the newest run that was counted ended; null: none was. */
  readonly lastEndAt: Date | null;
}

type ToldEvent = 'failed' | 'missed' | 'late' | 'broken';

export const NOTHING_TOLD: NoticeState = {
  told: { failed: [], missed: [], late: [], broken: [] },
  lastEndAt: null,
};

/** What has happened to a schedule. */
export type Happening =
  | {
      readonly kind: 'runEnded';
      readonly status: RunEnd['status'];
      readonly at: Date;
      readonly isLate: boolean;
    }
  /** @param isLate whether its run has started late; null: it has not started yet */
  | {
      readonly kind: 'tick';
      readonly outcome: 'started' | 'skipped' | 'missed';
      readonly isLate: boolean | null;
    }
  | { readonly kind: 'problem'; readonly isBroken: boolean }
  | { readonly kind: 'changed' };

export interface NoticeDecision {
  readonly state: NoticeState;
  /** Each channel at most once an event. */
  readonly notices: readonly { readonly event: NoticeEvent; readonly channels: readonly string[] }[];
}

/**
 * @param channelsOf ids of the enabled channels that want an event of this schedule
 * @param isPaused whether the schedule is disabled now: then nobody is told, and what was told is over
 */
export function decideNotices(
  state: NoticeState,
  happening: Happening,
  channelsOf: (event: NoticeEvent) => readonly string[],
  isPaused: boolean,
): NoticeDecision {
  if (isPaused) return { state: { ...NOTHING_TOLD, lastEndAt: state.lastEndAt }, notices: [] };
  const notices: { event: NoticeEvent; channels: readonly string[] }[] = [];
  let { told, lastEndAt } = state;

  const say = (event: NoticeEvent, channels: readonly string[]) => {
    if (channels.length > 0) notices.push({ event, channels });
  };
  const begin = (event: ToldEvent) => {
    const channels = without(channelsOf(event), told[event]);
    say(event, channels);
    told = { ...told, [event]: [...told[event], ...channels] };
  };
  const end = (event: ToldEvent) => {
    told = { ...told, [event]: [] };
  };
  const judge = (event: ToldEvent, isSo: boolean) => (isSo ? begin(event) : end(event));

  switch (happening.kind) {
    case 'runEnded': {
      const { status, at, isLate } = happening;
      if (status === 'canceled') break;
      judge('late', isLate);
      const wants = status === 'succeeded' ? channelsOf('succeeded') : [];
      // runs may end in another order than the one in which we hear of it: only the newest end counts
      const isNews = lastEndAt === null || at >= lastEndAt;
      if (!isNews) say('succeeded', wants);
      else if (status === 'succeeded') {
        const recovered = channelsOf('recovered').filter((channel) => told.failed.includes(channel));
        say('recovered', recovered);
        say('succeeded', without(wants, recovered));
        end('failed');
      } else begin('failed');
      if (isNews) lastEndAt = at;
      break;
    }
    case 'tick':
      if (happening.outcome === 'missed') begin('missed');
      else if (happening.outcome === 'started') end('missed');
      if (happening.isLate !== null) judge('late', happening.isLate);
      break;
    case 'problem':
      judge('broken', happening.isBroken);
      break;
    case 'changed':
      end('broken');
      break;
  }
  return { state: { told, lastEndAt }, notices };
}

function without(channels: readonly string[], others: readonly string[]): readonly string[] {
  return channels.filter((channel) => !others.includes(channel));
}
