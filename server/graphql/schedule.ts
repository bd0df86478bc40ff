import type { GraphQLResolveInfo } from 'graphql';
import type { RunParameters } from '../../shared/run-parameters.ts';
import { InvalidInputError, NotFoundError } from '../domain/errors.ts';
import type { ScheduleOrder, ScheduleSummary } from '../domain/schedules/schedule.ts';
import type { Tick } from '../domain/schedules/tick.ts';
import { describeTiming, type Timing } from '../domain/time/timing.ts';
import type { TimingInput } from '../domain/time/timing-input.ts';
import type { SchedulePreview } from '../services/schedules/schedule-service.ts';
import { builder } from './builder.ts';
import { NoticeEventEnum } from './channel.ts';
import { connectionOf, pageComplexity } from './connections.ts';
import type { Context, ScheduleState } from './context.ts';
import { ChannelRef, RunConnectionRef, RunRef, ScheduleRef } from './refs.ts';
import { RunParametersRef, readParameters } from './run-parameters.ts';
import { KEPT_DESCRIPTIONS, OverlapPolicyEnum } from './schedule-policy.ts';
import { nextTurn } from './turns.ts';

type TimingOf<K extends Timing['kind']> = Extract<Timing, { kind: K }>;

const CronTimingRef = builder.objectRef<TimingOf<'cron'>>('CronTiming').implement({
  fields: (t) => ({ expression: t.exposeString('expression') }),
});
const OneOffTimingRef = builder.objectRef<TimingOf<'once'>>('OneOffTiming').implement({
  fields: (t) => ({ at: t.expose('at', { type: 'DateTime' }) }),
});
const IntervalTimingRef = builder.objectRef<TimingOf<'interval'>>('IntervalTiming').implement({
  fields: (t) => ({ seconds: t.exposeInt('seconds'), anchor: t.expose('anchor', { type: 'DateTime' }) }),
});
const ScheduleTimingRef = builder.unionType('ScheduleTiming', {
  types: [CronTimingRef, OneOffTimingRef, IntervalTimingRef],
  resolveType: (timing) => {
    switch (timing.kind) {
      case 'cron':
        return 'CronTiming';
      case 'once':
        return 'OneOffTiming';
      case 'interval':
        return 'IntervalTiming';
      default:
        return timing satisfies never;
    }
  },
});

const TickOutcomeEnum = builder.enumType('TickOutcome', {
  description: 'What the scheduler did at the instant; how it ended is the status of the run.',
  values: {
    STARTED: {
      value: 'started',
      description:
        'A run was made for it. The run may have failed before the playbook began; the `reason` says so then.',
    },
    SKIPPED: {
      value: 'skipped',
      description: 'No run was made, because the schedule does not allow runs to overlap.',
    },
    MISSED: { value: 'missed', description: 'No run was made, because no node could make one in time.' },
  } as const,
});
const ScheduleOrderEnum = builder.enumType('ScheduleOrder', {
  values: {
    NEXT_RUN: { value: 'nextRun', description: 'Soonest first; those without a next run last.' },
    NAME: { value: 'name' },
    CREATED: { value: 'created', description: 'Newest first.' },
  } as const satisfies Record<string, { value: ScheduleOrder; description?: string }>,
});

const TickRef = builder.objectRef<Tick>('Tick').implement({
  description: 'One nominal instant of a schedule, and what became of it.',
  fields: (t) => ({
    scheduledFor: t.expose('scheduledFor', { type: 'DateTime' }),
    outcome: t.expose('outcome', { type: TickOutcomeEnum }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'Why it did not start, or why its run failed before it began, in words; null otherwise.',
    }),
    run: t.field({
      type: RunRef,
      nullable: true,
      resolve: (tick, _args, { loadersOf }, info) =>
        tick.runId === null ? null : loadersOf(info).run.load(tick.runId),
    }),
  }),
});

/** For schedules whose parameters are long: reads them one at a time and keeps none. */
const readState = (
  { id }: ScheduleSummary,
  { loadersOf, answerOf }: Context,
  info: GraphQLResolveInfo,
): Promise<ScheduleState> =>
  answerOf(info).read(
    () => loadersOf(info).scheduleState.load(id),
    () => 0,
    'short',
  );

