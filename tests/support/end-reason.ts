import { expect } from 'vitest';

/**
 * The reason of a run that was ended, as a matcher. The server suspects every orphan of the machine that began with the run
 * and says so behind it; beside other tests, which kill servers, there are some.
 */
export function endReason(reason: string): string {
  const escaped = reason.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return expect.stringMatching(new RegExp(`^${escaped}( Processes that it started may be left .*)?$`));
}
