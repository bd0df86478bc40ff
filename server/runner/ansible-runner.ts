import { execFile } from 'node:child_process';
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { access, rm } from 'node:fs/promises';
import { constants as osConstants } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../domain/caught.ts';
import { ansibleArguments, ansibleEnvironment, extraVarsFile } from './ansible-command.ts';
import { followFile } from './follower.ts';
import { createLauncher, wakeSupervisor } from './launcher.ts';
import { findRunProcesses, isRunning, readBootId, signal } from './process-tree.ts';
import {
  type Reattached,
  type RunExit,
  type Runner,
  type RunProcess,
  RunRefusedError,
  type RunRequest,
} from './runner.ts';
import {
  type Ending,
  listSpools,
  type Spool,
  type SpoolStatus,
  type SupervisorId,
  spoolOf,
} from './spool.ts';

export interface AnsibleRunnerOptions {
  /** Program to run; may be any that takes ansible-playbook's arguments. */
  readonly ansiblePlaybook: string;
  /** Absolute, without symbolic links. */
  readonly playbooksDir: string;
  /** Absolute. */
  readonly dataDir: string;
  /** How long a playbook that is asked to end may take before it is killed, in ms. */
  readonly cancelGraceMs?: number;
  onWarning(message: string): void;
}

const CANCEL_GRACE_MS = 5_000;
/** Between two looks at processes that are not our children: after a restart, and while killing. */
const LOOK_MS = 100;
/** After so many rounds of SIGKILL what is left cannot be killed (it waits in the kernel, or is another user's). */
const MAX_KILL_ROUNDS = 100;
/** How long a supervisor that exists may take to write its id. */
const START_TIMEOUT_MS = 5_000;
/** After so long an end that failed (no file can be opened) is tried again. */
const END_AGAIN_MS = 5_000;
const VERSION_TIMEOUT_MS = 20_000;
const MAX_TIMER_MS = 2 ** 31 - 1;

