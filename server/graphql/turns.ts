/**
 * Time for turns in each round of the event loop. Short operations share a round, and so the commit of what they store; other
 * work waits for this and for the last operation that was begun.
 */
const ROUND_MS = 5;

/**
 * Work that occupies the event loop (a document is parsed, checked and begun) takes turns with everything else that waits
 * for it: however many operations arrive at once, no more of them begin in one round of the loop than fit into a few ms.
 */
const waiting: (() => void)[] = [];
let isRoundDue = false;
/** On the clock of `performance.now()`. */
let roundEnds = 0;

/** Resolves when it is the caller's turn, in the order of the calls. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (!isRoundDue) planRound();
  });
}

/** Does one after the other, each in a turn of its own. */
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

/** Called as a microtask, this lets Node empty that queue first: the work has used its time when the clock is read. */
function goOnWhenBegun(): void {
  process.nextTick(() => {
    if (performance.now() < roundEnds) giveTurn();
    else planRound();
  });
}