builder.node(ScheduleRef, {
  id: { resolve: (schedule) => schedule.id },
  loadWithoutCache: (id, { loadersOf }, info) => loadersOf(info).schedule.load(id),
  isTypeOf: () => true,
  fields: (t) => ({
    name: t.exposeString('name'),
    playbook: t.exposeString('playbook'),
    timing: t.expose('timing', { type: ScheduleTimingRef }),
    timezone: t.expose('timezone', { type: 'TimeZone' }),
    description: t.string({
      description: 'The timing in plain English.',
      resolve: ({ timing, timezone, unreadable }) =>
        unreadable?.includes('timing') ? 'Unknown' : describeTiming(timing, timezone),
    }),
    parameters: t.field({
      type: RunParametersRef,
      description: 'What a run of this schedule is started with.',
      resolve: async (schedule, _args, { actor, services, answerOf }, info) => {
        const read = async (): Promise<RunParameters | null> => {
          if (schedule.parameters) return schedule.parameters;
          await nextTurn();
          return (await services.schedules.find(actor, schedule.id))?.parameters ?? null;
        };
        const parameters = await readParameters(read, answerOf(info), info);
        if (!parameters) throw new NotFoundError('schedule', schedule.id);
        return parameters;
      },
    }),
    overlap: t.field({ type: OverlapPolicyEnum, resolve: ({ policy }) => policy.overlap }),
    keepDays: t.int({
      nullable: true,
      description: KEPT_DESCRIPTIONS.keepDays,
      resolve: ({ policy }) => policy.keepDays,
    }),
    keepRuns: t.int({
      nullable: true,
      description: KEPT_DESCRIPTIONS.keepRuns,
      resolve: ({ policy }) => policy.keepRuns,
    }),
    enabled: t.exposeBoolean('enabled'),
    nextRunAt: t.expose('nextRunAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Null when disabled or when no fire is left.',
    }),
    nextRuns: t.field({
      type: ['DateTime'],
      args: { count: t.arg.int({ defaultValue: 5 }) },
      // 1,000 instants take milliseconds to compute
      complexity: ({ count }) => Math.max(1, (count ?? 5) / 5),
      resolve: (schedule, { count }, { actor, services }) => [
        ...services.schedules.nextRuns(actor, schedule, count ?? 5),
      ],
    }),
    problem: t.string({
      nullable: true,
      description:
        'Why this schedule cannot fire, or its runs cannot start as things are now, in words; null when it is sound.',
      resolve: async (schedule, _args, context, info) => {
        const { problem, parameters } = schedule;
        if (problem !== null) return problem;
        return parameters
          ? context.services.runs.problemOf(context.actor, { ...schedule, parameters })
          : (await readState(schedule, context, info)).problem;
      },
    }),
    unreadable: t.stringList({
      description:
        'Which of "timing", "policy" (the overlap policy) and "parameters" cannot be read as they are stored: what stands for them is harmless, and a change has to give them anew.',
      resolve: async (schedule, _args, context, info) => {
        const { parameters, unreadable = [] } = schedule;
        return [...(parameters ? unreadable : (await readState(schedule, context, info)).unreadable)];
      },
    }),
    version: t.exposeInt('version', { description: 'Bumped by each change.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    lastRun: t.field({
      type: RunRef,
      nullable: true,
      resolve: (schedule, _args, { loadersOf }, info) => loadersOf(info).lastRunOfSchedule.load(schedule.id),
    }),
    runs: t.connection(
      {
        complexity: pageComplexity,
        type: RunRef,
        description: 'Newest first.',
        resolve: (schedule, args, { actor, services, loadersOf }, info) => {
          const filter = { scheduleId: schedule.id };
          return connectionOf(
            args,
            (page) => services.runs.list(actor, filter, page),
            () => loadersOf(info).countOfRuns.load(filter),
          );
        },
      },
      RunConnectionRef,
    ),
    channels: t.field({
      type: [ChannelRef],
      nullable: true,
      description:
        'Null: the channels that are default for an event. Else these alone, for all of `noticeEvents`.',
      resolve: async ({ policy: { channels } }, _args, { loadersOf }, info) => {
        if (!channels) return null;
        const found = await Promise.all(channels.map((id) => loadersOf(info).channel.load(id)));
        return found.filter((channel) => channel !== null);
      },
    }),
    noticeEvents: t.field({
      type: [NoticeEventEnum],
      description: 'What its own channels are told of.',
      resolve: ({ policy }) => [...policy.noticeEvents],
    }),
    lastSuccessAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Of the newest run that ended well; null: none ever did.',
      resolve: async ({ id }, _args, { loadersOf }, info) =>
        (await loadersOf(info).outcomesOfSchedule.load(id)).lastSuccessAt,
    }),
    consecutiveFailures: t.int({
      description: 'How many of its newest runs failed in a row.',
      resolve: async ({ id }, _args, { loadersOf }, info) =>
        (await loadersOf(info).outcomesOfSchedule.load(id)).consecutiveFailures,
    }),
    ticks: t.connection(
      {
        complexity: pageComplexity,
        type: TickRef,
        description: 'The ledger: exactly one tick per nominal fire instant, newest first.',
        resolve: (schedule, args, { actor, services, loadersOf }, info) =>
          connectionOf(
            args,
            (page) => services.schedules.listTicks(actor, schedule.id, page),
            () => loadersOf(info).countOfTicks.load(schedule.id),
          ),
      },
      { name: 'TickConnection' },
      { name: 'TickEdge' },
    ),
  }),
});

