import { InvalidInputError } from '../domain/errors.ts';
import type { Drift } from '../domain/results/drift.ts';
import type { HostResult } from '../domain/results/host-result.ts';
import type { HostCounts, ResultStatus } from '../domain/results/result-event.ts';
import type { Failure } from '../domain/results/run-failures.ts';
import type { PlayResult } from '../domain/results/run-results.ts';
import type { HostRecap, TaskResult } from '../domain/results/task-rows.ts';
import type { RunSummary } from '../domain/runs/run.ts';
import { builder } from './builder.ts';
import { connectionOf, pageComplexity } from './connections.ts';
import { localId } from './ids.ts';
import { RunRef } from './refs.ts';
import { nextTurn } from './turns.ts';

/** The real numbers are unknown before the query runs, so complexity uses estimates. */
const HOSTS_GUESSED = 20;
const TASKS_GUESSED = 20;
/** What reading the results of a run costs, besides what is shown of them. */
const READ_COST = 10;
/** Length of a row of counts in the response, besides its host. */
const COUNTS_LENGTH = 120;
const MAX_FAILURES = 1_000;

const ResultStatusEnum = builder.enumType('ResultStatus', {
  values: {
    OK: { value: 'ok' },
    CHANGED: { value: 'changed' },
    SKIPPED: { value: 'skipped' },
    FAILED: { value: 'failed' },
    UNREACHABLE: { value: 'unreachable' },
    RESCUED: { value: 'rescued', description: 'Failed, in a block whose `rescue` took over.' },
    IGNORED: { value: 'ignored', description: 'Failed or unreachable, which the task ignores.' },
  } as const satisfies Record<string, { value: ResultStatus; description?: string }>,
});

type CountFields<T> = PothosSchemaTypes.ObjectFieldBuilder<(typeof builder)['$inferSchemaTypes'], T>;

function countFields<T extends HostCounts>(t: CountFields<T>) {
  return {
    ok: t.int({ resolve: (counts) => counts.ok }),
    changed: t.int({ resolve: (counts) => counts.changed }),
    unreachable: t.int({ resolve: (counts) => counts.unreachable }),
    failed: t.int({ resolve: (counts) => counts.failed }),
    skipped: t.int({ resolve: (counts) => counts.skipped }),
    rescued: t.int({ resolve: (counts) => counts.rescued }),
    ignored: t.int({ resolve: (counts) => counts.ignored }),
  };
}

const ResultCountsRef = builder.objectRef<HostCounts>('ResultCounts').implement({
  description: 'Counts as in PLAY RECAP, of all hosts together.',
  fields: (t) => countFields(t),
});

const HostRecapRef = builder.objectRef<HostRecap>('HostRecap').implement({
  description: 'Counts as in PLAY RECAP: `ok` includes those that changed something or were ignored.',
  fields: (t) => ({ host: t.exposeString('host'), ...countFields(t) }),
});

interface ShownResult extends HostResult {
  readonly runId: string;
}

const HostResultRef = builder.objectRef<ShownResult>('HostResult').implement({
  fields: (t) => ({
    host: t.exposeString('host'),
    play: t.exposeString('play'),
    task: t.exposeString('task'),
    action: t.exposeString('action', {
      description: 'Fully qualified where it could be resolved, e.g. ansible.builtin.copy.',
    }),
    status: t.expose('status', { type: ResultStatusEnum }),
    item: t.exposeString('item', {
      nullable: true,
      description: 'Label of the loop item; null: not an item.',
    }),
    message: t.exposeString('message', {
      nullable: true,
      description: 'Of a failure, its cause, without what Ansible wraps around it.',
    }),
    diff: t.string({
      nullable: true,
      description: 'Unified diff; null: none. Cut at 64 KiB, with a line that says so.',
      resolve: ({ runId, diffLines }, _args, { actor, services, answerOf }, info) =>
        diffLines === null
          ? null
          : answerOf(info).read(
              () => services.results.diff(actor, runId, diffLines),
              (diff) => diff.length,
              'short',
            ),
    }),
    file: t.exposeString('file', {
      nullable: true,
      description: 'File of the task, relative to the playbook folder where it lies inside.',
    }),
    line: t.exposeInt('line', { nullable: true }),
    startedAt: t.expose('startedAt', { type: 'DateTime', nullable: true }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true }),
    logLine: t.exposeInt('logLine', {
      nullable: true,
      description: 'The last line of the log that this result printed.',
    }),
  }),
});