export function createAnsibleRunner(options: AnsibleRunnerOptions): Runner {
  const runsDir = join(options.dataDir, 'runs');
  const closing = new AbortController();
  let version: Promise<string | null> | null = null;

  const env = ansibleEnvironment(process.env, options);
  const launcher = createLauncher({ runsDir, cwd: options.playbooksDir, env });

  function prepareCommand(spool: Spool, { parameters, playbook }: RunRequest): string[] {
    const hasExtraVars = parameters.extraVars !== null && Object.keys(parameters.extraVars).length > 0;
    const paths = {
      playbooksDir: options.playbooksDir,
      dataDir: options.dataDir,
      extraVars: hasExtraVars ? spool.extraVarsPath : null,
    };
    if (parameters.extraVars && hasExtraVars) {
      writeFileSync(spool.extraVarsPath, extraVarsFile(parameters.extraVars), { mode: 0o600 });
    }
    mkdirSync(env.TMPDIR, { recursive: true, mode: 0o700 });
    const words = [options.ansiblePlaybook, ...ansibleArguments(playbook, parameters, paths)];
    if (words.some((word) => word.includes('\n'))) throw new Error('a path or an argument holds a line feed');
    return words;
  }

  /** Why nothing can be run; null when something can, as far as can be told without running it. */
  function programProblem(): string | null {
    if (!isAbsolute(options.ansiblePlaybook)) return null;
    try {
      accessSync(options.ansiblePlaybook, constants.X_OK);
      return null;
    } catch {
      return `"${options.ansiblePlaybook}" is not there or cannot be executed; install Ansible or set SIBLE_ANSIBLE_PLAYBOOK.`;
    }
  }
  const missing = programProblem();
  if (missing) options.onWarning(missing);

  /** Supervisors that wait for their request; each resolves when it has ended. */
  const armed = new Map<string, Promise<void>>();

  /** @throws {RunRefusedError} */
  function launch(spool: Spool, request: RunRequest): Promise<void> {
    const problem = programProblem();
    if (problem) throw new RunRefusedError(problem);
    try {
      spool.create();
      return launcher.launch(request.runId, prepareCommand(spool, request));
    } catch (error) {
      throw refused(error);
    }
  }

  function start(request: RunRequest): RunProcess {
    const { runId, timeoutMs } = request;
    const spool = spoolOf(runsDir, runId);
    const startedAt = new Date();
    const ready = armed.get(runId);
    armed.delete(runId);
    try {
      spool.create();
      spool.fill({ startedAt: startedAt.toISOString(), timeoutMs });
    } catch (error) {
      throw refused(error);
    }
    if (!ready) return supervise(spool, runId, startedAt, timeoutMs, launch(spool, request));
    launcher.wake(runId);
    const gone = ready.then(async () => {
      // somebody killed it while it slept; who makes the file `started` decides that nothing runs twice
      if (spool.isStarted() || spool.readEnding() !== null) return;
      try {
        await launch(spool, request);
      } catch (error) {
        warn(`Starting run ${runId} again`, error);
      }
    });
    return supervise(spool, runId, startedAt, timeoutMs, gone);
  }

  async function disarm(runId: string): Promise<void> {
    const ready = armed.get(runId);
    armed.delete(runId);
    if (ready) {
      launcher.wake(runId);
      // a supervisor that is about to sleep must still find its folder, or nobody could find it
      await ready;
    }
    await discard(runId);
  }

  async function discard(runId: string): Promise<void> {
    const spool = spoolOf(runsDir, runId);
    // one that sleeps would sleep for ever
    if (!spool.isStarted() && (await spool.exists())) {
      await spool.giveUpStart();
      wakeSupervisor(spool);
    }
    await spool.remove();
  }

  /** @param gone resolves when the supervisor has ended */
  function supervise(
    spool: Spool,
    runId: string,
    startedAt: Date,
    timeoutMs: number | null,
    gone: Promise<unknown>,
  ): RunProcess {
    let isGone = false;
    let isOver = false;
    /** Why it is ended; kept here too, since a full disk takes no note of it. */
    let asked: Ending | null = null;
    let ending: Promise<void> | null = null;
    const supervisorGone = gone.then(() => {
      isGone = true;
    });

    const end = (why: Ending, onStep?: (step: string) => void): Promise<void> => {
      asked ??= why;
      ending ??= endRun(asked, onStep ?? (() => undefined)).catch((error: unknown) => {
        // who asks again is not answered with this failure
        ending = null;
        throw error;
      });
      return ending;
    };

    async function endRun(why: Ending, onStep: (step: string) => void): Promise<void> {
      await spool.markEnding(why).catch((error: unknown) => warn(`Noting that run ${runId} is ended`, error));
      // one of which nothing can be read is found with all the others
      const supervisor = await readSupervisorSoon(
        spool,
        Promise.race([supervisorGone, delay(START_TIMEOUT_MS, undefined, { ref: false })]),
      );
      if (supervisor && !isGone) {
        onStep('SIGTERM to ansible-playbook');
        // to the supervisor, which passes it on to the playbook alone: so Ansible can end its workers itself
        signal(supervisor.pid, 'SIGTERM');
        await Promise.race([
          supervisorGone,
          delay(options.cancelGraceMs ?? CANCEL_GRACE_MS, undefined, { ref: false }),
        ]);
      }
      await killAll(runId, onStep);
      await supervisorGone;
    }

    const endInTime = (ms: number): { cancel(): void } =>
      startTimer(ms, () => {
        end('timedOut').catch((error: unknown) => {
          warn(`Ending run ${runId}`, error);
          if (!isOver) timer = endInTime(END_AGAIN_MS);
        });
      });
    let timer = timeoutMs === null ? null : endInTime(startedAt.getTime() + timeoutMs - Date.now());

    async function readExit(): Promise<RunExit> {
      await supervisorGone;
      // what was ended on purpose has ended when nothing of it is left
      await ending?.catch((error: unknown) => warn(`Ending run ${runId}`, error));
      const [status, why] = [spool.readStatus(), spool.readEnding() ?? asked];
      const exit = status || why ? describeExit(status, why, timeoutMs) : await exitWithoutStatus();
      // ended by an earlier server, or killed from outside: what it had started goes on without anybody who would wait for it
      if (!ending && (why !== null || exit.signal !== null || exit.isLost))
        await killAll(runId, () => undefined);
      await rm(spool.extraVarsPath, { force: true });
      return exit;
    }
    async function exitWithoutStatus(): Promise<RunExit> {
      if (!(await spool.exists()))
        return lostExit('Its spool folder was removed while it ran, and with it what is known of its end.');
      if (spool.readSupervisor() === null || !spool.isStarted()) return notStartedExit();
      return describeExit(null, null, timeoutMs);
    }
    const exit = readExit()
      .catch((error: unknown): RunExit => {
        warn(`Reading how run ${runId} ended`, error);
        return lostExit(`How it ended cannot be read: ${messageOf(error)}.`);
      })
      .finally(() => {
        isOver = true;
        timer?.cancel();
      });

    return {
      runId,
      startedAt,
      exit,
      output: (offset, abort) =>
        followFile(
          spool.outputPath,
          offset,
          exit,
          abort ? AbortSignal.any([abort, closing.signal]) : closing.signal,
        ),
      cancel: (onStep) => end('canceled', onStep),
    };
  }

  return {
    arm(request) {
      armed.set(request.runId, launch(spoolOf(runsDir, request.runId), request));
    },

    disarm,
    start,

    prepare(runId) {
      spoolOf(runsDir, runId).create();
    },

    async reattach(runId): Promise<Reattached> {
      const spool = spoolOf(runsDir, runId);
      if (!(await spool.exists()))
        return lost(spool, runId, 'Its spool folder is gone, and with it what is known of it.');
      if (await spool.giveUpStart()) {
        wakeSupervisor(spool);
        await spool.remove();
        return { kind: 'notStarted' };
      }
      const request = spool.readRequest();
      const supervisor = await readSupervisorSoon(spool, delay(START_TIMEOUT_MS));
      const startedAt = request ? new Date(request.startedAt) : new Date();
      if (supervisor && (await isRunning(supervisor))) {
        return {
          kind: 'attached',
          process: supervise(
            spool,
            runId,
            startedAt,
            request?.timeoutMs ?? null,
            untilGone(supervisor, closing.signal),
          ),
        };
      }
      if (spool.readStatus() || spool.readEnding()) {
        return { kind: 'attached', process: supervise(spool, runId, startedAt, null, Promise.resolve()) };
      }
      const isOldBoot = supervisor !== null && supervisor.bootId !== (await readBootId());
      return lost(
        spool,
        runId,
        isOldBoot
          ? 'The machine was restarted while it ran.'
          : `Its supervisor${supervisor ? ` (process ${supervisor.pid})` : ''} is gone and left no exit status; somebody killed it.`,
      );
    },

    listSpooled: () => listSpools(runsDir),
    discard,

    version() {
      version ??= readVersion(options.ansiblePlaybook);
      return version;
    },

    async close() {
      closing.abort();
      await Promise.race([
        Promise.all([...armed.keys()].map(disarm)),
        delay(START_TIMEOUT_MS, undefined, { ref: false }),
      ]);
      launcher.close();
    },
  };

  function warn(what: string, error: unknown): void {
    options.onWarning(`${what} failed: ${messageOf(error)}`);
  }

  async function lost(spool: Spool, runId: string, reason: string): Promise<Reattached> {
    await killAll(runId, () => undefined);
    const exit = lostExit(reason);
    const isThere = await isReadable(spool.outputPath);
    const process: RunProcess = {
      runId,
      startedAt: new Date(),
      exit: Promise.resolve(exit),
      output: (offset, abort) =>
        isThere ? followFile(spool.outputPath, offset, Promise.resolve(), abort) : nothing(),
      cancel: async () => undefined,
    };
    return { kind: 'lost', reason, process };
  }
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}

