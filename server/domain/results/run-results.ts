import { createDrift, type Drift } from './drift.ts';
import type { BeginEvent } from './result-event.ts';
import {
  type HostCounts,
  type HostEvent,
  NO_COUNTS,
  parseResultEvent,
  RESULT_STATUSES,
  type ResultEvent,
  type ResultStatus,
  type TaskEvent,
} from './result-event.ts';
import { createFailureGroups, type Failure } from './run-failures.ts';
import { addCounts, createTaskRow, type HostRecap, type TaskResult, type TaskRow } from './task-rows.ts';

/** Where a result is to be found in the stream `events`, and what lists filter by. */
export interface ResultEntry {
  /** Line of its event. */
  readonly line: number;
  /** Lines of its diff, directly before it. */
  readonly diffs: number;
  readonly status: ResultStatus;
  readonly host: string;
  readonly task: TaskEvent | null;
  readonly playName: string;
}

export interface ResultFilter {
  readonly host?: string | undefined;
  /** Any of these; undefined or empty: any. */
  readonly status?: readonly ResultStatus[] | undefined;
  /** Name of the task. */
  readonly task?: string | undefined;
}

export interface PlayResult {
  readonly name: string;
  readonly tasks: readonly TaskResult[];
}

/**
 * The results of one run, collected from its events, as an index: what a result says stays in the stream, from
 * where a page of them is read.
 */
export interface RunResults {
  /** Takes the next lines of the stream, the first of which has this number. */
  push(firstLine: number, lines: readonly string[]): void;
  /** Nothing follows: gives out what waited for the end of its task. Idempotent. */
  end(): void;
  /** How many lines of the stream it has taken. */
  readonly lines: number;
  /** How many results there are, in the order of the log. */
  readonly count: number;
  /** The result with this number, from 0 on. */
  entry(index: number): ResultEntry;
  /** The numbers of the results that match. */
  matching(filter: ResultFilter): number[];
  /** Hosts in the order in which they appeared; as in PLAY RECAP once Ansible has printed it. */
  recap(): HostRecap[];
  failures(): readonly Failure[];
  plays(): PlayResult[];
  /** What would change, of a run in check mode; null: it was none, or nothing is known of it. */
  drift(): Drift | null;
  /** What the plugin said when it was loaded; null: it was not (yet). */
  readonly begin: BeginEvent | null;
  /** Why the plugin stopped; null: it did not. */
  readonly broken: string | null;
  /** Whether the plugin has said everything. */
  readonly isEnded: boolean;
}

type Counts = Record<keyof HostCounts, number>;

interface Play {
  readonly name: string;
  readonly tasks: TaskRow[];
}

/** A failed item, whose status is that of its task. Its texts are kept until then. */
interface WaitingItem {
  readonly event: HostEvent;
  readonly line: number;
}

/** What a run cannot sensibly have; further ones are left out. */
const MAX_TASKS = 100_000;
const MAX_HOSTS = 100_000;
const MAX_RESULTS = 5_000_000;
/** Further items do not wait for their task and count as failed. */
const MAX_WAITING = 10_000;

