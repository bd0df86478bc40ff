import type { Attack } from './attacks/attack.ts';
import { JSON_BODIES, MANY_OPERATIONS, OPERATIONS_EACH_WAY } from './attacks/documents.ts';
import { FLOODS_OF_HOLDERS, FLOODS_OF_STRANGERS, PIPELINES } from './attacks/floods.ts';
import { ALL_PLAYBOOKS, COUNTS, NEVER_THE_SAME, PARAMETERS, UNREAD_ANSWERS } from './attacks/long-answers.ts';

/** Those of a group may be made on one server: they have the same playbooks, and leave nothing behind. */
export const ATTACK_GROUPS: readonly (readonly Attack[])[] = [
  [...OPERATIONS_EACH_WAY, JSON_BODIES],
  [MANY_OPERATIONS],
  // whoever is refused often is soon refused sooner
  ...[PIPELINES, ...FLOODS_OF_STRANGERS].map((attack) => [attack]),
  FLOODS_OF_HOLDERS,
  ALL_PLAYBOOKS,
  [UNREAD_ANSWERS],
  [PARAMETERS],
  [COUNTS],
  [NEVER_THE_SAME],
];

export const ATTACKS: readonly Attack[] = ATTACK_GROUPS.flat();
