import { createSignal, onCleanup, onMount } from 'solid-js';
import type { createLineSelection } from './line-selection.ts';
import type { createLogScroll } from './log-scroll.ts';

/** The line that the keyboard is on, and the keys of the log. */
export function createLogKeys(log: {
  count(): number;
  scroll: ReturnType<typeof createLogScroll>;
  selection: ReturnType<typeof createLineSelection>;
  selectAll(): void;
}) {
  /** 0: none yet. */
  const [line, setLine] = createSignal(0);
  const { scroll, selection } = log;

  function move(to: number, isExtended: boolean): void {
    const target = Math.max(1, Math.min(log.count(), to));
    if (isExtended) {
      if (selection.range() === null) selection.select(line() || target, false);
      selection.select(target, true);
    }
    setLine(target);
    scroll.showNearest(target);
  }

  function page(by: 1 | -1, isExtended: boolean): void {
    const top = scroll.topLine();
    const below = Math.max(0, line() - top);
    const isMoved = scroll.page(by);
    if (line() === 0 && !isExtended) return;
    move(isMoved ? scroll.topLine() + below : by === 1 ? log.count() : 1, isExtended);
  }

  const moves: Readonly<Record<string, (isExtended: boolean) => void>> = {
    ArrowDown: (isExtended) => move(line() === 0 ? scroll.topLine() : line() + 1, isExtended),
    ArrowUp: (isExtended) => move(line() === 0 ? scroll.topLine() : line() - 1, isExtended),
    PageDown: (isExtended) => page(1, isExtended),
    PageUp: (isExtended) => page(-1, isExtended),
    Home: (isExtended) => move(1, isExtended),
    End: (isExtended) => {
      move(log.count(), isExtended);
      scroll.follow();
    },
    Enter: (isExtended) => line() > 0 && selection.select(line(), isExtended),
  };

  return {
    line,
    setLine,
    /** For the focused log. */
    onKeyDown(event: KeyboardEvent): void {
      // the line numbers are buttons, which Enter presses
      if (event.target instanceof HTMLButtonElement && event.key === 'Enter') return;
      if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'a') {
        event.preventDefault();
        log.selectAll();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || log.count() === 0) return;
      const act = moves[event.key];
      if (!act) return;
      event.preventDefault();
      act(event.shiftKey);
    },
  };
}

/** Single-key shortcuts of the page; ignored in text fields. */
export function useShortcuts(actions: Readonly<Record<string, () => void>>): void {
  const onKey = (event: KeyboardEvent) => {
    const { target } = event;
    const isTyping =
      target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]');
    if (!isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) actions[event.key]?.();
  };
  onMount(() => document.addEventListener('keydown', onKey));
  onCleanup(() => document.removeEventListener('keydown', onKey));
}
