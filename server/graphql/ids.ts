import { decodeGlobalID, encodeGlobalID } from '@pothos/plugin-relay';
import { NotFoundError } from '../domain/errors.ts';

/** Types that have global ids. */
export type NodeType = 'Schedule' | 'Run' | 'Channel';

export function isNodeType(name: string): name is NodeType {
  return name === 'Schedule' || name === 'Run' || name === 'Channel';
}

export function globalId(type: NodeType, id: string): string {
  return encodeGlobalID(type, id);
}

/**
 * The local id encoded in a global one.
 * @throws {NotFoundError} when it is not a global id of this type: an id that cannot be decoded identifies
 * nothing
 */
export function localId(type: NodeType, id: string): string {
  const found = tryLocalId(type, id);
  if (found === null) throw new NotFoundError(type.toLowerCase(), id);
  return found;
}

/** Null when it is not a global id of this type. */
export function tryLocalId(type: NodeType, id: string): string | null {
  const decoded = decodeId(id);
  return decoded.typename === type ? decoded.id : null;
}

/** Decodes a global id; any other text yields an unknown type, which resolves to nothing. */
export function decodeId(id: string): { typename: string; id: string } {
  try {
    return decodeGlobalID(id);
  } catch {
    return { typename: '', id };
  }
}