const FailureRef = builder.objectRef<Failure>('Failure').implement({
  description: 'The same failure on many hosts is one.',
  fields: (t) => ({
    hosts: t.exposeStringList('hosts', {
      description: 'In the order in which they failed. Empty: the run itself failed, and no task says why.',
    }),
    task: t.exposeString('task', { description: '"" where the run itself failed.' }),
    message: t.exposeString('message', { description: 'The cause, at most 1,000 characters.' }),
    file: t.exposeString('file', { nullable: true }),
    line: t.exposeInt('line', { nullable: true }),
    logLine: t.exposeInt('logLine', { nullable: true, description: 'Of the first of its hosts.' }),
    status: t.field({ type: ResultStatusEnum, resolve: ({ status }) => status }),
  }),
});

const TaskResultRef = builder.objectRef<TaskResult>('TaskResult').implement({
  fields: (t) => ({
    name: t.exposeString('name'),
    file: t.exposeString('file', { nullable: true }),
    line: t.exposeInt('line', { nullable: true }),
    startedAt: t.expose('startedAt', { type: 'DateTime' }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When its newest result came; null: none has come yet.',
    }),
    logLine: t.exposeInt('logLine', { nullable: true, description: 'Its heading in the log.' }),
    counts: t.field({ type: ResultCountsRef, resolve: ({ counts }) => counts }),
    hosts: t.field({
      type: [HostRecapRef],
      complexity: { field: 1, multiplier: HOSTS_GUESSED },
      description: 'What became of it on each host that reported.',
      resolve: (task, _args, { answerOf }, info) =>
        answerOf(info).read(
          async () => task.hosts,
          (rows) => rows.reduce((sum, { host }) => sum + host.length + COUNTS_LENGTH, 0),
          'short',
        ),
    }),
  }),
});

const PlayResultRef = builder.objectRef<PlayResult>('PlayResult').implement({
  fields: (t) => ({
    name: t.exposeString('name'),
    tasks: t.expose('tasks', { type: [TaskResultRef], complexity: { field: 1, multiplier: TASKS_GUESSED } }),
  }),
});

const DriftRef = builder.objectRef<Drift>('Drift').implement({
  fields: (t) => ({
    hosts: t.exposeStringList('hosts', { description: 'Those on which something would change.' }),
    changes: t.exposeInt('changes', { description: 'Results that would change something.' }),
    notChecked: t.exposeInt('notChecked', {
      description: 'Tasks that check mode cannot judge (command, shell and the like).',
    }),
    reallyRun: t.exposeInt('reallyRun', { description: 'Tasks with `check_mode: false`: these ran.' }),
  }),
});

const HostResultFilterInput = builder.inputType('HostResultFilter', {
  fields: (t) => ({
    host: t.string(),
    status: t.field({ type: [ResultStatusEnum], description: 'Any of these.' }),
    task: t.string({ description: 'Its name.' }),
  }),
});

const HostResultConnectionRef = builder.connectionObject(
  { type: HostResultRef, name: 'HostResultConnection' },
  { name: 'HostResultEdge' },
);

const shown = (run: RunSummary) => (result: HostResult) => ({ ...result, runId: run.id });

