import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { PlaybookService } from '../../server/services/playbooks/playbook-service.ts';
import { openPlaybooks } from './playbooks.ts';
import { useReader } from './reader.ts';
import { makeTempDir } from './temp-dir.ts';

const LONG_AGO = new Date(Date.now() - 3_600_000);

export interface PlaybookPlace {
  readonly service: PlaybookService;
  readonly root: string;
  readonly outside: string;
  /** How many contents were read. */
  reads(): number;
  /** Whoever reads is too busy to say what a content is. */
  isBusy: boolean;
}

/** Runs its work with these files in the playbook folder, written long ago. */
export type WithPlaybooks = (
  files: Record<string, string | Buffer>,
  work: (place: PlaybookPlace) => Promise<void>,
) => Promise<void>;

/** For the file that it is called in: all its playbooks are read by one reader, as the real Ansible does. */
export function usePlaybooks(): WithPlaybooks {
  const reader = useReader();
  return async (files, work) => {
    const { path, remove } = await makeTempDir();
    const [root, outside] = [join(path, 'playbooks'), join(path, 'outside')];
    for (const folder of [root, outside]) mkdirSync(folder);
    for (const [name, content] of Object.entries(files)) {
      const at = join(root, name);
      mkdirSync(dirname(at), { recursive: true });
      writeFileSync(at, content);
      utimesSync(at, LONG_AGO, LONG_AGO);
    }
    let count = 0;
    const service = await openPlaybooks(root, {
      read: async (bytes, isUrgent) => {
        count += 1;
        return place.isBusy ? { kind: 'unknown' } : reader.read(bytes, isUrgent);
      },
    });
    const place: PlaybookPlace = { service, root, outside, reads: () => count, isBusy: false };
    await work(place);
    await remove();
  };
}
