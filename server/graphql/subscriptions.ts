import type { LogLines } from '../domain/logs/run-log.ts';
import type { RunSummary } from '../domain/runs/run.ts';
import type { ScheduleSummary } from '../domain/schedules/schedule.ts';
import { builder } from './builder.ts';
import { globalId, localId } from './ids.ts';
import { RunRef, ScheduleRef } from './refs.ts';

const RunLogBatchRef = builder.objectRef<LogLines>('RunLogBatch').implement({
  description:
    'As RunLogPage; `lineCount` is at least 1. One string, not a list: a server sends six times as many lines this way.',
  fields: (t) => ({
    firstLine: t.exposeInt('firstLine'),
    lineCount: t.exposeInt('lineCount'),
    text: t.exposeString('text'),
  }),
});

const ScheduleChangeRef = builder
  .objectRef<{ readonly id: string; readonly schedule: ScheduleSummary | null }>('ScheduleChange')
  .implement({
    fields: (t) => ({
      id: t.id({ resolve: (change) => globalId('Schedule', change.id) }),
      schedule: t.expose('schedule', {
        type: ScheduleRef,
        nullable: true,
        description: 'Null once it is deleted.',
      }),
    }),
  });

builder.subscriptionField('runLog', (t) =>
  t.field({
    type: RunLogBatchRef,
    description: `
The log of a run from line \`after\` + 1: first what is stored, then live, without a gap or a repeat,
then \`complete\` once the run has ended and its last line has been sent.
A client that lost its connection subscribes again with the last line number it holds.
`.trim(),
    args: { runId: t.arg.id({ required: true }), after: t.arg.int({ defaultValue: 0 }) },
    subscribe: (_root, { runId, after }, { actor, services }) =>
      services.runLogs.tail(actor, localId('Run', runId), after ?? 0),
    resolve: (lines: LogLines) => lines,
  }),
);

builder.subscriptionField('runChanged', (t) =>
  t.field({
    type: RunRef,
    description: 'Runs as they change: state, progress, end. All runs, or those of one schedule, or one run.',
    args: { id: t.arg.id(), scheduleId: t.arg.id() },
    subscribe: (_root, { id, scheduleId }, { actor, services }) =>
      services.watch.runs(actor, {
        id: id ? localId('Run', id) : undefined,
        scheduleId: scheduleId ? localId('Schedule', scheduleId) : undefined,
      }),
    resolve: (run: RunSummary) => run,
  }),
);

builder.subscriptionField('scheduleChanged', (t) =>
  t.field({
    type: ScheduleChangeRef,
    description: 'Schedules as they are created, changed or deleted, by whoever.',
    subscribe: (_root, _args, { actor, services }) => services.watch.schedules(actor),
    resolve: (change: { readonly id: string; readonly schedule: ScheduleSummary | null }) => change,
  }),
);
