import type { RunExit, Runner, RunProcess, RunRequest, Workspace } from '../../server/runner/runner.ts';

/** A runner without processes: notes what it is asked for; what it has started goes on until `end`. */
export interface FakeRunner extends Runner {
  readonly calls: string[];
  /** Ids of what is ready, and of what goes on. */
  readonly armed: Set<string>;
  readonly running: Map<string, RunRequest>;
  end(runId: string, exit?: Partial<RunExit>): void;
}

const EXIT: RunExit = {
  exitCode: 0,
  signal: null,
  isCanceled: false,
  isTimedOut: false,
  isLost: false,
  reason: null,
  finishedAt: new Date('2026-11-23T12:05:00.000Z'),
};

export const WORKSPACE: Workspace = {
  root: '/playbooks',
  folder: '/playbooks',
  workingFolder: '',
  ansibleConfig: null,
  environment: {},
  notice: null,
};

export function createFakeRunner(): FakeRunner {
  const ends = new Map<string, (exit: RunExit) => void>();
  const running = new Map<string, RunRequest>();
  const armed = new Set<string>();
  const calls: string[] = [];
  const end = (runId: string, exit: Partial<RunExit> = {}) => {
    running.delete(runId);
    ends.get(runId)?.({ ...EXIT, ...exit });
  };
  return {
    calls,
    armed,
    running,
    end,
    workspaceOf: () => WORKSPACE,
    filesOf: async () => [],
    prepare: () => undefined,
    arm({ runId }) {
      calls.push('arm');
      armed.add(runId);
    },
    async disarm(runId) {
      if (armed.delete(runId)) calls.push('disarm');
    },
    start(request): RunProcess {
      const { runId } = request;
      calls.push(armed.delete(runId) ? 'start what is ready' : 'start');
      running.set(runId, request);
      const exit = new Promise<RunExit>((resolve) => ends.set(runId, resolve));
      return {
        runId,
        startedAt: new Date(),
        exit,
        // biome-ignore lint/correctness/useYield: it writes nothing, and ends with the run
        async *read() {
          await exit;
        },
        cancel: async () => end(runId, { exitCode: null, isCanceled: true }),
      };
    },
    reattach: async () => ({ kind: 'notStarted' }),
    listSpooled: async () => [],
    isSupervised: async () => false,
    discard: async () => undefined,
    version: async () => null,
    close: async () => undefined,
  };
}
