import type { SchedulePolicyChange } from '../domain/schedules/policy.ts';
import { builder } from './builder.ts';

/** A schedule's policy in the API, where its fields are part of the schedule itself. */

export const OverlapPolicyEnum = builder.enumType('OverlapPolicy', {
  description: 'What happens at an instant at which a run of the same schedule is queued or running.',
  values: {
    SKIP: { value: 'skip', description: 'It does not run, and the ledger says so.' },
    ALLOW: { value: 'allow', description: 'Both run.' },
  } as const,
});

/** The policy fields of a mutation's input. */
export function policyChangeOf({ overlap }: SchedulePolicyChange): SchedulePolicyChange {
  return { overlap };
}
