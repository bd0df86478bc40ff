import { createSignal } from 'solid-js';

const LAST_VISIT = 'sible.lastVisit';
const SEEN = 'sible.seenUntil';
/** Of a viewer who was never here. */
const FIRST_VISIT_MS = 24 * 60 * 60 * 1_000;

/** A browser may keep nothing; then each page load is a first visit. */
function stored(storage: Storage, key: string): number | null {
  try {
    const value = Number(storage.getItem(key));
    return Number.isFinite(value) && value > 0 ? value : null;
  } catch {
    return null;
  }
}

function store(storage: Storage, key: string, value: number): void {
  try {
    storage.setItem(key, String(value));
  } catch {
    // as if nothing was stored
  }
}

/** The end of the last visit in another tab or session: loading this page again changes nothing. */
const [seenUntil, setSeenUntil] = createSignal(
  stored(sessionStorage, SEEN) ?? stored(localStorage, LAST_VISIT) ?? Date.now() - FIRST_VISIT_MS,
);
store(sessionStorage, SEEN, seenUntil());
addEventListener('pagehide', () => store(localStorage, LAST_VISIT, Date.now()));

export { seenUntil };

/** What is there now is no news any more. */
export function markSeen(): void {
  const now = Date.now();
  setSeenUntil(now);
  store(sessionStorage, SEEN, now);
  store(localStorage, LAST_VISIT, now);
}
