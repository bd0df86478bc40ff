import type { PlaybookReader } from '../../server/reader/reader.ts';
import { openPlaybookFolder } from '../../server/services/playbooks/playbook-folder.ts';
import { createPlaybookListing } from '../../server/services/playbooks/playbook-listing.ts';
import {
  createPlaybookService,
  type PlaybookService,
} from '../../server/services/playbooks/playbook-service.ts';
import { createPlaybookVerdicts } from '../../server/services/playbooks/playbook-verdicts.ts';

/** The playbooks of a folder, as a server has them. */
export async function openPlaybooks(
  path: string,
  reader: Pick<PlaybookReader, 'read'>,
): Promise<PlaybookService> {
  const folder = await openPlaybookFolder(path);
  const verdicts = createPlaybookVerdicts(reader);
  const listing = createPlaybookListing(folder.root, verdicts);
  return createPlaybookService({ folder, listing, verdicts, logChange: () => undefined });
}
