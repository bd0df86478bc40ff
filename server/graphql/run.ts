import { InvalidInputError, InvalidStateError, NotFoundError } from '../domain/errors.ts';
import type { LogTime } from '../domain/logs/run-log.ts';
import { parametersOf } from '../domain/runs/parameters/input.ts';
import type { RunStatus, RunTrigger } from '../domain/runs/run.ts';
import type { LogPage } from '../services/logs/log-reading.ts';
import { builder } from './builder.ts';
import { connectionOf, pageComplexity } from './connections.ts';
import { localId, tryLocalId } from './ids.ts';
import { RunConnectionRef, RunRef, ScheduleRef } from './refs.ts';
import { RunParametersInputRef, RunParametersRef, readParameters } from './run-parameters.ts';
import { nextTurn } from './turns.ts';

const RunStatusEnum = builder.enumType('RunStatus', {
  values: {
    QUEUED: { value: 'queued' },
    RUNNING: { value: 'running' },
    SUCCEEDED: { value: 'succeeded' },
    FAILED: { value: 'failed' },
    CANCELED: { value: 'canceled' },
    TIMED_OUT: { value: 'timedOut' },
    LOST: {
      value: 'lost',
      description:
        'Its node stopped renewing its lease, so nobody knows how it went. If the node comes back, it will say.',
    },
  } as const satisfies Record<string, { value: RunStatus; description?: string }>,
});
const RunTriggerEnum = builder.enumType('RunTrigger', {
  values: {
    SCHEDULE: { value: 'schedule' },
    MANUAL: { value: 'manual' },
    RETRY: { value: 'retry' },
  } as const satisfies Record<string, { value: RunTrigger }>,
});

const MAX_PAGE_LINES = 10_000;
const MAX_PAGE_BYTES = 1_048_576;

function requirePageLines(first: number): void {
  if (first >= 1 && first <= MAX_PAGE_LINES) return;
  const message = `"first" is ${first}; expected 1 to ${MAX_PAGE_LINES}.`;
  throw new InvalidInputError([{ path: ['first'], message, position: null }]);
}

const RunLogPageRef = builder.objectRef<LogPage>('RunLogPage').implement({
  description: `
Lines are numbered from 1. \`text\` holds \`lineCount\` lines from line \`firstLine\` on, joined by "\\n", without a final newline.
Pass the last line number that you hold (\`firstLine + lineCount - 1\`) as \`after\`.
\`totalLines\` is how many the run has so far; \`complete\` says that the run has ended and these are its last lines.
`.trim(),
  fields: (t) => ({
    firstLine: t.exposeInt('firstLine'),
    lineCount: t.exposeInt('lineCount'),
    text: t.exposeString('text'),
    totalLines: t.exposeInt('totalLines'),
    complete: t.exposeBoolean('isComplete'),
  }),
});

const LogTimeRef = builder.objectRef<LogTime>('LogTime').implement({
  description: 'When lines of a log were written: those from `firstLine` on, up to that of the next entry.',
  fields: (t) => ({
    firstLine: t.exposeInt('firstLine'),
    writtenAt: t.expose('writtenAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When the server read them, which is about when they were printed, unless no server ran then; null for lines of earlier versions.',
    }),
  }),
});

