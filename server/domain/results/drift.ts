import type { HostEvent, TaskEvent } from './result-event.ts';

/** What a run in check mode says would change. */
export interface Drift {
  /** Those with changes, in the order in which they first had one. */
  readonly hosts: readonly string[];
  /** Results that would change something. */
  readonly changes: number;
  /** Tasks that check mode cannot judge (command, shell and the like). */
  readonly notChecked: number;
  /** Tasks with `check_mode: false`: these ran. */
  readonly reallyRun: number;
}

/** Collects it result by result; items of loops do not count. */
export function createDrift() {
  const hosts = new Set<string>();
  const notChecked = new Set<number>();
  const reallyRun = new Set<number>();
  let changes = 0;
  return {
    add({ task: number, host, status, isUnchecked }: HostEvent, task: TaskEvent | null): void {
      if (task?.isReallyRun) {
        if (status !== 'skipped') reallyRun.add(number);
        return;
      }
      if (isUnchecked) notChecked.add(number);
      if (status !== 'changed') return;
      hosts.add(host);
      changes += 1;
    },
    sum: (): Drift => ({
      hosts: [...hosts],
      changes,
      notChecked: notChecked.size,
      reallyRun: reallyRun.size,
    }),
  };
}
