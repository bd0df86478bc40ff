import { type InputIssue, InvalidInputError } from '../errors.ts';
import { CronSyntaxError, parseCron } from './cron.ts';
import type { Timing } from './timing.ts';

/** A timing as input: exactly one of the fields is set. */
export interface TimingInput {
  readonly cron?: string | null | undefined;
  readonly at?: Date | null | undefined;
  readonly every?: { readonly seconds: number; readonly anchor?: Date | null | undefined } | null | undefined;
}

const MAX_INTERVAL_SECONDS = 366 * 86_400;
const MIN_INSTANT = Date.UTC(1970, 0, 1);
const MAX_INSTANT = Date.UTC(9999, 11, 31);

/**
 * @param now the default anchor of an interval, truncated to the second
 * @throws {InvalidInputError} with the field below "timing", and the position inside a cron expression
 */
export function parseTiming(input: TimingInput, now: Date): Timing {
  const { cron, at, every } = input;
  const given = [cron, at, every].filter((value) => value !== undefined && value !== null);
  if (given.length !== 1) {
    throw fault([], `Expected exactly one of "cron", "at" and "every"; there are ${given.length}.`);
  }
  if (typeof cron === 'string') {
    try {
      parseCron(cron);
      return { kind: 'cron', expression: cron.trim() };
    } catch (error) {
      if (error instanceof CronSyntaxError) throw fault(['cron'], error.message, error.position);
      throw error;
    }
  }
  if (at) {
    requireInstant(at, ['at']);
    return { kind: 'once', at };
  }
  if (every) {
    const { seconds } = every;
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_INTERVAL_SECONDS) {
      throw fault(
        ['every', 'seconds'],
        `The interval is ${seconds} s; expected a whole number from 1 to ${MAX_INTERVAL_SECONDS}.`,
      );
    }
    const anchor = every.anchor ?? new Date(Math.floor(now.getTime() / 1_000) * 1_000);
    requireInstant(anchor, ['every', 'anchor']);
    return { kind: 'interval', seconds, anchor };
  }
  throw fault([], 'Expected exactly one of "cron", "at" and "every".');
}

function requireInstant(instant: Date, path: readonly string[]): void {
  const ms = instant.getTime();
  if (!(ms >= MIN_INSTANT && ms <= MAX_INSTANT)) {
    throw fault(path, 'The instant is out of range; expected the years 1970 to 9999.');
  }
}

function fault(path: readonly string[], message: string, position: number | null = null): InvalidInputError {
  const issue: InputIssue = { path: ['timing', ...path], message, position };
  return new InvalidInputError([issue]);
}
