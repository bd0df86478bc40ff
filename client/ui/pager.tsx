import { createSignal, Show } from 'solid-js';
import { Button } from './button.tsx';

/** Where in a long list a page stands. */
export interface Pager {
  /** Which part of a connection it is; `after` is the cursor of the last item of the page before. */
  page(): { readonly first: number; readonly after: string | null };
  isFirst(): boolean;
  forward(endCursor: string): void;
  back(): void;
  /** To the first page, as when something else is listed. */
  reset(): void;
}

export function createPager(size: number): Pager {
  const [cursors, setCursors] = createSignal<readonly string[]>([]);
  return {
    page: () => ({ first: size, after: cursors().at(-1) ?? null }),
    isFirst: () => cursors().length === 0,
    forward: (endCursor) => setCursors((all) => [...all, endCursor]),
    back: () => setCursors((all) => all.slice(0, -1)),
    reset: () => setCursors([]),
  };
}

/** Nothing while there is one page only. */
export function PagerButtons(props: {
  pager: Pager;
  pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null } | undefined;
  /** What the pages before and behind are, e.g. "Newer" and "Older". */
  back: string;
  forward: string;
}) {
  const next = () => (props.pageInfo?.hasNextPage ? props.pageInfo.endCursor : null);
  // the buttons are below the list, and a page is read from its top
  const leaf = (move: () => void) => {
    move();
    window.scrollTo(0, 0);
  };
  return (
    <Show when={!props.pager.isFirst() || next()}>
      <div class="mt-3 flex justify-center gap-2">
        <Button disabled={props.pager.isFirst()} onClick={() => leaf(props.pager.back)}>
          {props.back}
        </Button>
        <Button
          disabled={!next()}
          onClick={() => {
            const cursor = next();
            if (cursor) leaf(() => props.pager.forward(cursor));
          }}
        >
          {props.forward}
        </Button>
      </div>
    </Show>
  );
}
