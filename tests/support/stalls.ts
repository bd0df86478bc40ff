import { readFileSync } from 'node:fs';

/**
 * The longest time for which the event loop did not turn, in ms for which its thread was on a processor: what other programs
 * take from it on a busy machine does not count.
 */
export function watchStalls(): { end(): number } {
  let longest = 0;
  let last = onCpu();
  let isWatching = true;
  const look = () => {
    const now = onCpu();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const turn = () => {
    look();
    if (isWatching) setImmediate(turn);
  };
  setImmediate(turn);
  return {
    end() {
      isWatching = false;
      look();
      return longest;
    },
  };
}

function onCpu(): number {
  return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6;
}
