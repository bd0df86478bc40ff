import { isLayoutPath, isPlaybookPath } from './playbook.ts';
import type { PlaybookVerdict } from './playbook-check.ts';
import { HEAD_BYTES, type HeadVerdict, judgeHead } from './playbook-head.ts';

/**
 * Whether the list shows a file, and it can be opened, replaced and deleted: a playbook, or one to all appearances that cannot
 * be read, so that it can be mended. Where Ansible expects something else only what is certain to be a playbook.
 * @param verdict of its content
 */
export function isShown(path: string, head: HeadVerdict, verdict: PlaybookVerdict): boolean {
  switch (verdict.kind) {
    case 'playbook':
      return true;
    case 'vault':
      return !isLayoutPath(path);
    case 'broken':
    case 'heavy':
    case 'unknown':
      return head === 'likely' && !isLayoutPath(path);
    default:
      return false;
  }
}

/** As `isShown`, for a path that a caller gave. @param bytes all of the file */
export function isShownWith(path: string, bytes: Buffer, verdict: PlaybookVerdict): boolean {
  if (!isPlaybookPath(path)) return false;
  return isShown(path, judgeHead(bytes.subarray(0, HEAD_BYTES), bytes.length <= HEAD_BYTES), verdict);
}