/** SIGKILL to all that carry the run's marker, until two looks in a row find nothing: a process may fork while it is looked for. */
async function killAll(runId: string, onStep: (step: string) => void): Promise<void> {
  let killed = 0;
  let emptyLooks = 0;
  for (let round = 0; emptyLooks < 2 && round < MAX_KILL_ROUNDS; round += 1) {
    const pids = await findRunProcesses(runId);
    for (const pid of pids) signal(pid, 'SIGKILL');
    killed += round === 0 ? pids.length : 0;
    emptyLooks = pids.length === 0 ? emptyLooks + 1 : 0;
    if (pids.length > 0) await delay(LOOK_MS / 5);
  }
  if (killed > 0) onStep(`SIGKILL to ${killed} processes that were left`);
}

/** The supervisor's id, which it writes within milliseconds; null when it ends, or time is up, before. */
async function readSupervisorSoon(spool: Spool, until: Promise<unknown>): Promise<SupervisorId | null> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  until.then(over, over);
  for (;;) {
    const wasOver = isOver;
    const supervisor = spool.readSupervisor();
    if (supervisor || wasOver || spool.readStatus()) return supervisor;
    await delay(10);
  }
}

/** Resolves when a process that is not our child has ended. Never, once `abort` is aborted. */
async function untilGone(supervisor: SupervisorId, abort: AbortSignal): Promise<void> {
  // what cannot be looked at may be there
  while (await isRunning(supervisor).catch(() => true)) {
    await delay(LOOK_MS, undefined, { ref: false });
    if (abort.aborted) await new Promise(() => undefined);
  }
}

