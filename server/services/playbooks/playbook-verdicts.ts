import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { putBounded } from '../../domain/bounded-map.ts';
import { MAX_PLAYBOOK_BYTES } from '../../domain/playbooks/playbook.ts';
import type { PlaybookVerdict } from '../../domain/playbooks/playbook-check.ts';
import type { PlaybookReader } from '../../reader/reader.ts';
import { stampOf } from './file-stamp.ts';

/** What files are to Ansible. Each content is parsed once. */
export interface PlaybookVerdicts {
  /** @param isUrgent a run waits for it */
  ofBytes(bytes: Buffer, isUrgent: boolean): Promise<PlaybookVerdict>;
  /** Follows symlinks anywhere, as Ansible does. Null: the file is missing or cannot be read. */
  ofFile(absolutePath: string, isUrgent: boolean): Promise<PlaybookVerdict | null>;
}

const MAX_FILES = 20_000;
const MAX_CONTENTS = 2_000;

export function createPlaybookVerdicts(reader: Pick<PlaybookReader, 'read'>): PlaybookVerdicts {
  const byFile = new Map<string, { readonly stamp: string; readonly verdict: PlaybookVerdict }>();
  const byContent = new Map<string, PlaybookVerdict>();
  const underWay = new Map<string, Promise<PlaybookVerdict>>();

  async function ofBytes(bytes: Buffer, isUrgent: boolean): Promise<PlaybookVerdict> {
    const hash = createHash('sha256').update(bytes).digest('base64');
    const known = byContent.get(hash);
    if (known) return known;
    const key = `${isUrgent} ${hash}`;
    const asked = underWay.get(key) ?? reader.read(bytes, isUrgent);
    underWay.set(key, asked);
    try {
      const verdict = await asked;
      if (verdict.kind !== 'unknown') putBounded(byContent, hash, verdict, MAX_CONTENTS);
      return verdict;
    } finally {
      underWay.delete(key);
    }
  }

  return {
    ofBytes,
    async ofFile(absolutePath, isUrgent) {
      // taken before the bytes are read: after a change in between, the verdict is newer than its stamp and
      // is read again
      const stamp = stampOf(absolutePath);
      const known = byFile.get(absolutePath);
      if (stamp !== null && known?.stamp === stamp) return known.verdict;
      const bytes = await readRegular(absolutePath);
      if (bytes === null) return null;
      const verdict: PlaybookVerdict =
        bytes.length > MAX_PLAYBOOK_BYTES ? { kind: 'heavy' } : await ofBytes(bytes, isUrgent);
      if (stamp !== null && verdict.kind !== 'unknown')
        putBounded(byFile, absolutePath, { stamp, verdict }, MAX_FILES);
      return verdict;
    },
  };
}

/**
 * Reads at most one byte more than a playbook may have. Never blocks; null for anything but a regular file,
 * e.g. a FIFO.
 */
export async function readRegular(path: string): Promise<Buffer | null> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const info = await file.stat();
      if (!info.isFile()) return null;
      const buffer = Buffer.alloc(Math.min(info.size, MAX_PLAYBOOK_BYTES) + 1);
      let length = 0;
      while (length < buffer.length) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return buffer.subarray(0, length);
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}
