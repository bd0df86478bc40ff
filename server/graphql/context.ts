import DataLoader from 'dataloader';
import type { GraphQLResolveInfo } from 'graphql';
import type { Playbook } from '../domain/playbooks/playbook.ts';
import type { RunSummary } from '../domain/runs/run.ts';
import type { Schedule } from '../domain/schedules/schedule.ts';
import type { RunLogService } from '../services/logs/run-log-service.ts';
import type { PlaybookService } from '../services/playbooks/playbook-service.ts';
import type { RunService } from '../services/runs/run-service.ts';
import type { ScheduleService } from '../services/schedules/schedule-service.ts';
import type { SystemService } from '../services/system-service.ts';
import type { WatchService } from '../services/watch-service.ts';
import { type Answer, createAnswer } from './answer.ts';

/** What the API is made of; one set for the life of the server. */
export interface Services {
  readonly schedules: ScheduleService;
  readonly runs: RunService;
  readonly runLogs: RunLogService;
  readonly playbooks: PlaybookService;
  readonly watch: WatchService;
  readonly system: SystemService;
}

/** What a resolver sees: made anew for each operation, and for each event of a subscription read through fresh loaders. */
export interface Context {
  readonly services: Services;
  /** One question to the store for all objects of a page. */
  readonly loaders: Loaders;
  /** What the answer holds to which the resolver adds; each event of a subscription is one. */
  answerOf(info: GraphQLResolveInfo): Answer;
}

/** Where an answer goes. */
export interface Recipient {
  /** Calls back once the answer has been sent, or nobody waits for it any more. */
  onceSent(done: () => void): void;
  /** Ends the connection. */
  cut(): void;
}

export function createContext(services: Services, recipient: Recipient | null): Context {
  const whole = createAnswer(recipient?.cut ?? null);
  recipient?.onceSent(whole.end);
  const ofEvents = new WeakMap<object, Answer>();
  return {
    services,
    loaders: createLoaders(services),
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
  readonly schedule: DataLoader<string, Schedule | null>;
  readonly run: DataLoader<string, RunSummary | null>;
  readonly playbook: DataLoader<string, Playbook>;
  readonly lastRunOfSchedule: DataLoader<string, RunSummary | null>;
  readonly schedulesOfPlaybook: DataLoader<string, Schedule[]>;
}

function createLoaders(services: Services): Loaders {
  // a subscription lives for hours in one context: what was read for one event must not answer the next
  const options = { cache: false } as const;
  return {
    schedule: new DataLoader((ids) => services.schedules.findMany(ids), options),
    run: new DataLoader((ids) => services.runs.findMany(ids), options),
    // cached: content and revision of one playbook must be of one reading
    playbook: new DataLoader<string, Playbook>((paths) =>
      Promise.all(
        paths.map(
          // one that cannot be read must not take the whole list with it
          async (path) =>
            (await services.playbooks.find(path)) ?? {
              path,
              content: '',
              encoding: 'utf8' as const,
              revision: '',
            },
        ),
      ),
    ),
    lastRunOfSchedule: new DataLoader(async (ids) => {
      const runs = await services.runs.lastOfSchedules(ids);
      return ids.map((id) => runs.get(id) ?? null);
    }, options),
    schedulesOfPlaybook: new DataLoader(async (paths) => {
      const schedules = await services.schedules.listByPlaybooks(paths);
      return paths.map((path) => schedules.get(path) ?? []);
    }, options),
  };
}
