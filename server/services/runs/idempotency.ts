import { createHash } from 'node:crypto';
import { InvalidInputError } from '../../domain/errors.ts';
import { KEY_LIFE_MS } from '../../domain/runs/idempotency.ts';
import type { KeyStore } from '../../storage/storage.ts';
import { createMutexByKey } from '../mutex-by-key.ts';

/** Lets a caller retry after a lost response: the same key with the same request returns the same thing. */
export interface Idempotency {
  /**
   * @param key null: each call makes a new thing
   * @param request what is asked for, as a JSON-serialisable value
   * @param work makes the thing under the given id
   * @throws {InvalidInputError} when the key is malformed, or was used for another request within 24 h
   */
  once<T>(key: string | null, request: readonly unknown[], work: Once<T>): Promise<T>;
  /** Deletes some of the keys older than 24 h. */
  forgetOld(): Promise<void>;
}

export interface Once<T> {
  newId(): string;
  /** @param isDone whether it is certain to have been made: if it is missing then, it was deleted since */
  find(id: string, isDone: boolean): Promise<T | null>;
  /** Rejects when the request cannot be met; the key is then not bound. */
  check(): Promise<void>;
  /** @returns the thing with this id, made by this call or by another one with the same key */
  make(id: string): Promise<T>;
}

const KEY = /^[\x21-\x7e]{1,255}$/;
/** Keys deleted per step; a sweep takes one step. */
const FORGOTTEN_AT_ONCE = 5_000;

export function createIdempotency(options: { readonly keys: KeyStore; now(): Date }): Idempotency {
  const { keys } = options;
  const withKeyLock = createMutexByKey();

  async function onceFor<T>(key: string, request: readonly unknown[], work: Once<T>): Promise<T> {
    if (!KEY.test(key)) throw invalid('expected 1 to 255 printable ASCII characters without blanks');
    const hash = createHash('sha256').update(JSON.stringify(request)).digest('hex');
    const requireSame = (bound: { readonly request: string }) => {
      if (bound.request !== hash) throw invalid('it was used for another request within 24 h');
    };
    const since = new Date(options.now().getTime() - KEY_LIFE_MS);
    const findMade = async () => {
      const found = await keys.find(key);
      if (!found || found.boundAt < since) return null;
      requireSame(found);
      return work.find(found.id, found.isDone);
    };
    const made = await findMade();
    if (made) return made;
    try {
      await work.check();
    } catch (error) {
      // the conflict may be with what another node has just made with this very key
      const madeSince = await findMade();
      if (madeSince) return madeSince;
      throw error;
    }
    const fresh = { key, request: hash, id: work.newId(), boundAt: options.now(), isDone: false };
    const bound = await keys.bind(fresh, since);
    requireSame(bound);
    const result = await work.make(bound.id);
    await keys.markDone(key, bound.id);
    return result;
  }

  return {
    async once(key, request, work) {
      // serialised within this process; between nodes the store decides
      if (key !== null) return withKeyLock(key, () => onceFor(key, request, work));
      await work.check();
      return work.make(work.newId());
    },

    async forgetOld() {
      await keys.forget(new Date(options.now().getTime() - KEY_LIFE_MS), FORGOTTEN_AT_ONCE);
    },
  };
}

function invalid(reason: string): InvalidInputError {
  const message = `The idempotency key cannot be used: ${reason}.`;
  return new InvalidInputError([{ path: ['idempotencyKey'], message, position: null }]);
}
