import { promisify } from 'node:util';
import { constants, deflateRaw, inflateRawSync } from 'node:zlib';
import { putBounded } from '../domain/bounded-map.ts';

/** A log chunk's bytes as stored. */
export interface PackedBytes {
  readonly bytes: Buffer;
  /** Whether they are compressed (raw DEFLATE, RFC 1951). */
  readonly isDeflated: boolean;
}

/** Smaller chunks are not worth the time; live lines come in such chunks. */
const MIN_BYTES = 16_384;
const MAX_UNPACKED = 8;
const deflate = promisify(deflateRaw);

/** Logs are repetitive: writing a tenth of the bytes saves more time than compressing them costs. */
export async function packBytes(bytes: Uint8Array): Promise<PackedBytes> {
  const plain = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (plain.length < MIN_BYTES) return { bytes: plain, isDeflated: false };
  const packed = await deflate(plain, { level: constants.Z_BEST_SPEED });
  return packed.length < plain.length
    ? { bytes: packed, isDeflated: true }
    : { bytes: plain, isDeflated: false };
}

/** Unpacks chunks; caches a few, because a reader takes less than a chunk at a time. */
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
