import type { Actor } from '../../domain/actor.ts';
import { clip, DomainError, InvalidStateError, NotFoundError } from '../../domain/errors.ts';
import type { HostRecap } from '../../domain/results/task-rows.ts';
import { isFinished, type Run } from '../../domain/runs/run.ts';
import { heedsActiveRuns } from '../../domain/schedules/policy.ts';
import type { Schedule } from '../../domain/schedules/schedule.ts';
import type { ManualStart, Storage } from '../../storage/storage.ts';
import { newId } from '../new-id.ts';
import type { PlaybookService } from '../playbooks/playbook-service.ts';
import type { RunResultService } from '../results/run-result-service.ts';
import type { Idempotency } from './idempotency.ts';
import type { NewRuns } from './new-runs.ts';

/** Repeats runs that have ended. */
export interface RunRepeat {
  /**
   * Starts or queues a run with the parameters of an earlier one. It belongs to the schedule and the instant of
   * that run; if the schedule is gone, to none. While another run of the schedule is queued or running under
   * overlap policy `skip`, it is refused.
   * @param hosts `all`: those that the earlier run was for
   * @throws {NotFoundError} @throws {InvalidInputError} about the key
   * @throws {InvalidStateError} when it is not over, cannot be run as it was, or none of its hosts is wanted
   */
  rerun(actor: Actor, runId: string, hosts: RerunHosts, idempotencyKey?: string | null): Promise<Run>;
}

export type RerunHosts = 'all' | keyof typeof SELECTIONS;

export interface RunRepeatOptions {
  readonly storage: Pick<Storage, 'schedules' | 'runs'>;
  readonly results: Pick<RunResultService, 'recap' | 'problem'>;
  readonly playbooks: Pick<PlaybookService, 'checkRunnable'>;
  readonly idempotency: Pick<Idempotency, 'once'>;
  readonly newRuns: NewRuns;
  now(): Date;
}

/** What is selected, in words, and by what. */
const SELECTIONS = {
  failed: { words: 'failed', has: ({ failed }: HostRecap) => failed > 0 },
  unreachable: { words: 'was unreachable', has: ({ unreachable }: HostRecap) => unreachable > 0 },
  failedOrUnreachable: {
    words: 'failed or was unreachable',
    has: ({ failed, unreachable }: HostRecap) => failed + unreachable > 0,
  },
} as const;

/** Of the names together, in characters: they are stored with the run, and one document holds 16 MB. */
const MAX_LENGTH = 4 * 1_048_576;

export function createRunRepeat(options: RunRepeatOptions): RunRepeat {
  const { storage, results } = options;
  const { runs, schedules } = storage;

  async function hostsOf(actor: Actor, run: Run, selection: keyof typeof SELECTIONS): Promise<string[]> {
    const problem = await results.problem(actor, run);
    if (problem !== null)
      throw new InvalidStateError(
        `It is not known which hosts failed, only all can be run again. ${problem}`,
      );
    const recap = await results.recap(actor, run);
    const { words, has } = SELECTIONS[selection];
    const hosts = recap.filter(has).map(({ host }) => host);
    if (hosts.length === 0) {
      throw new InvalidStateError(
        recap.length === 0
          ? 'No play of this run began on any host, so only all hosts can be run again.'
          : `No host of this run ${words}.`,
      );
    }
    if (hosts.reduce((sum, { length }) => sum + length, 0) > MAX_LENGTH) {
      throw new InvalidStateError(
        `The names of ${hosts.length} hosts are too long to run exactly these again; expected ${MAX_LENGTH} characters at most.`,
      );
    }
    return hosts;
  }

  async function requireRunnable(actor: Actor, { playbook, parameters }: Run): Promise<void> {
    if (!parameters) {
      throw new InvalidStateError(
        'What is stored of the parameters of this run cannot be read, so it cannot be run again as it was.',
      );
    }
    try {
      await options.playbooks.checkRunnable(actor, playbook, parameters);
    } catch (error) {
      if (error instanceof DomainError)
        throw new InvalidStateError(`The run cannot be run again as it was: ${error.message}`);
      throw error;
    }
  }

  /** The schedule that it belongs to, if that is still there. */
  async function scheduleOf({ scheduleId }: Run): Promise<Schedule | null> {
    const schedule = scheduleId === null ? null : await schedules.find(scheduleId);
    if (!schedule || !heedsActiveRuns(schedule.policy)) return schedule;
    if ((await runs.listActive([schedule.id])).has(schedule.id)) throw alreadyActive();
    return schedule;
  }

  return {
    rerun(actor, runId, hosts, idempotencyKey = null) {
      let repeated: Run;
      let schedule: Schedule | null;
      let onlyHosts: readonly string[] | null;
      return options.idempotency.once(idempotencyKey, ['rerun', runId, hosts], {
        newId: () => newId(options.now()),
        find: (id) => runs.find(id),
        async check() {
          const found = await runs.find(runId);
          if (!found) throw new NotFoundError('run', clip(runId));
          if (!isFinished(found.status)) {
            throw new InvalidStateError(
              `The run has not ended yet: it is ${found.status}. It can be run again when it has.`,
            );
          }
          repeated = found;
          await requireRunnable(actor, found);
          schedule = await scheduleOf(found);
          onlyHosts = hosts === 'all' ? found.onlyHosts : await hostsOf(actor, found, hosts);
        },
        async make(id) {
          const { playbook, parameters, scheduledFor } = repeated;
          const wanted = { id, playbook, parameters, onlyHosts, trigger: 'retry', retryOf: runId } as const;
          const of = schedule
            ? { scheduleId: schedule.id, scheduledFor }
            : { scheduleId: null, scheduledFor: null };
          const isForced = schedule !== null && !heedsActiveRuns(schedule.policy);
          let outcome = 'started' as ManualStart;
          const run = await options.newRuns.start(actor, { ...wanted, ...of }, async (admitted) => {
            if (of.scheduleId === null) return runs.insertNew(admitted);
            outcome = await schedules.startByHand({ ...admitted, scheduleId: of.scheduleId }, isForced);
            return outcome === 'started';
          });
          // a run may have been made with the same idempotency key
          const made = run ?? (await runs.find(id));
          if (made) return made;
          if (outcome === 'gone') throw new NotFoundError('schedule', clip(of.scheduleId ?? ''));
          throw alreadyActive();
        },
      });
    },
  };
}

function alreadyActive(): InvalidStateError {
  return new InvalidStateError(
    'A run of this schedule is queued or running, and its overlap policy is SKIP. Run it again when that one has ended.',
  );
}
