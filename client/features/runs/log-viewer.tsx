import { createEffect, createSignal, For, Index, on, onCleanup, onMount, Show } from 'solid-js';
import { parseAnsi } from './ansi-text.ts';
import { createLineSelection } from './line-selection.ts';
import { createLogBuffer } from './log-buffer.ts';
import { tailLog } from './log-operations.ts';
import { createLogScroll, MAX_WRAPPED } from './log-scroll.ts';
import { createLogSearch } from './log-search.ts';
import { LogTools } from './log-tools.tsx';

/** The log of one run, live. Mount a new viewer for another run. */
export function LogViewer(props: { runId: string }) {
  const buffer = createLogBuffer();
  const [count, setCount] = createSignal(0);
  const [isComplete, setComplete] = createSignal(false);
  const [notice, setNotice] = createSignal<string | null>(null);
  const [isWrapped, setWrapped] = createSignal(false);
  const toggleWrap = () => setWrapped((is) => !is);
  const selection = createLineSelection();
  const scroll = createLogScroll(count, isWrapped, selection.range() === null);
  const search = createLogSearch(buffer, count, scroll.show);
  let scroller: HTMLDivElement | undefined;

  tailLog(props.runId, buffer, {
    onLines: () => setCount(buffer.count()),
    onComplete: () => setComplete(true),
    onNotice: setNotice,
  });

  onMount(() => {
    const observer = new ResizeObserver(scroll.resized);
    if (scroller) {
      scroll.attach(scroller);
      observer.observe(scroller);
    }
    onCleanup(() => observer.disconnect());
  });
  useLogKeys({ f: scroll.follow, w: toggleWrap });
  // a link to a line scrolls there as soon as the line has arrived
  createEffect(
    on(count, (held, before) => {
      const line = selection.range()?.[0];
      if (line !== undefined && held >= line && (before ?? 0) < line) queueMicrotask(() => scroll.show(line));
    }),
  );

  const lineCount = () => (count() === 1 ? '1 line' : `${count().toLocaleString('en')} lines`);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'PageUp' || event.key === 'ArrowUp' || event.key === 'Home') scroll.release();
  };

  return (
    <>
      <LogTools
        runId={props.runId}
        search={search}
        lineCount={lineCount()}
        isWrapped={isWrapped()}
        onToggleWrap={toggleWrap}
      />
      <Show when={notice()}>
        {(text) => (
          <div class="note run m-2" role="status">
            {text()}
          </div>
        )}
      </Show>
      <Show when={isWrapped() && count() > MAX_WRAPPED}>
        <div class="note skip m-2">Wrapped, the last {MAX_WRAPPED.toLocaleString('en')} lines are shown.</div>
      </Show>
      <div class="relative">
        <div
          ref={scroller}
          class={`log ${isWrapped() ? 'wrap' : ''}`}
          role="log"
          aria-label="Log of the run"
          aria-live="off"
          tabindex="0"
          onScroll={scroll.scrolled}
          onWheel={(event) => event.deltaY < 0 && scroll.release()}
          onKeyDown={onKeyDown}
        >
          <div style={isWrapped() ? {} : { height: `${scroll.heightPx()}px`, position: 'relative' }}>
            <Index each={scroll.rows()}>
              {(number) => (
                <div
                  class={`row ${selection.has(number()) ? 'sel' : ''} ${search.line() === number() ? 'hit' : ''}`}
                  style={isWrapped() ? {} : { top: `${scroll.topOf(number())}px` }}
                >
                  <button
                    type="button"
                    tabindex="-1"
                    onClick={(event) => selection.select(number(), event.shiftKey)}
                  >
                    {number()}
                  </button>
                  <span>
                    <For each={parseAnsi(buffer.line(number()))}>
                      {(piece) => <span class={piece.className}>{piece.text}</span>}
                    </For>
                  </span>
                </div>
              )}
            </Index>
          </div>
          <Show when={count() === 0}>
            <div class="empty">{isComplete() ? 'It printed nothing.' : 'No output yet.'}</div>
          </Show>
        </div>
        <Show when={!scroll.isFollowing()}>
          <button type="button" class="live" onClick={scroll.follow}>
            {isComplete()
              ? 'To the end ↓'
              : `● Live${scroll.unseen() > 0 ? `, ${scroll.unseen().toLocaleString('en')} new lines` : ''} ↓`}
          </button>
        </Show>
      </div>
      <div class="sr-only" role="status" aria-live="polite">
        {isComplete() ? `The log is complete: ${count() === 1 ? '1 line' : `${count()} lines`}.` : ''}
      </div>
    </>
  );
}

/** Single-key shortcuts for the log; ignored in text fields. */
function useLogKeys(actions: Readonly<Record<string, () => void>>): void {
  const onKey = (event: KeyboardEvent) => {
    const { target } = event;
    const isTyping = target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
    if (!isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) actions[event.key]?.();
  };
  onMount(() => document.addEventListener('keydown', onKey));
  onCleanup(() => document.removeEventListener('keydown', onKey));
}
