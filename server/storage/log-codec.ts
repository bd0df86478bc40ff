import { promisify } from 'node:util';
import { constants, deflateRaw, inflateRawSync } from 'node:zlib';
import { putBounded } from '../domain/bounded-map.ts';

/** The bytes of a chunk of a log as they are stored. */
export interface PackedBytes {
  readonly bytes: Buffer;
  /** Whether they are compressed (raw DEFLATE, RFC 1951). */
  readonly isDeflated: boolean;
}

/** Below this the time is not worth it, and live lines come in chunks that are smaller. */
const MIN_BYTES = 16_384;
const MAX_UNPACKED = 8;
const deflate = promisify(deflateRaw);

/** Logs repeat themselves: to write a tenth of the bytes takes less time than to compress them. */
export async function packBytes(bytes: Uint8Array): Promise<PackedBytes> {
  const plain = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (plain.length < MIN_BYTES) return { bytes: plain, isDeflated: false };
  const packed = await deflate(plain, { level: constants.Z_BEST_SPEED });
  return packed.length < plain.length
    ? { bytes: packed, isDeflated: true }
    : { bytes: plain, isDeflated: false };
}

/** Unpacks chunks; remembers a few, since a chunk is longer than what a reader takes at once. */
export function createUnpacker(): (key: string, packed: PackedBytes) => Buffer {
  const unpacked = new Map<string, Buffer>();
  return (key, { bytes, isDeflated }) => {
    if (!isDeflated) return bytes;
    const known = unpacked.get(key);
    if (known) return known;
    const plain = inflateRawSync(bytes);
    putBounded(unpacked, key, plain, MAX_UNPACKED);
    return plain;
  };
}
