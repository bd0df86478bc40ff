import DataLoader from 'dataloader';
import type { GraphQLResolveInfo } from 'graphql';
import type { Actor } from '../domain/actor.ts';
import type { Channel } from '../domain/notices/channel.ts';
import type { Delivery } from '../domain/notices/delivery.ts';
import type { Playbook } from '../domain/playbooks/playbook.ts';
import type { RunFilter, RunSummary, ScheduleOutcomes } from '../domain/runs/run.ts';
import type { Schedule, ScheduleFilter, ScheduleSummary } from '../domain/schedules/schedule.ts';
import type { RunLogService } from '../services/logs/run-log-service.ts';
import type { ChannelService } from '../services/notices/channel-service.ts';
import type { DeliveryService } from '../services/notices/delivery-service.ts';
import type { PlaybookService } from '../services/playbooks/playbook-service.ts';
import type { RunResultService } from '../services/results/run-result-service.ts';
import type { RunRepeat } from '../services/runs/run-repeat.ts';
import type { RunService } from '../services/runs/run-service.ts';
import type { ScheduleService } from '../services/schedules/schedule-service.ts';
import type { SystemService } from '../services/system-service.ts';
import type { WatchService } from '../services/watch-service.ts';
import { type Answer, createAnswer } from './answer.ts';
import { eachInTurn } from './turns.ts';

/** The services behind the API; one set for the lifetime of the server. */
export interface Services {
  readonly schedules: ScheduleService;
  readonly runs: RunService;
  readonly repeat: RunRepeat;
  readonly runLogs: RunLogService;
  readonly results: RunResultService;
  readonly playbooks: PlaybookService;
  readonly watch: WatchService;
  readonly channels: ChannelService;
  readonly deliveries: DeliveryService;
  readonly system: SystemService;
}

/**
 * The context of resolvers: created per operation; each event of a subscription is read through fresh
 * loaders.
 */
export interface Context {
  /** On whose behalf the operation runs. */
  readonly actor: Actor;
  readonly services: Services;
  /**
   * Loaders that batch the store queries for all objects of a page; in a query they also cache, so that each
   * object is read once.
   */
  loadersOf(info: GraphQLResolveInfo): Loaders;
  /** Accounting of the response that the resolver adds to; each event of a subscription has its own. */
  answerOf(info: GraphQLResolveInfo): Answer;
}

/** The client that a response goes to. */
export interface Recipient {
  /** Calls back once the response has been sent, or nobody waits for it any more. */
  onceSent(done: () => void): void;
  /** Closes the connection. */
  cut(): void;
}

export function createContext(actor: Actor, services: Services, recipient: Recipient | null): Context {
  const whole = createAnswer(recipient?.cut ?? null);
  recipient?.onceSent(whole.end);
  const ofEvents = new WeakMap<object, Answer>();
  const ofQuery = createLoaders(actor, services, true);
  // no caching: values read before a mutation or for an earlier event would be stale
  const ofOthers = createLoaders(actor, services, false);
  return {
    actor,
    services,
    loadersOf: ({ operation }) => (operation.operation === 'query' ? ofQuery : ofOthers),
    answerOf({ operation, rootValue }) {
      if (operation.operation !== 'subscription' || typeof rootValue !== 'object' || rootValue === null)
        return whole;
      const answer = ofEvents.get(rootValue) ?? createAnswer(null);
      ofEvents.set(rootValue, answer);
      return answer;
    },
  };
}

export interface Loaders {
  readonly schedule: DataLoader<string, ScheduleSummary | null>;
  /** For schedules whose parameters are long. */
  readonly scheduleState: DataLoader<string, ScheduleState>;
  readonly run: DataLoader<string, RunSummary | null>;
  readonly playbook: DataLoader<string, PlaybookFile | null>;
  readonly playbookWithoutContent: DataLoader<string, PlaybookFile | null>;
  readonly countOfRuns: DataLoader<RunFilter, number, string>;
  readonly countOfSchedules: DataLoader<ScheduleFilter, number, string>;
  readonly countOfTicks: DataLoader<string, number, string>;
  readonly lastRunOfSchedule: DataLoader<string, RunSummary | null>;
  readonly schedulesOfPlaybook: DataLoader<string, ScheduleSummary[]>;
  /** Each channel once, however many schedules name it. */
  readonly channel: DataLoader<string, Channel | null>;
  readonly outcomesOfSchedule: DataLoader<string, ScheduleOutcomes>;
  readonly lastDeliveryOfChannel: DataLoader<string, Delivery | null>;
}