builder.node(RunRef, {
  id: { resolve: (run) => run.id },
  loadWithoutCache: (id, { loadersOf }, info) => loadersOf(info).run.load(id),
  isTypeOf: () => true,
  fields: (t) => ({
    playbook: t.exposeString('playbook'),
    status: t.expose('status', { type: RunStatusEnum }),
    trigger: t.expose('trigger', { type: RunTriggerEnum }),
    schedule: t.field({
      type: ScheduleRef,
      nullable: true,
      description: 'Null for a run by hand, and when the schedule is deleted.',
      resolve: (run, _args, { loadersOf }, info) =>
        run.scheduleId === null ? null : loadersOf(info).schedule.load(run.scheduleId),
    }),
    scheduledFor: t.expose('scheduledFor', {
      type: 'DateTime',
      nullable: true,
      description:
        'The nominal instant of the tick that started it, or that started the run which it repeats; null for a manual run.',
    }),
    queuedAt: t.expose('queuedAt', { type: 'DateTime' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', nullable: true }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true }),
    workingFolder: t.string({
      nullable: true,
      description:
        'Where it was started, relative to the playbook folder ("" is its root); null until it starts.',
      resolve: ({ place }) => place?.workingFolder ?? null,
    }),
    ansibleConfig: t.string({
      nullable: true,
      description:
        'The ansible.cfg that applied, relative to the playbook folder where it lies inside, else absolute; null: none.',
      resolve: ({ place }) => place?.ansibleConfig ?? null,
    }),
    exitCode: t.exposeInt('exitCode', {
      nullable: true,
      description:
        'Exit code of ansible-playbook; null while it runs, or when it ended by a signal or never started.',
    }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'Why the run ended as it did, where the exit code does not say it.',
    }),
    parameters: t.field({
      type: RunParametersRef,
      nullable: true,
      description: 'What it was started with; null when what is stored of it cannot be read.',
      resolve: ({ id }, _args, { actor, services, answerOf }, info) =>
        readParameters(
          async () => {
            await nextTurn();
            return (await services.runs.find(actor, id))?.parameters ?? null;
          },
          answerOf(info),
          info,
        ),
    }),
    node: t.exposeString('workerId', {
      nullable: true,
      description: 'The node that runs or ran it; null until it starts.',
    }),
    cancelRequestedAt: t.expose('cancelRequestedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When someone asked for its end; null: nobody.',
    }),
    logTimes: t.field({
      type: [LogTimeRef],
      description: 'When the lines after `after` were written, for at most `first` lines (1 to 10,000).',
      args: { after: t.arg.int({ defaultValue: 0 }), first: t.arg.int({ defaultValue: 1_000 }) },
      complexity: 1_000,
      resolve: (run, { after, first }, { actor, services, answerOf }, info) => {
        const [last, lines] = [after ?? 0, first ?? 1_000];
        requirePageLines(lines);
        return answerOf(info).read(
          () => services.runLogs.times(actor, run.id, last + 1, last + lines),
          (times) => times.length * 60,
        );
      },
    }),
    log: t.field({
      type: RunLogPageRef,
      description: 'At most 10,000 lines or 1 MiB a page, whichever is less, but at least one line.',
      args: { after: t.arg.int({ defaultValue: 0 }), first: t.arg.int({ defaultValue: 1_000 }) },
      // a page may be 1 MiB, so 100 of them are enough for one response
      complexity: 1_000,
      resolve: (run, { after, first }, { actor, services, answerOf }, info) => {
        const maxLines = first ?? 1_000;
        requirePageLines(maxLines);
        return answerOf(info).read(
          () => services.runLogs.page(actor, run.id, after ?? 0, { maxLines, maxBytes: MAX_PAGE_BYTES }),
          ({ text }) => text.length,
        );
      },
    }),
  }),
});

const RunFilterInput = builder.inputType('RunFilter', {
  fields: (t) => ({
    status: t.field({ type: [RunStatusEnum], description: 'Any of these.' }),
    scheduleId: t.id(),
    playbook: t.string(),
  }),
});

builder.queryField('runs', (t) =>
  t.connection(
    {
      complexity: pageComplexity,
      type: RunRef,
      description: 'Newest first.',
      args: { filter: t.arg({ type: RunFilterInput }) },
      resolve: (_root, { filter, ...args }, { actor, services: { runs }, loadersOf }, info) => {
        const wanted = {
          status: filter?.status ? [...new Set(filter.status)].sort() : undefined,
          // an invalid schedule id matches no runs
          scheduleId: filter?.scheduleId ? (tryLocalId('Schedule', filter.scheduleId) ?? '') : undefined,
          playbook: filter?.playbook ?? undefined,
        };
        return connectionOf(
          args,
          (page) => runs.list(actor, wanted, page),
          () => loadersOf(info).countOfRuns.load(wanted),
        );
      },
    },
    RunConnectionRef,
  ),
);

const RunPlaybookInput = builder.inputType('RunPlaybookInput', {
  fields: (t) => ({
    playbook: t.string({ required: true }),
    parameters: t.field({ type: RunParametersInputRef }),
    idempotencyKey: t.string({ description: 'The same key within 24 h gives the same run.' }),
  }),
});
const RunPlaybookPayload = builder.simpleObject('RunPlaybookPayload', {
  fields: (t) => ({ run: t.field({ type: RunRef, nullable: false }) }),
});

builder.mutationField('runPlaybook', (t) =>
  t.field({
    type: RunPlaybookPayload,
    args: { input: t.arg({ type: RunPlaybookInput, required: true }) },
    errors: { types: [InvalidInputError, NotFoundError], union: { name: 'RunPlaybookResult' } },
    resolve: async (_root, { input }, { actor, services }) => ({
      run: await services.runs.runPlaybook(
        actor,
        input.playbook,
        input.parameters ? parametersOf(input.parameters) : null,
        input.idempotencyKey ?? null,
      ),
    }),
  }),
);

const CancelRunInput = builder.inputType('CancelRunInput', {
  fields: (t) => ({ id: t.id({ required: true }) }),
});
const CancelRunPayload = builder.simpleObject('CancelRunPayload', {
  fields: (t) => ({ run: t.field({ type: RunRef, nullable: false }) }),
});

builder.mutationField('cancelRun', (t) =>
  t.field({
    type: CancelRunPayload,
    args: { input: t.arg({ type: CancelRunInput, required: true }) },
    errors: { types: [NotFoundError, InvalidStateError], union: { name: 'CancelRunResult' } },
    resolve: async (_root, { input }, { actor, services }) => ({
      run: await services.runs.cancel(actor, localId('Run', input.id)),
    }),
  }),
);
