import { createEffect, createMemo, createSignal, on } from 'solid-js';
import { ROW_PX, scrollScale } from './scroll-scale.ts';

/** Rows above and below the window, so that fast scrolling shows no holes. */
const SPARE_ROWS = 12;
/** Wrapped rows differ in height, so none can be left out of the page; more than this would make it slow. */
export const MAX_WRAPPED = 2_000;

/** The element that scrolls. */
export type Scroller = Pick<HTMLElement, 'scrollTop' | 'scrollHeight' | 'clientHeight' | 'scrollTo'>;

/**
 * Which lines are in view, and whether the view follows the end of the log.
 * @param count of the lines held
 * @param isFollowingFirst whether it follows from the start
 */
export function createLogScroll(count: () => number, isWrapped: () => boolean, isFollowingFirst: boolean) {
  const [isFollowing, setFollowing] = createSignal(isFollowingFirst);
  const [seen, setSeen] = createSignal(0);
  const [scrollTop, setScrollTop] = createSignal(0);
  const [viewport, setViewport] = createSignal(400);
  let scroller: Scroller | undefined;
  /** Where following ended: an event of an earlier scroll to the end must not resume it. */
  let lastTop = 0;

  const scale = createMemo(() => scrollScale(count(), viewport()));
  const first = createMemo(() => Math.max(0, scale().firstRow(scrollTop()) - SPARE_ROWS));
  const rows = createMemo(() => {
    const from = isWrapped() ? Math.max(0, count() - MAX_WRAPPED) : first();
    const wanted = isWrapped() ? MAX_WRAPPED : Math.ceil(viewport() / ROW_PX) + 2 * SPARE_ROWS;
    return Array.from({ length: Math.min(wanted, count() - from) }, (_, index) => from + index + 1);
  });

  createEffect(
    on([count, isFollowing, isWrapped], () => {
      if (!isFollowing() || !scroller) return;
      queueMicrotask(() => isFollowing() && scroller?.scrollTo({ top: scroller.scrollHeight }));
    }),
  );

  const follow = () => setFollowing(true);
  const release = () => {
    if (isFollowing()) setSeen(count());
    setFollowing(false);
    lastTop = scroller?.scrollTop ?? 0;
  };

  return {
    isFollowing,
    follow,
    release,
    /** Numbers of the lines to draw. */
    rows,
    heightPx: () => scale().heightPx,
    topOf: (line: number) => scale().topOf(line - 1, scrollTop()),
    /** How many lines have come since following ended. */
    unseen: () => count() - seen(),
    attach(element: Scroller): void {
      scroller = element;
    },
    /** The element has another size. */
    resized(): void {
      setViewport(scroller?.clientHeight ?? 400);
    },
    /** The element was scrolled; at the end it follows again. */
    scrolled(): void {
      if (!scroller) return;
      setScrollTop(scroller.scrollTop);
      const isAtEnd = scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 2 * ROW_PX;
      if (isAtEnd && !isFollowing() && scroller.scrollTop > lastTop) follow();
      lastTop = scroller.scrollTop;
    },
    /** Brings a line into the upper third of the view. */
    show(line: number): void {
      release();
      scroller?.scrollTo({ top: Math.max(0, scale().scrollTopOf(line - 1) - viewport() / 3) });
    },
  };
}