export function createRunResults(): RunResults {
  const plays = new Map<number, Play>();
  const tasks = new Map<number, TaskRow>();
  const hosts = new Map<string, number>();
  const hostNames: string[] = [];
  const counted: Counts[] = [];
  const recapped = new Map<string, HostCounts>();
  const failures = createFailureGroups();
  const waiting = new Map<string, WaitingItem[]>();
  const drift = createDrift();
  let waitingItems = 0;

  // one number each per result, instead of an object: there may be millions
  const resultLines: number[] = [];
  const resultHosts: number[] = [];
  const resultTasks: number[] = [];
  const resultStatuses: number[] = [];
  const resultDiffs: number[] = [];

  let begin: BeginEvent | null = null;
  let broken: string | null = null;
  let isEnded = false;
  let laterCounts = 0;
  let lines = 0;

  function hostIndex(name: string): number | null {
    const known = hosts.get(name);
    if (known !== undefined) return known;
    if (hostNames.length >= MAX_HOSTS) return null;
    const index = hostNames.length;
    hosts.set(name, index);
    hostNames.push(name);
    counted.push({ ...NO_COUNTS });
    return index;
  }

  function addResult(event: HostEvent, status: ResultStatus, line: number): void {
    const host = hostIndex(event.host);
    if (host === null || resultLines.length >= MAX_RESULTS) return;
    resultLines.push(line);
    resultHosts.push(host);
    resultTasks.push(event.task);
    resultStatuses.push(RESULT_STATUSES.indexOf(status));
    resultDiffs.push(event.diffs);
    addTo(event.task, host, event.counts);
  }

  function addTo(task: number, host: number, counts: HostCounts): void {
    addCounts(counted[host], counts);
    if (counts !== NO_COUNTS) tasks.get(task)?.add(host, counts);
  }

  /** The status of a failed item: whether it counts is decided by its task. */
  const asTask = (status: ResultStatus): ResultStatus =>
    status === 'rescued' || status === 'ignored' || status === 'unreachable' ? status : 'failed';

  function takeHostEvent(event: HostEvent & { readonly kind: 'item' | 'result' }, line: number): void {
    const key = `${event.task} ${event.host}`;
    if (event.kind === 'item' && event.status === 'failed') {
      if (waitingItems >= MAX_WAITING) {
        giveOut([{ event, line }], 'failed');
        return;
      }
      waitingItems += 1;
      const items = waiting.get(key);
      if (items) items.push({ event, line });
      else waiting.set(key, [{ event, line }]);
      return;
    }
    const task = tasks.get(event.task) ?? null;
    if (event.kind === 'result') {
      const items = waiting.get(key) ?? [];
      waiting.delete(key);
      waitingItems -= items.length;
      giveOut(items, asTask(event.status));
      if (items.length === 0) addFailure(event, event.status);
      if (task) task.finishedAt = event.finishedAt;
      drift.add(event, task?.event ?? null);
    }
    addResult(event, event.status, line);
  }

  function giveOut(items: readonly WaitingItem[], status: ResultStatus): void {
    for (const { event, line } of items) {
      addFailure(event, status);
      addResult(event, status, line);
    }
  }

  function addFailure(event: HostEvent, status: ResultStatus): void {
    if (status !== 'failed' && status !== 'unreachable') return;
    const { host, texts, logLine } = event;
    failures.add({ host, task: tasks.get(event.task)?.event ?? null, status, texts, logLine });
  }

  function take(event: ResultEvent, line: number): void {
    switch (event.kind) {
      case 'begin':
        begin ??= event;
        return;
      case 'broken':
        broken ??= event.problem;
        return;
      case 'play':
        if (plays.size < MAX_TASKS) plays.set(event.play, { name: event.name, tasks: [] });
        return;
      case 'task': {
        if (tasks.size >= MAX_TASKS || tasks.has(event.task)) return;
        const row = createTaskRow(event);
        tasks.set(event.task, row);
        plays.get(event.play)?.tasks.push(row);
        return;
      }
      case 'item':
      case 'result':
        takeHostEvent(event, line);
        return;
      case 'counts': {
        const host = hostIndex(event.host);
        if (host === null || laterCounts >= MAX_RESULTS) return;
        laterCounts += 1;
        addTo(event.task, host, event.counts);
        return;
      }
      case 'recap':
        if (recapped.size < MAX_HOSTS) recapped.set(event.host, event.counts);
        return;
      case 'end':
        isEnded = true;
        return;
      case 'diff':
        return;
    }
  }

  return {
    push(firstLine, texts) {
      let line = firstLine;
      for (const text of texts) {
        const event = parseResultEvent(text);
        if (event) take(event, line);
        line += 1;
      }
      lines = line - 1;
    },

    end() {
      for (const items of waiting.values()) giveOut(items, 'failed');
      waiting.clear();
      waitingItems = 0;
    },

    get lines() {
      return lines;
    },
    get count() {
      return resultLines.length;
    },
    get begin() {
      return begin;
    },
    get broken() {
      return broken;
    },
    get isEnded() {
      return isEnded;
    },

    entry(index) {
      const task = tasks.get(resultTasks[index] ?? 0)?.event ?? null;
      return {
        line: resultLines[index] ?? 0,
        diffs: resultDiffs[index] ?? 0,
        status: RESULT_STATUSES[resultStatuses[index] ?? 0] ?? 'ok',
        host: hostNames[resultHosts[index] ?? 0] ?? '',
        task,
        playName: plays.get(task?.play ?? 0)?.name ?? '',
      };
    },

    matching({ host, status, task }) {
      const wantedHost = host === undefined ? null : (hosts.get(host) ?? -1);
      const wantedStatus = status?.length ? new Set(status.map((one) => RESULT_STATUSES.indexOf(one))) : null;
      const found: number[] = [];
      for (let index = 0; index < resultLines.length; index += 1) {
        if (wantedHost !== null && resultHosts[index] !== wantedHost) continue;
        if (wantedStatus !== null && !wantedStatus.has(resultStatuses[index] ?? 0)) continue;
        if (task !== undefined && tasks.get(resultTasks[index] ?? 0)?.event.name !== task) continue;
        found.push(index);
      }
      return found;
    },

    recap: () => {
      const all = hostNames.map((host, index) => ({
        host,
        ...(recapped.get(host) ?? counted[index] ?? NO_COUNTS),
      }));
      // a host that reported nothing, as where an include failed
      for (const [host, counts] of recapped) if (!hosts.has(host)) all.push({ host, ...counts });
      return all;
    },

    failures: () => failures.list(),

    drift: () => (begin?.isCheck ? drift.sum() : null),

    plays: () =>
      [...plays.values()].map(({ name, tasks }) => ({
        name,
        tasks: tasks.map((row) => row.result(hostNames)),
      })),
  };
}
