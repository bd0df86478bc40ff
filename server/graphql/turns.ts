/**
 * Work that occupies the event loop (a document is parsed, checked and begun) takes turns with everything else that waits
 * for it: however many operations arrive at once, one of them begins in each round of the loop.
 */
const waiting: (() => void)[] = [];
let isTaken = false;

/** Resolves when it is the caller's turn: at once when nobody else had one in this round. */
export function nextTurn(): Promise<void> {
  if (isTaken) return new Promise((resolve) => waiting.push(resolve));
  isTaken = true;
  setImmediate(nextRound);
  return Promise.resolve();
}

function nextRound(): void {
  const next = waiting.shift();
  if (!next) {
    isTaken = false;
    return;
  }
  setImmediate(nextRound);
  next();
}
