import { execFile } from 'node:child_process';
import { accessSync, constants, writeFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../domain/caught.ts';
import { ansibleArguments, extraVarsFile } from './ansible-arguments.ts';
import { baseEnvironment } from './environment.ts';
import { lostExit } from './exit.ts';
import { followFile } from './follower.ts';
import { killAll } from './killing.ts';
import { createLauncher, wakeSupervisor } from './launcher.ts';
import { isRunning, readBootId } from './process-tree.ts';
import { type Reattached, type Runner, type RunProcess, RunRefusedError, type RunRequest } from './runner.ts';
import { listSpools, type Spool, spoolOf } from './spool.ts';
import { readSupervisorSoon, supervise, untilGone } from './supervised-run.ts';
import { createWorkspaces } from './workspace.ts';

export interface AnsibleRunnerOptions {
  /** Program to run; may be any that takes ansible-playbook's arguments. */
  readonly ansiblePlaybook: string;
  /** Absolute, without symbolic links. */
  readonly playbooksDir: string;
  /** Absolute. */
  readonly dataDir: string;
  /** Names, and patterns of names, of variables of the server that playbooks see beside those that Ansible reads itself. */
  readonly passEnv?: readonly string[];
  /** How long a playbook that is asked to end may take before it is killed, in ms. */
  readonly cancelGraceMs?: number;
  onWarning(message: string): void;
}

/** How long a supervisor that exists may take to write its id, or to end when it is woken for that. */
const START_TIMEOUT_MS = 5_000;
const VERSION_TIMEOUT_MS = 20_000;

export function createAnsibleRunner(options: AnsibleRunnerOptions): Runner {
  const runsDir = join(options.dataDir, 'runs');
  const closing = new AbortController();
  let version: Promise<string | null> | null = null;

  const shared = { cancelGraceMs: options.cancelGraceMs, closing: closing.signal, warn };

  const base = baseEnvironment(process.env, options.passEnv ?? [], options.onWarning);
  const launcher = createLauncher({ runsDir, cwd: options.playbooksDir, env: base.variables });
  const workspaceOf = createWorkspaces({
    playbooksDir: options.playbooksDir,
    ownHome: join(options.dataDir, 'home'),
    base,
  });

  function prepareCommand(spool: Spool, { parameters, playbook, workspace }: RunRequest): string[] {
    const { extraVarsJson } = parameters;
    const text = extraVarsJson === null ? null : extraVarsFile(extraVarsJson);
    const extraVars = text === null ? null : spool.extraVarsPath;
    if (text !== null) writeFileSync(spool.extraVarsPath, text, { mode: 0o600 });
    const words = [
      workspace.path,
      workspace.notice ?? '',
      ...Object.entries(workspace.environment).map(([name, value]) => `${name}=${value}`),
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
    const supervised = { spool, runId, startedAt, timeoutMs, ...shared };
    if (!ready) return supervise({ ...supervised, gone: launch(spool, request) });
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
    return supervise({ ...supervised, gone });
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

  return {
    workspaceOf: (playbook, { workingFolder }) => workspaceOf(playbook, workingFolder),

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
      const supervised = { spool, runId, startedAt, ...shared };
      if (supervisor && (await isRunning(supervisor))) {
        return {
          kind: 'attached',
          process: supervise({
            ...supervised,
            timeoutMs: request?.timeoutMs ?? null,
            gone: untilGone(supervisor, closing.signal),
          }),
        };
      }
      if (spool.readStatus() || spool.readEnding()) {
        return {
          kind: 'attached',
          process: supervise({ ...supervised, timeoutMs: null, gone: Promise.resolve() }),
        };
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

async function isReadable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}
