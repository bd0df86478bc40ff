import type { RunParameters } from '../../shared/run-parameters.ts';
import type { LogStream } from '../domain/logs/run-log.ts';
import type { RunPlace } from '../domain/runs/run.ts';

/** Runs playbooks headless. Knows neither storage, nor GraphQL, nor Agenda. */
export interface Runner {
  /**
   * Where a playbook would be started now, and with what. Costs a few looks at the file system.
   * @param root the folder that the paths of playbook and parameters are relative to; absolute, without symbolic links
   * @throws {RunRefusedError} when it cannot be started there
   */
  workspaceOf(root: string, playbook: string, parameters: RunParameters): Workspace;
  /** The files that a run with these parameters needs. Long extra variables take turns with other work. */
  filesOf(parameters: RunParameters): Promise<readonly RunFile[]>;
  /**
   * Makes the run's spool folder. To be called before the run is claimed: a run that is claimed but has no folder is lost,
   * one with a folder in which nothing was started certainly never ran. Safe to call again.
   */
  prepare(runId: string): void;
  /**
   * Does ahead of time what `start` would have to do: the spool folder, the command, and a supervisor that sleeps until
   * `start` is called with the same request. Safe to call once per run id only.
   * @throws {RunRefusedError} when it cannot be started as asked
   */
  arm(request: RunRequest): void;
  /** Ends a supervisor that was armed, and removes the spool folder. Safe to call again, and when none was. */
  disarm(runId: string): Promise<void>;
  /**
   * Has a playbook started in a session of its own, with the output in the run's spool folder.
   * Safe to call once per run id only.
   * @throws {RunRefusedError} when it cannot be started as asked; nothing was started then
   */
  start(request: RunRequest): RunProcess;
  /**
   * Reattaches to a run that a previous process of this server started, whether it still goes on or ended meanwhile.
   * What is stored of it is handed in: what the spool folder says of it a playbook may have written.
   * `notStarted`: it certainly never ran, and never will unless it is started again. `lost`: its result is unknown.
   */
  reattach(run: StartedRun): Promise<Reattached>;
  /** Ids of the runs that have a spool folder here. */
  listSpooled(): Promise<string[]>;
  /** Removes the spool folder, after everything in it was stored, or when nothing of it is wanted. Safe to call again. */
  discard(runId: string): Promise<void>;
  /** Version of ansible-core, e.g. "2.19.4"; null when it cannot be read. */
  version(): Promise<string | null>;
  /** Stops following; the playbooks go on. */
  close(): Promise<void>;
}

export interface RunRequest {
  readonly runId: string;
  /** Path relative to the root of its workspace; checked already. */
  readonly playbook: string;
  readonly parameters: RunParameters;
  readonly workspace: Workspace;
  /** What the run is given besides its parameters. Names differ. */
  readonly files: readonly RunFile[];
  /** End it when it takes longer, in ms; null: no limit. */
  readonly timeoutMs: number | null;
}

/** A file that only this run gets: it lies in its spool folder until the run has ended. */
export interface RunFile {
  /** Letters, digits, "-", "_" and ".", e.g. "extra-vars.yml". */
  readonly name: string;
  /** Its permissions: 0600, or 0700 for what is to be executed. */
  readonly mode: number;
  readonly content: string;
  /** What stands before its path in the argument that names it, e.g. "--extra-vars=@"; null: no argument names it. */
  readonly option: string | null;
}

/** Where a run is started, and what it finds there. */
export interface Workspace extends RunPlace {
  /** The folder that the paths of playbook and parameters are relative to; absolute. */
  readonly root: string;
  /** The working folder; absolute. */
  readonly folder: string;
  /** Variables beside those that all runs have, or instead of them; null: nothing of this name. */
  readonly environment: Readonly<Record<string, string | null>>;
  /** What its log begins with, without a newline; null: nothing but what the playbook prints. */
  readonly notice: string | null;
}

/** A run that a previous process of this server started, as it is stored. */
export interface StartedRun {
  readonly runId: string;
  readonly startedAt: Date;
  /** End it when it takes longer, in ms; null: no limit. */
  readonly timeoutMs: number | null;
  readonly isCancelRequested: boolean;
}

export type Reattached =
  | { readonly kind: 'attached'; readonly process: RunProcess }
  | { readonly kind: 'notStarted' }
  | {
      readonly kind: 'lost';
      readonly reason: string /** What it printed can still be followed to its end. */;
      readonly process: RunProcess;
    };

/** A playbook that runs, or has run. */
export interface RunProcess {
  readonly runId: string;
  /** When the process was started. */
  readonly startedAt: Date;
  /**
   * The bytes of a stream as they were written, from byte `offset` on, in pieces of at most 512 KiB; ends after the last byte
   * once the playbook has ended. One reader of each stream at a time. A piece is valid until the next is asked for.
   */
  read(stream: LogStream, offset: number, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** Resolves when the supervisor has ended, with how it went. Never rejects. */
  readonly exit: Promise<RunExit>;
  /**
   * Ends the playbook and everything that it started: asks first, then kills. Resolves when nothing is left.
   * Idempotent. Reports each step through `onStep`, one sentence each.
   */
  cancel(onStep?: (step: string) => void): Promise<void>;
}

/** How a process ended. More than one of the flags may be true. */
export interface RunExit {
  /** Exit code of ansible-playbook; null when it ended by a signal or is not known. */
  readonly exitCode: number | null;
  /** E.g. "SIGKILL"; null when it ended by itself. */
  readonly signal: string | null;
  readonly isCanceled: boolean;
  readonly isTimedOut: boolean;
  /** Gone without a trace of how. */
  readonly isLost: boolean;
  /** Why, in a sentence, where the exit code does not say it; null otherwise. */
  readonly reason: string | null;
  readonly finishedAt: Date;
}

/** The playbook was not started, and why. */
export class RunRefusedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RunRefusedError';
  }
}