const IntervalInput = builder.inputType('IntervalInput', {
  fields: (t) => ({
    seconds: t.int({ required: true }),
    anchor: t.field({
      type: 'DateTime',
      description: 'Fires are a whole number of intervals after it. Default: now.',
    }),
  }),
});
export const ScheduleTimingInput = builder.inputType('ScheduleTimingInput', {
  isOneOf: true,
  fields: (t) => ({
    cron: t.string({ description: 'Five fields, or six with seconds first, or a macro such as @daily.' }),
    at: t.field({ type: 'DateTime' }),
    every: t.field({ type: IntervalInput }),
  }),
});
export const timingInputOf = (input: typeof ScheduleTimingInput.$inferInput): TimingInput => input;

const ScheduleFilterInput = builder.inputType('ScheduleFilter', {
  fields: (t) => ({
    playbook: t.string(),
    enabled: t.boolean(),
    search: t.string({ description: 'Part of the name or of the path of the playbook.' }),
  }),
});

builder.queryField('schedules', (t) =>
  t.connection(
    {
      complexity: pageComplexity,
      type: ScheduleRef,
      args: {
        filter: t.arg({ type: ScheduleFilterInput }),
        orderBy: t.arg({ type: ScheduleOrderEnum, defaultValue: 'nextRun' }),
      },
      resolve: (_root, { filter, orderBy, ...args }, { actor, services: { schedules }, loadersOf }, info) => {
        const wanted = {
          playbook: filter?.playbook ?? undefined,
          enabled: filter?.enabled ?? undefined,
          search: filter?.search ?? undefined,
        };
        return connectionOf(
          args,
          (page) => schedules.list(actor, wanted, orderBy ?? 'nextRun', page),
          () => loadersOf(info).countOfSchedules.load(wanted),
        );
      },
    },
    { name: 'ScheduleConnection' },
    { name: 'ScheduleEdge' },
  ),
);

const SchedulePreviewRef = builder.objectRef<SchedulePreview>('SchedulePreview').implement({
  fields: (t) => ({
    description: t.exposeString('description'),
    fires: t.field({ type: ['DateTime'], resolve: (preview) => [...preview.fires] }),
  }),
});

builder.queryField('previewSchedule', (t) =>
  t.field({
    type: SchedulePreviewRef,
    description: 'The next fires of a timing that is not saved yet: the same code that the scheduler uses.',
    args: {
      timing: t.arg({ type: ScheduleTimingInput, required: true }),
      timezone: t.arg({ type: 'TimeZone' }),
      from: t.arg({ type: 'DateTime' }),
      count: t.arg.int({ defaultValue: 10 }),
    },
    errors: { types: [InvalidInputError], union: { name: 'PreviewScheduleResult' } },
    resolve: (_root, { timing, timezone, from, count }, { actor, services }) =>
      services.schedules.preview(actor, timingInputOf(timing), timezone ?? null, from ?? null, count ?? 10),
  }),
);
