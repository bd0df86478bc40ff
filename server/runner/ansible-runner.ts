import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../domain/caught.ts';
import { clip } from '../domain/errors.ts';
import type { RunnerTimings } from '../timings.ts';
import { ansibleArguments } from './ansible/ansible-arguments.ts';
import { baseEnvironment } from './ansible/environment.ts';
import { reasonOf } from './ansible/exit-reason.ts';
import { extraVarsFile } from './ansible/extra-vars-file.ts';
import { NO_FACTS, type RunFacts, readRunFacts } from './ansible/run-facts.ts';
import { createWorkspaces } from './ansible/workspace.ts';
import { createCgroups } from './process/cgroup.ts';
import { lostExit } from './process/exit.ts';
import { followFile } from './process/follower.ts';
import { killAll } from './process/killing.ts';
import { createLauncher, type Launch, type LaunchEnd } from './process/launcher.ts';
import {
  findRunProcesses,
  findSupervisor,
  isSupervisor,
  type ProcessId,
  readBootId,
  signal,
} from './process/process-tree.ts';
import { createSpools, type Spool } from './process/spool.ts';
import { supervise, untilGone } from './process/supervised-run.ts';
import { type Reattached, type Runner, type RunProcess, RunRefusedError, type RunRequest } from './runner.ts';

export interface AnsibleRunnerOptions {
  /** Program to run; may be any that takes ansible-playbook's arguments. */
  readonly ansiblePlaybook: string;
  /** Absolute, without symbolic links. */
  readonly playbooksDir: string;
  /** Absolute. */
  readonly dataDir: string;
  /** Names, and patterns of names, of variables of the server that playbooks see beside those that Ansible reads itself. */
  readonly passEnv?: readonly string[];
  readonly timings: RunnerTimings;
  /** Folder of the cgroup below which each run gets its own; the server's own when left out, null for none. */
  readonly cgroup?: string | null;
  onWarning(message: string): void;
}

/**
 * Runs that wait ready in a cgroup of their own. While the kernel moves a process into one, for 10 ms, nothing on the machine can
 * fork: the processes of any more runs are watched instead.
 */
const MAX_ARMED_IN_CGROUPS = 50;
/** Of what is found where only folders of runs should be. */
const MAX_NAMED = 5;
const VERSION_TIMEOUT_MS = 20_000;

