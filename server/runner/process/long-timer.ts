/** Node fires longer timers at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * A timer for any duration that a user may choose, in ms of wall-clock time; with none left it fires in the
 * next turn. Does not keep the process alive.
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
