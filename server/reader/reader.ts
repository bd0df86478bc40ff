import type { PlaybookVerdict } from '../domain/playbooks/playbook-check.ts';

/** Determines what a YAML file is to Ansible, off the event loop. */
export interface PlaybookReader {
  /**
   * Never rejects, and answers within seconds for any input: `heavy` when it would take too much time or
   * memory.
   * @param isUrgent a run is waiting: do not queue behind files that are only being listed or viewed
   */
  read(bytes: Buffer, isUrgent: boolean): Promise<PlaybookVerdict>;
  close(): void;
}
