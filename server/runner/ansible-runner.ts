import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../domain/caught.ts';
import { clip } from '../domain/errors.ts';
import { limitOf } from '../domain/logs/log-limit.ts';
import type { RunnerTimings } from '../timings.ts';
import { ansibleArguments } from './ansible/ansible-arguments.ts';
import { createAnsibleProgram } from './ansible/ansible-program.ts';
import { baseEnvironment } from './ansible/environment.ts';
import { reasonOf } from './ansible/exit-reason.ts';
import { extraVarsFile } from './ansible/extra-vars-file.ts';
import { isLimitFile, limitFile, requireReadableLimit } from './ansible/limit-file.ts';
import { NO_FACTS, type RunFacts, readRunFacts } from './ansible/run-facts.ts';
import { createWorkspaces } from './ansible/workspace.ts';
import { createCgroups } from './process/cgroup.ts';
import { createDiscarding } from './process/discarding.ts';
import { createLauncher } from './process/launcher.ts';
import { findSupervisor } from './process/process-tree.ts';
import { reattach } from './process/reattaching.ts';
import type { RunContext } from './process/run-context.ts';
import { createSpools, type Spool } from './process/spool.ts';
import { createStarting, type ProgramRun } from './process/starting.ts';
import type { Runner, RunRequest } from './runner.ts';

export interface AnsibleRunnerOptions {
  /** `ansible-playbook`, or a program that accepts its arguments. */
  readonly ansiblePlaybook: string;
  /** Absolute. */
  readonly dataDir: string;
  /**
   * Names and patterns of the server's environment variables that playbooks see, besides those that Ansible
   * itself reads.
   */
  readonly passEnv?: readonly string[];
  /** How much of its output is kept of a run that prints more, in bytes. */
  readonly outputLimit?: number;
  readonly timings: RunnerTimings;
  /** Cgroup folder under which each run gets its own; defaults to the server's own, null: none. */
  readonly cgroup?: string | null;
  onWarning(message: string): void;
}

const DEFAULT_OUTPUT_BYTES = 1_073_741_824;
/** Of the events of one run: some 100,000 results with their differences. */
const EVENT_BYTES = 268_435_456;
/** How many unexpected entries of the runs folder a warning names. */
const MAX_NAMED = 5;

/** Combines what Ansible needs (`ansible/`) with starting and following programs (`process/`). */
export function createAnsibleRunner(options: AnsibleRunnerOptions): Runner {
  const { timings, onWarning } = options;
  const runsDir = join(options.dataDir, 'runs');
  const closing = new AbortController();
  const spools = createSpools(runsDir);
  const cgroups = createCgroups(options.dataDir, options.cgroup);
  const program = createAnsibleProgram(options.ansiblePlaybook, onWarning);
  const base = baseEnvironment(process.env, options.passEnv ?? [], onWarning);
  const workspaceOf = createWorkspaces({ ownHome: join(options.dataDir, 'home'), base });
  const warn = (what: string, error: unknown) => onWarning(`${what} failed: ${messageOf(error)}`);
  const context: RunContext = {
    spools,
    cgroups,
    launcher: createLauncher({ spools, cwd: options.dataDir, env: base.variables, timings }),
    limits: {
      output: limitOf(options.outputLimit ?? DEFAULT_OUTPUT_BYTES),
      events: limitOf(EVENT_BYTES),
    },
    timings,
    closing: closing.signal,
    explain: (runId, spool, exitCode) => reasonOf(exitCode, factsOf(runId, spool)),
    onWarning,
    warn,
  };
  const discarding = createDiscarding(context);
  const starting = createStarting(context, discarding);

  /** The facts only word the reason; the exit status is known without them. */
  function factsOf(runId: string, spool: Spool): RunFacts {
    try {
      return readRunFacts(spool);
    } catch (error) {
      warn(`Reading what is known of run ${runId}`, error);
      return NO_FACTS;
    }
  }

  const programOf = ({
    runId,
    timeoutMs,
    playbook,
    parameters,
    workspace,
    files,
  }: RunRequest): ProgramRun => ({
    runId,
    timeoutMs,
    files,
    check: program.requireExecutable,
    commandIn(spool) {
      const { root, folder, notice, environment } = workspace;
      const forFiles = files.flatMap((file) => {
        const path = spool.pathOf(file.name);
        requireReadableLimit(file, path);
        return file.option === null ? [] : [file.option + path];
      });
      // Ansible takes one limit
      const others = files.some(isLimitFile) ? { ...parameters, limit: null } : parameters;
      const argv = [program.path, ...ansibleArguments(playbook, others, root, forFiles)];
      return { folder, notice, environment, argv };
    },
  });

  return {
    workspaceOf: (root, playbook, { workingFolder }) => workspaceOf(root, playbook, workingFolder),

    async filesOf({ extraVarsJson, limit }, onlyHosts) {
      const content = extraVarsJson === null ? null : await extraVarsFile(extraVarsJson);
      return [
        ...(content === null
          ? []
          : [{ name: 'extra-vars.yml', mode: 0o600, content, option: '--extra-vars=@' }]),
        ...(onlyHosts === null ? [] : [limitFile(onlyHosts, limit)]),
      ];
    },

    prepare: (runId) => spools.of(runId).create(),
    arm: (request) => starting.arm(programOf(request)),
    disarm: starting.disarm,
    start: (request) => starting.start(programOf(request)),
    reattach: (run) => reattach(context, discarding, run),

    async listSpooled() {
      const { ids, others } = await spools.list();
      if (others.length > 0) {
        const named = others.slice(0, MAX_NAMED).map((name) => JSON.stringify(clip(name)));
        onWarning(
          `"${runsDir}" holds ${others.length} files or folders that are of no run, and are left: ${named.join(', ')}.`,
        );
      }
      return ids;
    },

    isSupervised: async (runId) => spools.of(runId).isStarted() && (await findSupervisor(runId)) !== null,
    discard: discarding.discard,
    version: program.version,

    async close() {
      closing.abort();
      await Promise.race([starting.disarmAll(), delay(timings.endTimeoutMs, undefined, { ref: false })]);
      context.launcher.close();
      spools.close();
      await cgroups.close();
    },
  };
}