/** Facts derived from a schedule's parameters, without holding these. */
export interface ScheduleState {
  readonly problem: string | null;
  readonly unreadable: NonNullable<Schedule['unreadable']>;
}

async function readState(actor: Actor, { schedules, runs }: Services, id: string): Promise<ScheduleState> {
  const schedule = await schedules.find(actor, id);
  if (!schedule) return { problem: null, unreadable: [] };
  return { problem: await runs.problemOf(actor, schedule), unreadable: schedule.unreadable ?? [] };
}

/** The result of reading a playbook file. */
export interface PlaybookFile extends Pick<Playbook, 'encoding' | 'revision'> {
  /** Null: not kept. */
  readonly content: string | null;
  /** Length of the content, in characters. */
  readonly length: number;
}

function createLoaders(actor: Actor, services: Services, isCached: boolean): Loaders {
  const options = { cache: isCached };
  const readPlaybook = async (path: string, holdsContent: boolean): Promise<PlaybookFile | null> => {
    const found = await services.playbooks.find(actor, path);
    if (!found) return null;
    const { content, encoding, revision } = found;
    return { encoding, revision, content: holdsContent ? content : null, length: content.length };
  };
  return {
    schedule: new DataLoader((ids) => services.schedules.findMany(actor, ids), options),
    scheduleState: new DataLoader((ids) => eachInTurn(ids, (id) => readState(actor, services, id)), options),
    run: new DataLoader((ids) => services.runs.findMany(actor, ids), options),
    playbook: new DataLoader((paths) => Promise.all(paths.map((path) => readPlaybook(path, true))), options),
    playbookWithoutContent: new DataLoader(
      (paths) => Promise.all(paths.map((path) => readPlaybook(path, false))),
      options,
    ),
    countOfRuns: counting((filter) => services.runs.count(actor, filter), isCached),
    countOfSchedules: counting((filter) => services.schedules.count(actor, filter), isCached),
    countOfTicks: counting((id) => services.schedules.countTicks(actor, id), isCached),
    lastRunOfSchedule: new DataLoader(async (ids) => {
      const runs = await services.runs.lastOfSchedules(actor, ids);
      return ids.map((id) => runs.get(id) ?? null);
    }, options),
    schedulesOfPlaybook: new DataLoader(async (paths) => {
      const schedules = await services.schedules.listByPlaybooks(actor, paths);
      return paths.map((path) => schedules.get(path) ?? []);
    }, options),
    channel: new DataLoader(async (ids) => {
      const byId = new Map((await services.channels.list(actor)).map((channel) => [channel.id, channel]));
      return ids.map((id) => byId.get(id) ?? null);
    }, options),
    outcomesOfSchedule: new DataLoader(
      (ids) => eachInTurn(ids, (id) => services.runs.outcomesOf(actor, id)),
      options,
    ),
    lastDeliveryOfChannel: new DataLoader(async (ids) => {
      const deliveries = await services.deliveries.lastOfChannels(actor, ids);
      return ids.map((id) => deliveries.get(id) ?? null);
    }, options),
  };
}

/**
 * Counting may take milliseconds, so each count runs once, however many aliases select it, and in its own
 * turn.
 */
function counting<T>(
  count: (wanted: T) => Promise<number>,
  isCached: boolean,
): DataLoader<T, number, string> {
  const keyOf = (wanted: T) => JSON.stringify(wanted);
  return new DataLoader<T, number, string>(
    async (all) => {
      const distinct = new Map(all.map((wanted) => [keyOf(wanted), wanted]));
      const counts = await eachInTurn(
        [...distinct],
        async ([key, wanted]) => [key, await count(wanted)] as const,
      );
      const byKey = new Map(counts);
      return all.map((wanted) => byKey.get(keyOf(wanted)) ?? 0);
    },
    { cache: isCached, cacheKeyFn: keyOf },
  );
}
