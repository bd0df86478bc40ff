import { InvalidStateError } from '../domain/errors.ts';
import { nextTurn } from './turns.ts';

/**
 * The long texts of one response: playbook contents, log pages, extra variables. They are read sequentially,
 * up to what one response may hold. Each character counted here costs several times its size until it has
 * been sent.
 */
export interface Answer {
  /**
   * Reads a text once the previous ones have been read. Waits while too many other responses with long texts
   * are in progress.
   * @param lengthOf how much of the limit the result uses
   * @param kind `short`: does not wait for other responses as long as this one is short, too
   * @throws {InvalidStateError} when the response would become too long, or too many long ones are queued
   */
  read<T>(work: () => Promise<T>, lengthOf: (result: T) => number, kind?: 'short'): Promise<T>;
  /** Call when it has been sent, or nobody waits for it any more. Idempotent. */
  end(): void;
}

/**
 * Total length of the texts of one response, in characters: serialising more to JSON would block other
 * clients.
 */
const MAX_LENGTH = 3 * 1_048_576;
/** Responses shorter than this need not wait for others. */
const SHORT_LENGTH = 65_536;
/** Maximum number of concurrent responses with long texts. */
const MAX_AT_ONCE = 2;
const MAX_WAITING = 100;
/** How long a client may take to read such a response. */
const MAX_MS = 60_000;

let underWay = 0;
const waiting = new Set<() => void>();

const gone = () => new InvalidStateError('Nobody waits for the answer any more.');

/** Admits the next waiting response if a slot is free. */
function passOn(): void {
  const [next] = waiting;
  if (next === undefined || underWay >= MAX_AT_ONCE) return;
  waiting.delete(next);
  next();
}

/**
 * @param cut closes the connection of a client that does not read; null: an event of a subscription, which is
 * produced only once the previous one has been read
 */
export function createAnswer(cut: (() => void) | null): Answer {
  let length = 0;
  let isEnded = false;
  let place: Promise<void> | null = null;
  let leave: () => void = () => undefined;
  let last: Promise<unknown> = Promise.resolve();

  async function takePlace(cutOff: () => void): Promise<void> {
    if (underWay >= MAX_AT_ONCE) {
      if (waiting.size >= MAX_WAITING)
        throw new InvalidStateError('The server has too many long answers to make; try again later.');
      await new Promise<void>((resolve) => {
        waiting.add(resolve);
        leave = () => {
          waiting.delete(resolve);
          resolve();
        };
      });
      if (isEnded) {
        // pass the slot on to the next
        passOn();
        return;
      }
    }
    underWay += 1;
    const timer = setTimeout(cutOff, MAX_MS);
    leave = () => {
      clearTimeout(timer);
      underWay -= 1;
      passOn();
    };
  }

  async function readNow<T>(
    work: () => Promise<T>,
    lengthOf: (result: T) => number,
    kind?: 'short',
  ): Promise<T> {
    // a response that has ended would never release its slot
    if (isEnded) throw gone();
    if (cut && (kind !== 'short' || length > SHORT_LENGTH)) place ??= takePlace(cut);
    await place;
    if (isEnded) throw gone();
    if (length <= MAX_LENGTH) {
      const result = await work();
      length += lengthOf(result);
      // the last text completes a response, which is then serialised to JSON: at most one per turn of the
      // event loop
      if (length > SHORT_LENGTH) await nextTurn();
      if (length <= MAX_LENGTH) return result;
    }
    throw new InvalidStateError(
      `The answer would hold more than ${MAX_LENGTH} characters of playbooks, logs and extra variables; ask for fewer at once.`,
    );
  }

  return {
    read(work, lengthOf, kind) {
      const result = last.then(() => readNow(work, lengthOf, kind));
      last = result.catch(() => undefined);
      return result;
    },
    end() {
      if (isEnded) return;
      isEnded = true;
      leave();
    },
  };
}
