/**
 * The longest time for which the event loop did not turn, in ms of this process's own work: what other programs take from it
 * on a busy machine does not count.
 */
export function watchStalls(): { end(): number } {
  let longest = 0;
  let last = process.cpuUsage();
  let isWatching = true;
  const look = () => {
    const { user, system } = process.cpuUsage(last);
    longest = Math.max(longest, (user + system) / 1_000);
    last = process.cpuUsage();
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
