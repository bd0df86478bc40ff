import type { RunCounts } from '../../server/runner/ansible/run-facts.ts';

/** Of a playbook of one play and three tasks in which nothing went wrong. */
export const COUNTS: RunCounts = {
  plays: 1,
  unmatched: 0,
  tasks: 3,
  tagged: false,
  failed: 0,
  unreachable: 0,
  causes: [],
};

/** What went wrong on these hosts. */
export const failed = (message: string, ...hosts: string[]) =>
  ({ status: 'failed', message, count: hosts.length, hosts: hosts.slice(0, 3) }) as const;
