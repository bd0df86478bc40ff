import { onCleanup, onMount } from 'solid-js';
import type { LogBuffer } from './log-buffer.ts';
import { type Place, textBetween } from './log-text.ts';

/**
 * The text that is selected with the pointer, by lines and columns: the browser's own selection ends where its rows are taken
 * for other lines.
 * @param element the scrolled element, whose rows have `data-line`, and their texts `data-text`
 * @param linesToCopy first and last of the lines to copy while no text is selected; null: none
 */
export function createTextSelection(
  buffer: LogBuffer,
  element: () => HTMLElement | undefined,
  linesToCopy: () => readonly [number, number] | null,
) {
  let anchor: Place | null = null;
  let focus: Place | null = null;
  let isDragging = false;
  /** Rows were drawn anew since the pointer went down, so that the browser's selection is not the whole truth. */
  let isRedrawn = false;
  let pointer = { x: 0, y: 0 };

  const isEmpty = () =>
    anchor === null || focus === null || (anchor.line === focus.line && anchor.column === focus.column);

  function placeOf(node: Node | null, offset: number): Place | null {
    const inside = node instanceof Element ? node : node?.parentElement;
    const row = inside?.closest<HTMLElement>('[data-line]');
    const text = row?.querySelector('[data-text]');
    if (!node || !row || !text || !element()?.contains(row)) return null;
    const line = Number(row.dataset.line);
    if (!text.contains(node)) return { line, column: 0 };
    const before = document.createRange();
    before.setStart(text, 0);
    before.setEnd(node, offset);
    return { line, column: before.toString().length };
  }

  function placeAt({ x, y }: { x: number; y: number }): Place | null {
    const box = element()?.getBoundingClientRect();
    if (!box) return null;
    const range = document.caretRangeFromPoint?.(
      Math.max(box.left + 1, Math.min(x, box.left + (element()?.clientWidth ?? 0) - 1)),
      Math.max(box.top + 1, Math.min(y, box.top + (element()?.clientHeight ?? 0) - 1)),
    );
    return range ? placeOf(range.startContainer, range.startOffset) : null;
  }

  /** The text node and offset of a place, as far as it is drawn; else of the nearest end of what is drawn. */
  function nodeOf(place: Place): { node: Node; offset: number } | null {
    const rows = [...(element()?.querySelectorAll<HTMLElement>('[data-line]') ?? [])];
    const [first, last] = [rows[0], rows.at(-1)];
    if (!first || !last) return null;
    const isAbove = place.line < Number(first.dataset.line);
    const isBelow = place.line > Number(last.dataset.line);
    const row = isAbove ? first : isBelow ? last : rows[place.line - Number(first.dataset.line)];
    const text = row?.querySelector('[data-text]');
    if (!text) return null;
    let rest = isAbove ? 0 : isBelow ? Number.POSITIVE_INFINITY : place.column;
    const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
    let found: Node = text;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      found = node;
      const length = node.textContent?.length ?? 0;
      if (rest <= length) return { node, offset: rest };
      rest -= length;
    }
    return { node: found, offset: found === text ? 0 : (found.textContent?.length ?? 0) };
  }

  function draw(): void {
    if (anchor === null || focus === null || isEmpty()) return;
    const [from, to] = [nodeOf(anchor), nodeOf(focus)];
    if (from && to) document.getSelection()?.setBaseAndExtent(from.node, from.offset, to.node, to.offset);
  }

  const onDown = (event: PointerEvent) => {
    const isInText = event.target instanceof Element && !event.target.closest('button');
    // the element itself is hit beside its rows: on its scroll bars
    if (event.button !== 0 || !isInText || event.target === element()) return;
    pointer = { x: event.clientX, y: event.clientY };
    const place = placeAt(pointer);
    if (!event.shiftKey || anchor === null) anchor = place;
    // a shift click reaches back to lines that are not drawn any more
    isRedrawn = event.shiftKey;
    focus = place;
    isDragging = true;
  };
  const onMove = (event: PointerEvent) => {
    if (!isDragging) return;
    pointer = { x: event.clientX, y: event.clientY };
    focus = placeAt(pointer) ?? focus;
  };
  const onUp = () => {
    if (!isDragging) return;
    isDragging = false;
    if (isRedrawn) return draw();
    // a double click selects a word
    const native = document.getSelection();
    const [from, to] = [
      placeOf(native?.anchorNode ?? null, native?.anchorOffset ?? 0),
      placeOf(native?.focusNode ?? null, native?.focusOffset ?? 0),
    ];
    if (from && to) [anchor, focus] = [from, to];
  };
  const onSelectionChange = () => {
    const node = document.getSelection()?.anchorNode;
    if (node && !isDragging && !element()?.contains(node)) anchor = focus = null;
  };
  const onCopy = (event: ClipboardEvent) => {
    // a field has its own selection
    if (event.target instanceof Element && event.target.matches('input, textarea')) return;
    const text = selectedText();
    if (text === null) return;
    event.clipboardData?.setData('text/plain', text);
    event.preventDefault();
  };

  function selectedText(): string | null {
    const log = element();
    const native = document.getSelection();
    if (!log?.contains(document.activeElement) && !log?.contains(native?.anchorNode ?? null)) return null;
    if (anchor !== null && focus !== null && !isEmpty()) return textBetween(buffer, anchor, focus);
    const lines = linesToCopy();
    if (!lines || !(native?.isCollapsed ?? true)) return null;
    return textBetween(
      buffer,
      { line: lines[0], column: 0 },
      { line: lines[1], column: Number.POSITIVE_INFINITY },
    );
  }

  onMount(() => {
    const listeners = new AbortController();
    const { signal } = listeners;
    element()?.addEventListener('pointerdown', onDown, { signal });
    window.addEventListener('pointermove', onMove, { signal });
    window.addEventListener('pointerup', onUp, { signal });
    window.addEventListener('pointercancel', onUp, { signal });
    document.addEventListener('selectionchange', onSelectionChange, { signal });
    document.addEventListener('copy', onCopy, { signal });
    onCleanup(() => listeners.abort());
  });

  return {
    /** Rows show other lines, or other parts of their texts, than before. */
    redrawn(): void {
      isRedrawn = true;
      if (isDragging) focus = placeAt(pointer) ?? focus;
      draw();
    },
    /** All lines that are held when they are copied. */
    selectAll(): void {
      anchor = { line: 1, column: 0 };
      focus = { line: Number.POSITIVE_INFINITY, column: Number.POSITIVE_INFINITY };
      draw();
    },
  };
}
