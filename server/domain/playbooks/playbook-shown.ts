import { isLayoutPath, isPlaybookPath } from './playbook.ts';
import type { PlaybookVerdict } from './playbook-check.ts';
import { HEAD_BYTES, type HeadVerdict, judgeHead } from './playbook-head.ts';

/**
 * Whether a file is listed and may be opened, replaced and deleted: a playbook, or a file that looks like one
 * but cannot be parsed, so that it can be repaired. Where Ansible expects something else, only a certain
 * playbook counts.
 * @param verdict the verdict on its content
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

/** `isShown` for a path from a caller. @param bytes the whole file */
export function isShownWith(path: string, bytes: Buffer, verdict: PlaybookVerdict): boolean {
  if (!isPlaybookPath(path)) return false;
  return isShown(path, judgeHead(bytes.subarray(0, HEAD_BYTES), bytes.length <= HEAD_BYTES), verdict);
}
