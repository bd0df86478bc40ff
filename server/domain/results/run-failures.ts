import { causeOf, withoutNumbers, withoutWord } from './failure-cause.ts';
import type { FailureTexts, TaskEvent } from './result-event.ts';

/** The same failure of one task on one or several hosts. */
export interface Failure {
  /** In the order in which they failed; none: no host was involved. */
  readonly hosts: readonly string[];
  /** "" when no task failed but the run itself. */
  readonly task: string;
  readonly message: string;
  readonly file: string | null;
  readonly line: number | null;
  readonly logLine: number | null;
  readonly status: 'failed' | 'unreachable';
}

/** Collects failures as they happen, equal ones as one. */
export interface FailureGroups {
  add(failure: {
    readonly host: string;
    readonly task: TaskEvent | null;
    readonly status: Failure['status'];
    readonly texts: FailureTexts;
    readonly logLine: number | null;
  }): void;
  /** In the order in which the first of each happened. */
  list(): readonly Failure[];
}

/** Different failures that are kept. */
const MAX_GROUPS = 1_000;

interface Group extends Failure {
  readonly hosts: string[];
}

export function createFailureGroups(): FailureGroups {
  const groups = new Map<string, Group>();
  /** Hosts of each group. */
  const members = new Map<Group, Set<string>>();
  return {
    add({ host, task, status, texts, logLine }) {
      const message = causeOf(texts);
      // an unreachable host fails in whatever task comes first
      const where = status === 'unreachable' || task === null ? [] : [task.file, task.line, task.name];
      // a host may have a name that is also a word of the cause
      const keys = [withoutWord(message, host), message].map((text) =>
        JSON.stringify([status, ...where, withoutNumbers(text)]),
      );
      let group = keys.map((key) => groups.get(key)).find((found) => found !== undefined);
      if (!group) {
        if (members.size >= MAX_GROUPS) return;
        const { name = '', file = null, line = null } = task ?? {};
        group = { hosts: [], task: name, message, file, line, logLine, status };
        members.set(group, new Set());
        for (const key of keys) groups.set(key, group);
      }
      const known = members.get(group);
      if (known?.has(host)) return;
      known?.add(host);
      group.hosts.push(host);
    },
    list: () => [...members.keys()],
  };
}
