/** A timer of Node that is longer fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * A timer for any time that a user may choose, in ms by the clock; with none left it calls back in the next turn. It keeps
 * no process alive.
 */
export function startLongTimer(ms: number, onTime: () => void): { cancel(): void } {
  let timer: NodeJS.Timeout;
  const at = Date.now() + ms;
  const arm = () => {
    const left = at - Date.now();
    timer = setTimeout(left > MAX_TIMER_MS ? arm : onTime, Math.min(Math.max(left, 0), MAX_TIMER_MS));
    timer.unref();
  };
  arm();
  return { cancel: () => clearTimeout(timer) };
}
