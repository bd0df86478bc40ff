import { randomBytes } from 'node:crypto';
import type { Fact } from '../domain/facts.ts';
import { isFinished, type Run, type RunEnd } from '../domain/runs/run.ts';
import type { Schedule } from '../domain/schedules/schedule.ts';
import type { Tick } from '../domain/schedules/tick.ts';

/** How both adapters write facts into the outbox, and read them back. */

/** Identifies this process. */
const MARK = randomBytes(6).toString('hex');

let lastMs = 0;
let count = 0;

/** An outbox id: sorts after earlier ones of this process, and by the clock among those of other processes. */
export function orderedId(now: Date): string {
  const ms = Math.max(now.getTime(), lastMs);
  count = ms === lastMs ? count + 1 : 0;
  lastMs = ms;
  const hex = (value: number, length: number) => value.toString(16).padStart(length, '0');
  return `${hex(ms, 12)}-${hex(count, 6)}-${MARK}`;
}

export function writeFact(fact: Fact): string {
  return JSON.stringify(fact);
}

/** Null when it cannot be read: one such row must not block the others. */
export function readFact(json: string): Fact | null {
  try {
    const stored = JSON.parse(json);
    if (!KINDS.has(stored?.kind)) return null;
    if (stored.kind !== 'tickRecorded') return stored as Fact;
    const scheduledFor = new Date(stored.scheduledFor);
    return Number.isNaN(scheduledFor.getTime()) ? null : { ...stored, scheduledFor };
  } catch {
    return null;
  }
}

const KINDS: ReadonlySet<unknown> = new Set<Fact['kind']>([
  'runEnded',
  'tickRecorded',
  'scheduleChanged',
  'scheduleProblem',
]);

/** Empty while the run has not ended. */
export function factsOfRun({ id, scheduleId, status }: Pick<Run, 'id' | 'scheduleId' | 'status'>): Fact[] {
  return isFinished(status)
    ? [{ kind: 'runEnded', runId: id, scheduleId, status: status as RunEnd['status'] }]
    : [];
}

export function factOfTick({ scheduleId, scheduledFor, outcome, runId }: Tick): Fact {
  return { kind: 'tickRecorded', scheduleId, scheduledFor, outcome, runId };
}

/** @param schedule as stored */
export function factOfChange(
  { id, version, name }: Pick<Schedule, 'id' | 'version' | 'name'>,
  change: 'created' | 'updated' | 'deleted',
): Fact {
  return { kind: 'scheduleChanged', scheduleId: id, change, version, name };
}

export function factOfProblem(scheduleId: string, problem: string | null): Fact {
  return { kind: 'scheduleProblem', scheduleId, problem };
}
