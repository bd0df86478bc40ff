import { decodeGlobalID, encodeGlobalID } from '@pothos/plugin-relay';
import { NotFoundError } from '../domain/errors.ts';

/** Types that have global ids. */
export type NodeType = 'Schedule' | 'Run';

export function globalId(type: NodeType, id: string): string {
  return encodeGlobalID(type, id);
}

/**
 * Our own id behind a global one.
 * @throws {NotFoundError} when it is none of this type: what cannot be decoded does not exist either
 */
export function localId(type: NodeType, id: string): string {
  const found = tryLocalId(type, id);
  if (found === null) throw new NotFoundError(type.toLowerCase(), id);
  return found;
}

/** Null when it is no global id of this type. */
export function tryLocalId(type: NodeType, id: string): string | null {
  try {
    const decoded = decodeGlobalID(id);
    return decoded.typename === type ? decoded.id : null;
  } catch {
    return null;
  }
}
