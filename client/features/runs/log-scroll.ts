import { batch, createEffect, createMemo, createSignal, on, onCleanup, untrack } from 'solid-js';
import { createMeasuredRows, equalRows, ROW_PX } from './row-heights.ts';
import { scrollScale } from './scroll-scale.ts';

/** Rows above and below the window, so that fast scrolling shows no holes. */
const SPARE_ROWS = 12;
/** Scrolling farther than this at once, in windows, goes where the scroll bar points, instead of so many pixels farther. */
const JUMP = 4;
/** After the last scrolling: the scroll bar gets the place that belongs to the position. */
const SETTLE_MS = 150;

/** The element that scrolls. */
export type Scroller = Pick<HTMLElement, 'scrollTop' | 'clientHeight'>;

/**
 * Which lines are in view, and whether the view follows the end of the log. The position in the log is exact; the scroll bar,
 * whose height browsers limit, is brought in line with it.
 * @param count of the lines held
 * @param estimate of the height of a wrapped line, in pixels; tracked
 * @param isFollowingFirst whether it follows from the start
 */
export function createLogScroll(
  count: () => number,
  isWrapped: () => boolean,
  estimate: () => (line: number) => number,
  isFollowingFirst: boolean,
) {
  const [isFollowing, setFollowing] = createSignal(isFollowingFirst);
  const [seen, setSeen] = createSignal(0);
  /** Of the window's upper edge in the log. */
  const [position, setPosition] = createSignal(0);
  const [scrollTop, setScrollTop] = createSignal(0);
  const [viewport, setViewport] = createSignal(400);
  const [measures, setMeasures] = createSignal(0);
  const measured = createMeasuredRows();
  let scroller: Scroller | undefined;
  /** The row that stays where it is when heights are corrected; null: the uppermost. */
  let heldRow: number | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  onCleanup(() => clearTimeout(timer));

  const estimated = createMemo(() => {
    measured.clear();
    return estimate();
  });
  const heights = createMemo(
    () => {
      if (!isWrapped()) return equalRows(count());
      measures();
      const height = estimated();
      measured.grow(count(), (row) => height(row + 1));
      return measured;
    },
    undefined,
    { equals: false },
  );
  const scale = createMemo(() => scrollScale(heights().totalPx(), viewport()));
  const lastPosition = () => Math.max(0, heights().totalPx() - viewport());
  const firstRow = createMemo(() => Math.max(0, heights().rowAt(position()) - SPARE_ROWS));
  const rowCount = createMemo(() =>
    Math.max(0, Math.min(Math.ceil(viewport() / ROW_PX) + 2 * SPARE_ROWS, count() - firstRow())),
  );
  const rows = createMemo(() => {
    const from = firstRow();
    return Array.from({ length: rowCount() }, (_, index) => from + index + 1);
  });

  /** The scroll bar gets the place that belongs to the position. */
  function settle(): void {
    if (!scroller) return;
    const wanted = Math.round(scale().toScrollTop(position()));
    if (Math.abs(wanted - scroller.scrollTop) > 1) scroller.scrollTop = wanted;
    setScrollTop(scroller.scrollTop);
  }

  function moveTo(wanted: number): void {
    setPosition(Math.max(0, Math.min(lastPosition(), wanted)));
    settle();
  }

  const toEnd = () => moveTo(lastPosition());
  createEffect(
    on([heights, viewport, isFollowing], () => {
      if (isFollowing()) toEnd();
      // while the user scrolls, the scroll bar is the user's
      else if (timer === undefined) settle();
    }),
  );
  let topLine = 1;
  createEffect(
    on(position, (px) => {
      topLine = untrack(heights).rowAt(px) + 1;
    }),
  );
  // what one reads stays where it is when all heights change
  createEffect(
    on([isWrapped, estimated], (_, before) => {
      if (before && !isFollowing()) show(topLine);
    }),
  );

  const follow = () => setFollowing(true);
  const release = () => {
    if (isFollowing()) setSeen(count());
    setFollowing(false);
  };
  function show(line: number, share = 0): void {
    release();
    heldRow = line - 1;
    moveTo(heights().topOf(line - 1) - viewport() * share);
  }

  return {
    isFollowing,
    follow,
    release,
    /** Numbers of the lines to draw. */
    rows,
    heightPx: () => scale().heightPx,
    /** Where the first of `rows` begins in the scrolled element. */
    rowsTop: () => scrollTop() + heights().topOf(firstRow()) - position(),
    /** The first line in view. */
    topLine: () => heights().rowAt(position()) + 1,
    /** How many lines have come since following ended. */
    unseen: () => count() - seen(),
    attach(element: Scroller): void {
      scroller = element;
    },
    /** The element has another size. */
    resized(): void {
      setViewport(scroller?.clientHeight || 400);
    },
    /** The element was scrolled; at the end it follows again. */
    scrolled(): void {
      const top = scroller?.scrollTop ?? 0;
      const by = top - scrollTop();
      if (by === 0) return;
      heldRow = null;
      batch(() => {
        const isJump = Math.abs(by) > JUMP * viewport();
        const wanted = isJump ? scale().toContent(top) : position() + by;
        setScrollTop(top);
        setPosition(Math.max(0, Math.min(lastPosition(), wanted)));
      });
      const isNearEdge = top < viewport() || top > scale().heightPx - 2 * viewport();
      if (isNearEdge) settle();
      clearTimeout(timer);
      timer = setTimeout(() => {
        timer = undefined;
        settle();
      }, SETTLE_MS);
      if (by < 0) release();
      else if (!isFollowing() && position() >= lastPosition() - 2 * ROW_PX) follow();
    },
    /** The heights in pixels that lines were drawn with, from `first` on. */
    measured(first: number, drawn: readonly number[]): void {
      const held = heldRow ?? heights().rowAt(position());
      const offset = position() - heights().topOf(held);
      let isOther = false;
      for (const [index, px] of drawn.entries()) isOther = measured.measure(first - 1 + index, px) || isOther;
      if (!isOther) return;
      batch(() => {
        setMeasures((times) => times + 1);
        if (!isFollowing()) setPosition(Math.max(0, measured.topOf(held) + offset));
      });
    },
    /** Brings a line into the upper third of the view. */
    show: (line: number) => show(line, 1 / 3),
    /** Like `show`, unless the whole line is in view. */
    showUnlessInView(line: number): void {
      const isInView =
        heights().topOf(line - 1) >= position() && heights().topOf(line) <= position() + viewport();
      if (isInView) release();
      else show(line, 1 / 3);
    },
    /** Scrolls no farther than needed to have the whole line in view. */
    showNearest(line: number): void {
      const top = heights().topOf(line - 1);
      const bottom = heights().topOf(line);
      release();
      heldRow = line - 1;
      if (top < position()) moveTo(top);
      else if (bottom > position() + viewport()) moveTo(bottom - viewport());
    },
    /** Scrolls by so many pixels. */
    moveBy(px: number): void {
      release();
      heldRow = null;
      moveTo(position() + px);
    },
    /** Scrolls by the lines that are wholly in view. @returns whether it moved */
    page(by: 1 | -1): boolean {
      const before = position();
      release();
      heldRow = null;
      const rowsInView = Math.max(1, Math.floor(viewport() / ROW_PX) - 1);
      moveTo(before + by * rowsInView * ROW_PX);
      return position() !== before;
    },
  };
}
