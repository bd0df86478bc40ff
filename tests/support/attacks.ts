import type { Attack } from './attacks/attack.ts';
import { JSON_BODIES, MANY_OPERATIONS, OPERATIONS_EACH_WAY } from './attacks/documents.ts';
import { FLOODS_OF_HOLDERS, FLOODS_OF_STRANGERS, PIPELINES } from './attacks/floods.ts';
import { ALL_PLAYBOOKS, COUNTS, NEVER_THE_SAME, PARAMETERS, UNREAD_ANSWERS } from './attacks/long-answers.ts';

export const ATTACKS: readonly Attack[] = [
  ...OPERATIONS_EACH_WAY,
  MANY_OPERATIONS,
  JSON_BODIES,
  PIPELINES,
  ...FLOODS_OF_STRANGERS,
  ...FLOODS_OF_HOLDERS,
  ...ALL_PLAYBOOKS,
  UNREAD_ANSWERS,
  PARAMETERS,
  COUNTS,
  NEVER_THE_SAME,
];
