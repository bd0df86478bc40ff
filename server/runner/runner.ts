import type { RunParameters } from '../../shared/run-parameters.ts';
import type { LogGap } from '../domain/logs/log-limit.ts';
import type { LogStream } from '../domain/logs/run-log.ts';
import type { RunPlace } from '../domain/runs/run.ts';

/** Runs playbooks headless. Knows neither storage, nor GraphQL, nor Agenda. */
export interface Runner {
  /**
   * Where and with what a playbook would be started now. Costs a few file-system calls.
   * @param root folder that the paths of playbook and parameters are relative to; absolute, without symlinks
   * @throws {RunRefusedError} when it cannot be started there
   */
  workspaceOf(root: string, playbook: string, parameters: RunParameters): Workspace;
  /**
   * The files that a run with these parameters needs. Converting long extra variables yields to other work.
   * @param onlyHosts names of the hosts that it is limited to, within the limit of its parameters; null: these say
   * @throws {RunRefusedError} when it cannot be limited to them
   */
  filesOf(parameters: RunParameters, onlyHosts: readonly string[] | null): Promise<readonly RunFile[]>;
  /**
   * Creates the run's spool folder. Call it before the run is claimed: a claimed run without a folder is lost,
   * while one with a folder in which nothing was started certainly never ran. Idempotent.
   */
  prepare(runId: string): void;
  /**
   * Does the work of `start` ahead of time: the spool folder, the command, and a supervisor that sleeps until
   * `start` is called with the same request. Call it at most once per run id.
   * @throws {RunRefusedError} when it cannot be started as requested
   */
  arm(request: RunRequest): void;
  /** Ends an armed supervisor, if any, and removes the spool folder. Idempotent. */
  disarm(runId: string): Promise<void>;
  /**
   * Starts a playbook in its own session, with its output in the run's spool folder. Call it at most once per
   * run id.
   * @throws {RunRefusedError} when it cannot be started as requested; nothing was started then
   */
  start(request: RunRequest): RunProcess;
  /**
   * Reattaches to a run that a previous server process started, whether it still runs or has ended since. The
   * caller passes what is stored of it, because a playbook may have written to the spool folder. `notStarted`:
   * it certainly never ran, and never will unless it is started again. `lost`: its result is unknown.
   */
  reattach(run: StartedRun): Promise<Reattached>;
  /** Ids of the runs that have a spool folder here. */
  listSpooled(): Promise<string[]>;
  /** Whether the run's supervisor is alive and has begun. */
  isSupervised(runId: string): Promise<boolean>;
  /** Removes the spool folder, once everything in it is stored or none of it is wanted. Idempotent. */
  discard(runId: string): Promise<void>;
  /** Version of ansible-core, e.g. "2.19.4"; null when it cannot be read. */
  version(): Promise<string | null>;
  /** Stops following; the playbooks continue. */
  close(): Promise<void>;
}

export interface RunRequest {
  readonly runId: string;
  /** Path relative to the workspace root; already validated. */
  readonly playbook: string;
  readonly parameters: RunParameters;
  readonly workspace: Workspace;
  /** Files that the run gets besides its parameters. Names are unique. */
  readonly files: readonly RunFile[];
  /** Time limit in ms, after which it is ended; null: none. */
  readonly timeoutMs: number | null;
}

/** A file for this run only; it stays in the spool folder until the run ends. */
export interface RunFile {
  /** Letters, digits, "-", "_" and ".", e.g. "extra-vars.yml". */
  readonly name: string;
  /** Permissions: 0600, or 0700 for executables. */
  readonly mode: number;
  readonly content: string;
  /** What precedes its path in the argument that names it, e.g. "--extra-vars=@"; null: no argument names it. */
  readonly option: string | null;
}

/** Where a run starts, and what it finds there. */
export interface Workspace extends RunPlace {
  /** Folder that the paths of playbook and parameters are relative to; absolute. */
  readonly root: string;
  /** The working folder; absolute. */
  readonly folder: string;
  /** Variables that add to or override those common to all runs; null: unset. */
  readonly environment: Readonly<Record<string, string | null>>;
  /** First line of its log, without a newline; null: only what the playbook prints. */
  readonly notice: string | null;
}

/** A run that a previous server process started, as stored. */
export interface StartedRun {
  readonly runId: string;
  readonly startedAt: Date;
  /** Time limit in ms, after which it is ended; null: none. */
  readonly timeoutMs: number | null;
  readonly isCancelRequested: boolean;
}

export type Reattached =
  | { readonly kind: 'attached'; readonly process: RunProcess }
  | { readonly kind: 'notStarted' }
  | {
      readonly kind: 'lost';
      readonly reason: string;
      /** Its output can still be followed to its end. */
      readonly process: RunProcess;
    };

/** A running or finished playbook. */
export interface RunProcess {
  readonly runId: string;
  /** When the process was started. */
  readonly startedAt: Date;
  /**
   * The bytes of a stream as written, from byte `offset` on, in pieces of at most 512 KiB; ends after the last
   * byte once the playbook has ended. Of a stream that exceeds its limit, the head comes as it is written, and
   * the gap and the tail once the playbook has ended. One reader per stream at a time. A piece is valid until the
   * next one is requested.
   */
  read(stream: LogStream, offset: number, signal?: AbortSignal): AsyncIterable<StreamPiece>;
  /** Resolves when the supervisor has ended, with the result. Never rejects. */
  readonly exit: Promise<RunExit>;
  /**
   * Ends the playbook and everything that it started: gracefully first, then by SIGKILL. Resolves when nothing
   * is left. Idempotent. Reports each step to `onStep`, one sentence each.
   */
  cancel(onStep?: (step: string) => void): Promise<void>;
}

/** Bytes as written, or what is left out in their place: the next piece begins behind it. */
export type StreamPiece = Uint8Array | LogGap;

/** How a process ended. More than one of the flags may be true. */
export interface RunExit {
  /** Exit code of ansible-playbook; null when a signal ended it or it is unknown. */
  readonly exitCode: number | null;
  /** E.g. "SIGKILL"; null when it ended by itself. */
  readonly signal: string | null;
  readonly isCanceled: boolean;
  readonly isTimedOut: boolean;
  /** It vanished without a trace of its result. */
  readonly isLost: boolean;
  /** Why, in a sentence, if the exit code does not say it; null otherwise. */
  readonly reason: string | null;
  readonly finishedAt: Date;
}

/** The playbook was not started; the message says why. */
export class RunRefusedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RunRefusedError';
  }
}
