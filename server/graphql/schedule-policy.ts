import { InvalidInputError } from '../domain/errors.ts';
import { MAX_KEPT, type SchedulePolicyChange } from '../domain/schedules/policy.ts';
import { builder } from './builder.ts';
import { NoticeEventEnum } from './channel.ts';
import { tryLocalId } from './ids.ts';

/** A schedule's policy in the API, where its fields are part of the schedule itself. */

export const OverlapPolicyEnum = builder.enumType('OverlapPolicy', {
  description: 'What happens at an instant at which a run of the same schedule is queued or running.',
  values: {
    SKIP: { value: 'skip', description: 'It does not run, and the ledger says so.' },
    ALLOW: { value: 'allow', description: 'Both run.' },
  } as const,
});

/** The policy fields that the inputs of both mutations have, besides `overlap`, whose default differs. */
export function policyFields(t: InputFields) {
  return {
    keepDays: t.int({ description: KEPT_DESCRIPTIONS.keepDays }),
    keepRuns: t.int({ description: KEPT_DESCRIPTIONS.keepRuns }),
    channels: t.idList({
      description: 'Told of its events, and no others; null: those that are default for an event.',
    }),
    noticeEvents: t.field({
      type: [NoticeEventEnum],
      description: 'What its own channels are told of. Default: FAILED, RECOVERED, MISSED and BROKEN.',
    }),
  };
}

type InputFields = PothosSchemaTypes.InputFieldBuilder<(typeof builder)['$inferSchemaTypes'], 'InputObject'>;

/** The policy fields of a mutation's input. */
export function policyChangeOf({
  channels,
  noticeEvents,
  overlap,
  ...kept
}: PolicyInput): SchedulePolicyChange {
  const { keepDays, keepRuns } = kept;
  const issues = KEPT_FIELDS.flatMap((name) => {
    const value = kept[name];
    if (value === undefined || value === null || (value >= 1 && value <= MAX_KEPT[name])) return [];
    const message = `"${name}" is ${value}; expected 1 to ${MAX_KEPT[name].toLocaleString('en-US')}, or null.`;
    return [{ path: [name], message, position: null }];
  });
  if (issues.length > 0) throw new InvalidInputError(issues);
  return {
    overlap,
    keepDays,
    keepRuns,
    // absent unless given: earlier versions bound idempotency keys without them
    ...(channels === undefined ? {} : { channels: channels === null ? null : channels.map(localChannelId) }),
    ...(noticeEvents === undefined ? {} : { noticeEvents }),
  };
}

type PolicyInput = Pick<
  SchedulePolicyChange,
  'overlap' | 'keepDays' | 'keepRuns' | 'noticeEvents' | 'channels'
>;

/** An id that is none names no channel, which the service reports. */
function localChannelId(id: string): string {
  return tryLocalId('Channel', id) ?? id;
}

const KEPT_FIELDS = ['keepDays', 'keepRuns'] as const;
export const KEPT_DESCRIPTIONS = {
  keepDays: 'How many days its runs are kept, 1 to 36,500; null: as long as those of all others.',
  keepRuns: 'How many of its newest runs are kept, 1 to 1,000,000; null: no number of its own.',
} as const;
