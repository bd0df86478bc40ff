import { createSignal, Show } from 'solid-js';
import { Button } from './button.tsx';

/** Where in a long list a page stands: what `first` and `after` of a connection are. */
export interface Pager {
  readonly size: number;
  /** Cursor of the last item of the page before; null: the first page. */
  after(): string | null;
  forward(endCursor: string): void;
  back(): void;
  /** To the first page, as when something else is listed. */
  reset(): void;
}

export function createPager(size: number): Pager {
  const [cursors, setCursors] = createSignal<readonly string[]>([]);
  return {
    size,
    after: () => cursors().at(-1) ?? null,
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
  return (
    <Show when={props.pager.after() !== null || next()}>
      <div class="mt-3 flex justify-center gap-2">
        <Button disabled={props.pager.after() === null} onClick={() => props.pager.back()}>
          {props.back}
        </Button>
        <Button
          disabled={!next()}
          onClick={() => {
            const cursor = next();
            if (cursor) props.pager.forward(cursor);
          }}
        >
          {props.forward}
        </Button>
      </div>
    </Show>
  );
}
