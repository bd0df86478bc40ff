import { createSignal, Show } from 'solid-js';
import { Button } from './button.tsx';

/** The current page of a long list. */
export interface Pager {
  /** Arguments of a connection; `after` is the cursor of the last item of the previous page. */
  page(): { readonly first: number; readonly after: string | null };
  isFirst(): boolean;
  forward(endCursor: string): void;
  back(): void;
  /** Goes back to the first page, e.g. when the filter changes. */
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

/** Renders nothing while there is only one page. */
export function PagerButtons(props: {
  pager: Pager;
  pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null } | undefined;
  /** Labels of the previous and the next page, e.g. "Newer" and "Older". */
  back: string;
  forward: string;
}) {
  const next = () => (props.pageInfo?.hasNextPage ? props.pageInfo.endCursor : null);
  // the buttons are below the list, but a page is read from the top
  const turn = (move: () => void) => {
    move();
    window.scrollTo(0, 0);
  };
  return (
    <Show when={!props.pager.isFirst() || next()}>
      <div class="mt-3 flex justify-center gap-2">
        <Button disabled={props.pager.isFirst()} onClick={() => turn(props.pager.back)}>
          {props.back}
        </Button>
        <Button
          disabled={!next()}
          onClick={() => {
            const cursor = next();
            if (cursor) turn(() => props.pager.forward(cursor));
          }}
        >
          {props.forward}
        </Button>
      </div>
    </Show>
  );
}
