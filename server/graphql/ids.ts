import { decodeGlobalID, encodeGlobalID } from '@pothos/plugin-relay';
import { NotFoundError } from '../domain/errors.ts';

/** Types that have global ids. */
export type NodeType = 'Schedule' | 'Run';

export function isNodeType(name: string): name is NodeType {
  return name === 'Schedule' || name === 'Run';
}

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
  const decoded = decodeId(id);
  return decoded.typename === type ? decoded.id : null;
}

/** The type and id behind any text: what is no global id is one of a type that does not exist, and so of nothing. */
export function decodeId(id: string): { typename: string; id: string } {
  try {
    return decodeGlobalID(id);
  } catch {
    return { typename: '', id };
  }
}
