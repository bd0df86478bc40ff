import { InvalidStateError } from '../domain/errors.ts';
import { nextTurn } from './turns.ts';

/**
 * The long texts of one answer: contents of playbooks, pages of logs, extra variables. They are read one after the other, and
 * no more of them than an answer may hold. What is counted here costs several times as much until it has been sent.
 */
export interface Answer {
  /**
   * Reads a text when those before it were read. Waits while many other answers with long texts are under way.
   * @param lengthOf what it takes of the answer
   * @param kind `short`: waits for no other answers as long as this one is short, too
   * @throws {InvalidStateError} when the answer would become too long, or the server has too many of them to make
   */
  read<T>(work: () => Promise<T>, lengthOf: (result: T) => number, kind?: 'short'): Promise<T>;
  /** It has been sent, or nobody waits for it any more. Safe to call again. */
  end(): void;
}

/** Of all texts of one answer, in characters: to turn more into JSON would keep the others waiting. */
const MAX_LENGTH = 3 * 1_048_576;
/** Answers shorter than this need not wait for others. */
const SHORT_LENGTH = 65_536;
/** Answers with long texts that are made and sent at once. */
const MAX_AT_ONCE = 2;
const MAX_WAITING = 100;
/** For a client to read such an answer. */
const MAX_MS = 60_000;

let underWay = 0;
const waiting = new Set<() => void>();

const gone = () => new InvalidStateError('Nobody waits for the answer any more.');

/** Lets the next in if there is a place. */
function passOn(): void {
  const [next] = waiting;
  if (next === undefined || underWay >= MAX_AT_ONCE) return;
  waiting.delete(next);
  next();
}

/**
 * @param cut ends the connection of a client that does not read; null: it is an event of a subscription, which is made when
 * the one before was read
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
        // the place that was handed to it goes to the next
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
    // an answer that has ended would never give its place back
    if (isEnded) throw gone();
    if (cut && (kind !== 'short' || length > SHORT_LENGTH)) place ??= takePlace(cut);
    await place;
    if (isEnded) throw gone();
    if (length <= MAX_LENGTH) {
      const result = await work();
      length += lengthOf(result);
      // its last text completes an answer, which is then turned into JSON: at most one in each turn of the loop
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
