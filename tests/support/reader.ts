import { createAnsibleReader } from '../../server/reader/ansible-reader.ts';
import type { PlaybookReader } from '../../server/reader/reader.ts';
import { findAnsible } from './ansible.ts';

/** With the Python of the real Ansible. */
export async function withReader(work: (reader: PlaybookReader) => Promise<void>): Promise<void> {
  return withReaderOf(findAnsible(), work);
}

/** With the Python of this program, or our own parser where there is none. */
export async function withReaderOf(
  ansiblePlaybook: string,
  work: (reader: PlaybookReader, warnings: readonly string[]) => Promise<void>,
): Promise<void> {
  const warnings: string[] = [];
  const reader = createReader(ansiblePlaybook, (message) => warnings.push(message));
  try {
    await work(reader, warnings);
  } finally {
    reader.close();
  }
}

/** Whoever asks for it closes it. */
export function createReader(
  ansiblePlaybook = findAnsible(),
  onWarning: (message: string) => void = () => undefined,
): PlaybookReader {
  return createAnsibleReader({ ansiblePlaybook, environment: process.env, onWarning });
}
