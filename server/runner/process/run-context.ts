import type { LogLimit } from '../../domain/logs/log-limit.ts';
import type { LogStream } from '../../domain/logs/run-log.ts';
import type { RunnerTimings } from '../../timings.ts';
import type { Cgroups } from './cgroup.ts';
import type { Launcher } from './launcher.ts';
import type { ProcessId } from './process-tree.ts';
import type { Spool, Spools } from './spool.ts';
import { createStreamLimit, type StreamLimit } from './stream-limit.ts';
import type { Supervised } from './supervised-run.ts';

/** Shared by starting, reattaching and discarding. */
export interface RunContext {
  readonly spools: Spools;
  readonly cgroups: Cgroups;
  readonly launcher: Launcher;
  readonly limits: Readonly<Record<LogStream, LogLimit>>;
  readonly timings: RunnerTimings;
  /** Aborts when the runner closes: following stops, and running programs continue. */
  readonly closing: AbortSignal;
  /**
   * Why a program that ended by itself did so, from its exit code and spool folder; null when the code says it
   * all.
   */
  explain(runId: string, spool: Spool, exitCode: number): string | null;
  onWarning(message: string): void;
  /** Warns that something failed. */
  warn(what: string, error: unknown): void;
}

/** Keeps the files of a run's streams within their limits from now on. */
export function limitsOf(
  { spools, limits, closing, warn }: RunContext,
  runId: string,
): Readonly<Record<LogStream, StreamLimit>> {
  const spool = spools.of(runId);
  const limitOf = (stream: LogStream) =>
    createStreamLimit({ spool, stream, limit: limits[stream], closing, warn });
  return { output: limitOf('output'), events: limitOf('events') };
}

type SharedBySupervised =
  | 'limits'
  | 'runId'
  | 'spool'
  | 'explain'
  | 'findCgroup'
  | 'timings'
  | 'closing'
  | 'warn';

/** What supervising a run needs, however the run got its supervisor. */
export function supervisedOf(context: RunContext, runId: string): Pick<Supervised, SharedBySupervised> {
  const { timings, closing, warn } = context;
  const spool = context.spools.of(runId);
  return {
    runId,
    spool,
    limits: limitsOf(context, runId),
    timings,
    closing,
    warn,
    explain: (exitCode) => context.explain(runId, spool, exitCode),
    findCgroup: (supervisor: ProcessId | null) => context.cgroups.find(runId, supervisor?.pid ?? null),
  };
}