builder.objectFields(RunRef, (t) => ({
  recap: t.field({
    type: [HostRecapRef],
    complexity: { field: READ_COST, multiplier: HOSTS_GUESSED },
    description:
      'Per host, as in PLAY RECAP; grows while it runs. Empty: no play began, or our plugin could not be loaded (`resultsProblem` says why).',
    resolve: (run, _args, { actor, services, answerOf }, info) =>
      answerOf(info).read(
        () => services.results.recap(actor, run),
        (rows) => rows.reduce((sum, { host }) => sum + host.length + COUNTS_LENGTH, 0),
        'short',
      ),
  }),
  resultsProblem: t.string({
    nullable: true,
    complexity: READ_COST,
    description: 'Why there are no results, or not all, in a sentence; null: there is nothing to say.',
    resolve: async (run, _args, { actor, services }) => {
      await nextTurn();
      return services.results.problem(actor, run);
    },
  }),
  failures: t.field({
    type: [FailureRef],
    args: { first: t.arg.int({ defaultValue: 20, description: '1 to 1,000.' }) },
    complexity: ({ first }) => ({ field: READ_COST, multiplier: Math.max(1, first ?? 20) }),
    description:
      'What went wrong and was neither rescued nor ignored, in the order in which it happened; the same failure on many hosts is one entry. Where the run itself failed (it could not begin, was lost, or reached its time limit), the last one says so. Filled while it runs.',
    resolve: (run, { first }, { actor, services, answerOf }, info) => {
      const limit = first ?? 20;
      if (limit < 1 || limit > MAX_FAILURES) {
        const message = `"first" is ${limit}; expected 1 to ${MAX_FAILURES}.`;
        throw new InvalidInputError([{ path: ['first'], message, position: null }]);
      }
      return answerOf(info).read(
        async () => (await services.results.failures(actor, run)).slice(0, limit),
        (failures) =>
          failures.reduce(
            (sum, { message, hosts }) =>
              sum + message.length + hosts.reduce((all, host) => all + host.length + 3, 0),
            0,
          ),
        'short',
      );
    },
  }),
  results: t.connection(
    {
      type: HostResultRef,
      complexity: pageComplexity,
      args: { filter: t.arg({ type: HostResultFilterInput }) },
      description:
        'One for each host and task, and for each item of a loop that failed or changed; in the order of the log.',
      resolve: (run, { filter, ...args }, { actor, services }) => {
        const wanted = {
          host: filter?.host ?? undefined,
          status: filter?.status ?? undefined,
          task: filter?.task ?? undefined,
        };
        return connectionOf(
          args,
          async (page) => {
            const { items, hasMore } = await services.results.list(actor, run, wanted, page);
            return { items: items.map(({ node, cursor }) => ({ node: shown(run)(node), cursor })), hasMore };
          },
          () => services.results.count(actor, run, wanted),
        );
      },
    },
    HostResultConnectionRef,
  ),
  plays: t.field({
    type: [PlayResultRef],
    complexity: { field: READ_COST, multiplier: 1 },
    description: 'Plays and their tasks in the order in which they began, with how long they took.',
    resolve: async (run, _args, { actor, services }) => {
      await nextTurn();
      return services.results.plays(actor, run);
    },
  }),
  ansibleVersion: t.string({
    nullable: true,
    complexity: READ_COST,
    description: 'Of ansible-core, which ran it; null: unknown.',
    resolve: async (run, _args, { actor, services }) => {
      await nextTurn();
      return (await services.results.begin(actor, run))?.ansibleVersion ?? null;
    },
  }),
  command: t.stringList({
    complexity: READ_COST,
    description:
      'The program and its arguments as they were started, without secrets: these are in files. Empty: unknown.',
    resolve: async (run, _args, { actor, services }) => {
      await nextTurn();
      return (await services.results.begin(actor, run))?.command ?? [];
    },
  }),
  drift: t.field({
    type: DriftRef,
    nullable: true,
    complexity: READ_COST,
    description: 'Of a run in check mode: what would change. Null: it was none.',
    resolve: async (run, _args, { actor, services }) => {
      await nextTurn();
      return services.results.drift(actor, run);
    },
  }),
}));

builder.subscriptionField('runResults', (t) =>
  t.field({
    type: [HostResultRef],
    description:
      'Results as they come, from `after` on (how many one holds), without a gap or a repeat; `complete` once the run has ended and the last one has been sent.',
    args: { runId: t.arg.id({ required: true }), after: t.arg.int({ defaultValue: 0 }) },
    subscribe: async (_root, { runId, after }, { actor, services }) => {
      const id = localId('Run', runId);
      return withRun(id, await services.results.tail(actor, id, after ?? 0));
    },
    resolve: (results: ShownResult[]) => results,
  }),
);

/** Ends the source, too, when it is ended while it waits. */
function withRun(
  runId: string,
  source: AsyncGenerator<HostResult[], void, undefined>,
): AsyncIterableIterator<ShownResult[]> {
  return {
    async next() {
      const { done, value } = await source.next();
      return done
        ? { done, value: undefined }
        : { done: false, value: value.map((one) => ({ ...one, runId })) };
    },
    async return() {
      await source.return();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
