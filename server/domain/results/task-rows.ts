import { COUNT_NAMES, type HostCounts, NO_COUNTS, type TaskEvent } from './result-event.ts';

export interface HostRecap extends HostCounts {
  readonly host: string;
}

export interface TaskResult extends TaskEvent {
  /** When its last result came; null: none has come. */
  readonly finishedAt: Date | null;
  /** Of all hosts together. */
  readonly counts: HostCounts;
  /** What became of it on each host that reported. Put together when it is read: a run may have millions. */
  readonly hosts: readonly HostRecap[];
}

type Counts = Record<keyof HostCounts, number>;

export function addCounts(sum: Counts | undefined, counts: HostCounts): void {
  if (sum) for (const name of COUNT_NAMES) sum[name] += counts[name];
}

/** A task and what its results have added to PLAY RECAP. */
export interface TaskRow {
  readonly event: TaskEvent;
  add(host: number, counts: HostCounts): void;
  finishedAt: Date | null;
  /** As it is now. */
  result(hostNames: readonly string[]): TaskResult;
}

export function createTaskRow(event: TaskEvent): TaskRow {
  // in the order in which they came; counts are mostly one of the few constants
  const hosts: number[] = [];
  const added: HostCounts[] = [];
  const sum: Counts = { ...NO_COUNTS };
  return {
    event,
    finishedAt: null,
    add(host, counts) {
      hosts.push(host);
      added.push(counts);
      addCounts(sum, counts);
    },
    result(hostNames) {
      return {
        ...event,
        finishedAt: this.finishedAt,
        counts: { ...sum },
        get hosts() {
          const byHost = new Map<number, Counts>();
          for (const [index, host] of hosts.entries()) {
            const row = byHost.get(host) ?? { ...NO_COUNTS };
            byHost.set(host, row);
            addCounts(row, added[index] ?? NO_COUNTS);
          }
          return [...byHost].map(([host, counts]) => ({ host: hostNames[host] ?? '', ...counts }));
        },
      };
    },
  };
}
