import { afterAll } from 'vitest';
import { createAnsibleReader } from '../../server/reader/ansible-reader.ts';
import type { PlaybookReader } from '../../server/reader/reader.ts';
import { findAnsible } from './ansible.ts';

/** With the Python of the real Ansible: one for all tests of the file that it is called in. */
export function useReader(): PlaybookReader {
  const reader = createReader();
  afterAll(() => reader.close());
  return reader;
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

function createReader(
  ansiblePlaybook = findAnsible(),
  onWarning: (message: string) => void = () => undefined,
): PlaybookReader {
  return createAnsibleReader({ ansiblePlaybook, environment: process.env, onWarning });
}