function describeExit(status: SpoolStatus | null, why: Ending | null, timeoutMs: number | null): RunExit {
  const signalName = status ? signalOf(status.code) : null;
  const exitCode = status && signalName === null ? status.code : null;
  const base = {
    exitCode,
    signal: signalName,
    isCanceled: why === 'canceled',
    isTimedOut: why === 'timedOut',
    isLost: false,
  };
  const finishedAt = status?.at ?? new Date();
  if (why === 'canceled') return { ...base, finishedAt, reason: 'Canceled on request.' };
  if (why === 'timedOut') {
    const limit = timeoutMs === null ? 'its time limit' : `its limit of ${timeoutMs / 1_000} s`;
    return { ...base, finishedAt, reason: `It took longer than ${limit} and was ended.` };
  }
  if (status === null) return lostExit('Its supervisor was killed and left no exit status.');
  return {
    ...base,
    finishedAt,
    reason: status.wasFull
      ? 'The disk was full: what it printed may not all be here.'
      : signalName
        ? `It was killed by ${signalName}.`
        : (EXIT_REASONS[status.code] ?? null),
  };
}

/**
 * What ansible-playbook's exit codes say. A play that has both failed and unreachable hosts ends with the code for unreachable,
 * which is the parser's code, too.
 * @see ansible-core 2.19, lib/ansible/errors/__init__.py (ExitCode) and the end of StrategyBase.run in lib/ansible/plugins/strategy
 */
const EXIT_REASONS: Readonly<Record<number, string>> = {
  1: 'Ansible reported an error.',
  2: 'One or more hosts failed.',
  4: 'One or more hosts could not be reached, or the playbook could not be parsed.',
  5: 'Ansible did not accept its options.',
  99: 'It was interrupted.',
  126: 'ansible-playbook could not be executed.',
  127: 'ansible-playbook was not found, or the interpreter that it names.',
  250: 'Ansible met an unexpected error.',
};

/** A shell gives 128 + n for signal n; Ansible itself has no code in that range. */
function signalOf(code: number): string | null {
  if (code <= 128) return null;
  const found = Object.entries(osConstants.signals).find(([, number]) => number === code - 128);
  return found?.[0] ?? null;
}

function refused(error: unknown): RunRefusedError {
  return new RunRefusedError(`The playbook could not be started: ${messageOf(error)}.`);
}

function lostExit(reason: string): RunExit {
  return {
    exitCode: null,
    signal: null,
    isCanceled: false,
    isTimedOut: false,
    isLost: true,
    reason,
    finishedAt: new Date(),
  };
}

function notStartedExit(): RunExit {
  const reason =
    'It was not started: its supervisor did not begin. The machine may have no process or memory left.';
  return { ...lostExit(reason), isLost: false };
}

function startTimer(ms: number, onTime: () => void): { cancel(): void } {
  let timer: NodeJS.Timeout;
  const at = Date.now() + ms;
  const arm = () => {
    const left = at - Date.now();
    timer = setTimeout(left > MAX_TIMER_MS ? arm : onTime, Math.min(Math.max(left, 0), MAX_TIMER_MS));
    timer.unref();
  };
  arm();
  return { cancel: () => clearTimeout(timer) };
}

function readVersion(program: string): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(program, ['--version'], { timeout: VERSION_TIMEOUT_MS, maxBuffer: 65_536 }, (error, stdout) => {
      // "ansible-playbook [core 2.19.4]"; any other program has a version that we cannot read
      resolve(error ? null : (/\[core ([^\]]{1,40})\]/.exec(stdout)?.[1] ?? null));
    });
  });
}

async function isReadable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}
