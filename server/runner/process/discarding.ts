import { messageOf } from '../../domain/caught.ts';
import { findSupervisor, signal } from './process-tree.ts';
import type { RunContext } from './run-context.ts';

/** Removes what runs leave behind: their spool folders and cgroups. */
export interface Discarding {
  /**
   * Ends the supervisor if it still waits for its request, and removes everything; warns of what it cannot
   * remove.
   */
  discard(runId: string): Promise<void>;
  /** Removes everything of a run whose supervisor has ended; warns of what it cannot remove. */
  removeOrWarn(runId: string): Promise<void>;
  /** Like `removeOrWarn`. @throws when the folder cannot be removed */
  remove(runId: string): Promise<void>;
}

export function createDiscarding({ spools, cgroups, onWarning }: RunContext): Discarding {
  async function remove(runId: string): Promise<void> {
    await spools.of(runId).remove();
    await cgroups.remove(runId);
  }

  async function removeOrWarn(runId: string): Promise<void> {
    const spool = spools.of(runId);
    try {
      await spool.remove();
    } catch (error) {
      // harmless: no other run has this id
      onWarning(
        `The spool folder "${spool.path}" of a run that has ended cannot be removed (${messageOf(error)}); it is tried again when the server starts.`,
      );
    }
    await cgroups.remove(runId);
  }

  return {
    remove,
    removeOrWarn,

    async discard(runId) {
      const spool = spools.of(runId);
      // a sleeping supervisor would sleep forever
      if (!spool.isStarted() && spool.exists()) {
        spool.giveUpStart();
        await wakeSupervisor(runId);
      }
      await removeOrWarn(runId);
    },
  };
}

/** Wakes the supervisor of a run, if any: it checks whether it may start, and ends if not. */
async function wakeSupervisor(runId: string): Promise<void> {
  const supervisor = await findSupervisor(runId);
  if (supervisor) signal(supervisor, 'SIGCONT');
}