export function createAnsibleRunner(options: AnsibleRunnerOptions): Runner {
  const { timings } = options;
  const runsDir = join(options.dataDir, 'runs');
  const closing = new AbortController();
  let version: Promise<string | null> | null = null;

  const spools = createSpools(runsDir);
  const cgroups = createCgroups(options.dataDir, options.cgroup);
  const shared = { timings, closing: closing.signal, warn };

  const base = baseEnvironment(process.env, options.passEnv ?? [], options.onWarning);
  const launcher = createLauncher({ spools, cwd: options.playbooksDir, env: base.variables, timings });
  const workspaceOf = createWorkspaces({
    playbooksDir: options.playbooksDir,
    ownHome: join(options.dataDir, 'home'),
    base,
  });

  function prepareCommand(spool: Spool, request: RunRequest): string[] {
    const { parameters, playbook, workspace } = request;
    const extraVars = request.extraVars === null ? null : spool.extraVarsPath;
    if (request.extraVars !== null) spool.writeExtraVars(request.extraVars);
    const words = [
      workspace.path,
      workspace.notice ?? '',
      ...Object.entries(workspace.environment).map(([name, value]) =>
        value === null ? name : `${name}=${value}`,
      ),
      '--',
      options.ansiblePlaybook,
      ...ansibleArguments(playbook, parameters, { playbooksDir: options.playbooksDir, extraVars }),
    ];
    if (words.some((word) => word.includes('\n')))
      throw new Error('a path, a variable or an argument holds a line feed');
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

  /** Supervisors that wait for their request. */
  const armed = new Map<string, Launch>();

  /** @throws {RunRefusedError} */
  function launch(spool: Spool, request: RunRequest, mayHaveCgroup = true): Launch {
    const problem = programProblem();
    if (problem) throw new RunRefusedError(problem);
    try {
      spool.create();
      const words = prepareCommand(spool, request);
      return launcher.launch(request.runId, mayHaveCgroup ? cgroups.create(request.runId) : null, words);
    } catch (error) {
      throw refused(error);
    }
  }

  function start(request: RunRequest): RunProcess {
    const { runId, timeoutMs } = request;
    const spool = spools.of(runId);
    const startedAt = new Date();
    const ready = armed.get(runId);
    armed.delete(runId);
    try {
      spool.create();
      spool.fill({ startedAt: startedAt.toISOString(), timeoutMs });
    } catch (error) {
      throw refused(error);
    }
    let launched = ready ?? launch(spool, request);
    if (ready) launcher.wake(runId);
    /** Why it is ended; a supervisor that ended for that is not started again. */
    let isEnding = false;
    const gone = launched.gone.then((end): LaunchEnd | Promise<LaunchEnd> => {
      // somebody killed it while it slept; who makes the file `started` decides that nothing runs twice
      if (!ready || end.hasBegun || isEnding || spool.isStarted()) return end;
      try {
        launched = launch(spool, request);
        return launched.gone;
      } catch (error) {
        warn(`Starting run ${runId} again`, error);
        return end;
      }
    });
    const onEnding = () => {
      isEnding = true;
    };
    return supervise({
      ...of(runId, spool),
      startedAt,
      timeoutMs,
      supervisor: () => launched.supervisor,
      gone,
      endedBefore: null,
      onEnding,
    });
  }

  const of = (runId: string, spool: Spool) => ({
    ...shared,
    runId,
    spool,
    explain: (exitCode: number) => reasonOf(exitCode, factsOf(runId, spool)),
    findCgroup: (supervisor: ProcessId | null) => cgroups.find(runId, supervisor?.pid ?? null),
  });

  /** They only word the reason: the exit status is known without them. */
  function factsOf(runId: string, spool: Spool): RunFacts {
    try {
      return readRunFacts(spool);
    } catch (error) {
      warn(`Reading what is known of run ${runId}`, error);
      return NO_FACTS;
    }
  }

  async function disarm(runId: string): Promise<void> {
    const ready = armed.get(runId);
    armed.delete(runId);
    if (ready) {
      launcher.wake(runId);
      // a supervisor that is about to sleep must still find its folder
      await ready.gone;
      await removeOrWarn(runId);
    } else await discard(runId);
  }

  async function discard(runId: string): Promise<void> {
    const spool = spools.of(runId);
    // one that sleeps would sleep forever
    if (!spool.isStarted() && spool.exists()) {
      spool.giveUpStart();
      await wakeSleeping(runId);
    }
    await removeOrWarn(runId);
  }

  /** What cannot be removed hinders nothing: there is only one run of this id. */
  async function removeOrWarn(runId: string): Promise<void> {
    const spool = spools.of(runId);
    try {
      await spool.remove();
    } catch (error) {
      options.onWarning(
        `The spool folder "${spool.path}" of a run that has ended cannot be removed (${messageOf(error)}); it is tried again when the server starts.`,
      );
    }
    await cgroups.remove(runId);
  }

  async function removeAll(runId: string): Promise<void> {
    await spools.of(runId).remove();
    await cgroups.remove(runId);
  }

  async function wakeSleeping(runId: string): Promise<void> {
    const supervisor = await findSupervisor(runId);
    if (supervisor) signal(supervisor, 'SIGCONT');
  }

  /**
   * Whether the program never ran and never will: nobody has made `started`, and there is no trace of it either, since a
   * playbook can remove that file.
   */
  async function neverStarted(spool: Spool, runId: string): Promise<boolean> {
    if (spool.isStarted() || !spool.giveUpStart()) return false;
    const supervisor = await findSupervisor(runId);
    const others = (await findRunProcesses(runId)).filter(({ pid }) => pid !== supervisor?.pid);
    if (others.length > 0 || spool.readStatus() !== null || spool.hasOutput()) return false;
    if (supervisor) signal(supervisor, 'SIGCONT');
    return true;
  }

  return {
    workspaceOf: (playbook, { workingFolder }) => workspaceOf(playbook, workingFolder),

    async extraVarsOf({ extraVarsJson }) {
      return extraVarsJson === null ? null : extraVarsFile(extraVarsJson);
    },

    arm(request) {
      const mayHaveCgroup = armed.size < MAX_ARMED_IN_CGROUPS;
      armed.set(request.runId, launch(spools.of(request.runId), request, mayHaveCgroup));
    },

    disarm,
    start,

    prepare(runId) {
      spools.of(runId).create();
    },

    async reattach({ runId, startedAt, timeoutMs, isCancelRequested }): Promise<Reattached> {
      const spool = spools.of(runId);
      if (!spool.exists()) return lost(runId, 'Its spool folder is gone, and with it what is known of it.');
      if (await neverStarted(spool, runId)) {
        await removeAll(runId);
        return { kind: 'notStarted' };
      }
      const noted = spool.readSupervisor();
      const supervisor =
        (await findSupervisor(runId)) ?? (noted && (await isSupervisor(noted, runId)) ? noted : null);
      // anybody may have written it: it counts only if it can be true
      const isTrue = {
        canceled: isCancelRequested,
        timedOut: timeoutMs !== null && Date.now() >= startedAt.getTime() + timeoutMs,
      };
      const ending = spool.readEnding();
      const endedBefore = ending !== null && isTrue[ending] ? ending : null;
      const supervised = { ...of(runId, spool), startedAt, endedBefore };
      if (supervisor) {
        return {
          kind: 'attached',
          process: supervise({
            ...supervised,
            timeoutMs,
            supervisor: async () => supervisor,
            gone: untilGone(supervisor, closing.signal),
          }),
        };
      }
      if (spool.readStatus() || endedBefore) {
        return {
          kind: 'attached',
          process: supervise({
            ...supervised,
            timeoutMs: null,
            supervisor: async () => null,
            gone: Promise.resolve(null),
          }),
        };
      }
      const isOldBoot = noted !== null && noted.bootId !== (await readBootId());
      return lost(
        runId,
        isOldBoot
          ? 'The machine was restarted while it ran.'
          : `Its supervisor${noted ? ` (process ${noted.pid})` : ''} is gone and left no exit status; somebody killed it.`,
      );
    },

    async listSpooled() {
      const { ids, others } = await spools.list();
      if (others.length > 0) {
        const named = others.slice(0, MAX_NAMED).map((name) => JSON.stringify(clip(name)));
        options.onWarning(
          `"${runsDir}" holds ${others.length} files or folders that are of no run, and are left: ${named.join(', ')}.`,
        );
      }
      return ids;
    },
    discard,

    version() {
      version ??= readVersion(options.ansiblePlaybook);
      return version;
    },

    async close() {
      closing.abort();
      await Promise.race([
        Promise.all([...armed.keys()].map(disarm)),
        delay(timings.endTimeoutMs, undefined, { ref: false }),
      ]);
      launcher.close();
      spools.close();
      await cgroups.close();
    },
  };

  function warn(what: string, error: unknown): void {
    options.onWarning(`${what} failed: ${messageOf(error)}`);
  }

  async function lost(runId: string, reason: string): Promise<Reattached> {
    await killAll(runId, await cgroups.find(runId, null), null, () => undefined);
    const process: RunProcess = {
      runId,
      startedAt: new Date(),
      exit: Promise.resolve(lostExit(reason)),
      output: (offset, abort) => followFile(spools.of(runId).holdOutput(), offset, Promise.resolve(), abort),
      cancel: async () => undefined,
    };
    return { kind: 'lost', reason, process };
  }
}

function refused(error: unknown): RunRefusedError {
  return new RunRefusedError(`The playbook could not be started: ${messageOf(error)}.`);
}

function readVersion(program: string): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(program, ['--version'], { timeout: VERSION_TIMEOUT_MS, maxBuffer: 65_536 }, (error, stdout) => {
      // "ansible-playbook [core 2.19.4]"; any other program has a version that we cannot read
      resolve(error ? null : (/\[core ([^[\]]{1,40})\]/.exec(stdout)?.[1] ?? null));
    });
  });
}
