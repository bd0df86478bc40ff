/**
 * Time budget for turns per round of the event loop. Short operations share a round, and thus one commit;
 * other work waits for the budget plus the last operation begun.
 */
const ROUND_MS = 5;

/**
 * Work that occupies the event loop (parsing, validating and starting operations) takes turns with everything
 * else: however many operations arrive at once, each round of the loop starts only as many as fit into a few
 * ms.
 */
const waiting: (() => void)[] = [];
let isRoundDue = false;
/** In `performance.now()` time. */
let roundEnds = 0;

/** Resolves when it is the caller's turn, in order of the calls. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (!isRoundDue) planRound();
  });
}

/** Processes items one after the other, each in its own turn. */
export async function eachInTurn<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) {
    await nextTurn();
    results.push(await work(item));
  }
  return results;
}

function planRound(): void {
  isRoundDue = true;
  setImmediate(() => {
    roundEnds = performance.now() + ROUND_MS;
    giveTurn();
  });
}

function giveTurn(): void {
  const next = waiting.shift();
  next?.();
  if (waiting.length === 0) isRoundDue = false;
  else queueMicrotask(goOnWhenBegun);
}

/**
 * Called as a microtask, this lets Node drain the microtask queue first: when the clock is read, the work has
 * used its time.
 */
function goOnWhenBegun(): void {
  process.nextTick(() => {
    if (performance.now() < roundEnds) giveTurn();
    else planRound();
  });
}
