import type { Actor } from '../../server/domain/actor.ts';

/** On whose behalf tests ask services directly. */
export const TESTER: Actor = { kind: 'keyHolder', address: '127.0.0.1' };
