import type { Channel } from '../domain/notices/channel.ts';
import type { RunSummary } from '../domain/runs/run.ts';
import type { ScheduleSummary } from '../domain/schedules/schedule.ts';
import { builder } from './builder.ts';

/** Declared here because they refer to each other; their fields are in `schedule.ts`, `run.ts` and `channel.ts`. */
export const ScheduleRef = builder.objectRef<ScheduleSummary>('Schedule');
export const RunRef = builder.objectRef<RunSummary>('Run');
export const ChannelRef = builder.objectRef<Channel>('Channel');

export const RunConnectionRef = builder.connectionObject(
  { type: RunRef, name: 'RunConnection' },
  { name: 'RunEdge' },
);
