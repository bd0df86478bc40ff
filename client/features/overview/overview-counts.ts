import { createEffect, onCleanup } from 'solid-js';
import { subscribe } from '../../graphql/client.ts';
import { createLiveQuery } from '../../graphql/live-query.ts';
import { seenUntil } from './last-visit.ts';
import { ANY_RUN_CHANGED, failedGroups, OVERVIEW_COUNTS } from './overview-operations.ts';

/** Runs may change many times a second. */
const REREAD_MS = 2_000;

/** What navigation and tab title tell on every page: what failed since the last visit, and what runs. */
export function createOverviewCounts() {
  const query = createLiveQuery(OVERVIEW_COUNTS, () => ({}));
  let timer: ReturnType<typeof setTimeout> | undefined;
  const soon = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      query.invalidate();
    }, REREAD_MS);
  };
  onCleanup(subscribe(ANY_RUN_CHANGED, {}, { next: soon, error: () => undefined }));
  onCleanup(() => clearTimeout(timer));
  const failed = () =>
    failedGroups(query.data()?.failed.edges.map(({ node }) => node) ?? [], seenUntil()).length;
  const running = () => query.data()?.running.totalCount ?? 0;
  createEffect(() => {
    document.title = failed() > 0 ? `(${failed()}) Sible` : 'Sible';
  });
  return { failed, running };
}
