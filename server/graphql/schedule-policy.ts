import type { SchedulePolicyChange } from '../domain/schedules/policy.ts';
import { builder } from './builder.ts';

/** The policy of a schedule in the API: its fields stand beside those of the schedule. */

export const OverlapPolicyEnum = builder.enumType('OverlapPolicy', {
  description: 'What happens at an instant at which a run of the same schedule is queued or running.',
  values: {
    SKIP: { value: 'skip', description: 'It does not run, and the ledger says so.' },
    ALLOW: { value: 'allow', description: 'Both run.' },
  } as const,
});

/** Of the input of a mutation, what is about the policy. */
export function policyChangeOf({ overlap }: SchedulePolicyChange): SchedulePolicyChange {
  return { overlap };
}
