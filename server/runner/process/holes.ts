import { execFile } from 'node:child_process';
import { fstat } from 'node:fs';
import { promisify } from 'node:util';

/** A hole of at least this size is not taken for output: no program that prints makes one. */
const MIN_HOLE_BYTES = 67_108_864;
/** Only pieces of at least this length are checked for a hole. */
const MIN_BLANK_BYTES = 65_536;
const BLOCK_BYTES = 512;
/** Holes are made of whole blocks of the file system. */
const PAGE_BYTES = 4_096;

const stat = promisify(fstat);
const run = promisify(execFile);

/**
 * Size of the hole at `at`, whose first bytes are `length` bytes of `buffer`, assuming that all allocated blocks
 * lie after it; 0 when there is none.
 * @param punched bytes that were punched out of the file, which no program has left out
 */
export async function holeAt(
  fd: number,
  at: number,
  buffer: Buffer,
  length: number,
  punched: number,
): Promise<number> {
  if (!isBlank(buffer, length)) return 0;
  const { size, blocks } = await stat(fd);
  const hole = size - blocks * BLOCK_BYTES - at - punched;
  return hole >= MIN_HOLE_BYTES ? hole : 0;
}

function isBlank(buffer: Buffer, length: number): boolean {
  return (
    length >= MIN_BLANK_BYTES && buffer[0] === 0 && buffer.compare(buffer, 0, length - 1, 1, length) === 0
  );
}

/**
 * Gives the disk back what a file holds from `from` to `to`; whole blocks in between. The offsets of all the rest
 * stay, even while someone writes. Node cannot do it: `fallocate` is part of util-linux.
 * @throws when the program is missing, or the file system cannot
 */
export async function punchHole(fd: number, from: number, to: number): Promise<void> {
  const start = Math.ceil(from / PAGE_BYTES) * PAGE_BYTES;
  const length = Math.floor(to / PAGE_BYTES) * PAGE_BYTES - start;
  if (length <= 0) return;
  const range = ['--offset', String(start), '--length', String(length)];
  await run('fallocate', ['--punch-hole', ...range, `/proc/${process.pid}/fd/${fd}`]);
}
