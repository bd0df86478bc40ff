import type { PlaybookVerdict } from '../domain/playbooks/playbook-check.ts';

/** Says what a YAML file is to Ansible, off the event loop. */
export interface PlaybookReader {
  /**
   * Never rejects, and answers within seconds whatever the bytes are: `heavy` when they take too much time or memory.
   * @param isUrgent a run waits for it: it does not stand behind what is only looked at
   */
  read(bytes: Buffer, isUrgent: boolean): Promise<PlaybookVerdict>;
  close(): void;
}
