import { createEffect, createMemo, createSignal, Index, on, onCleanup, onMount, Show } from 'solid-js';
import { copyText } from '../../ui/copy-text.ts';
import { toast } from '../../ui/toast.tsx';
import { parseAnsi, plainText } from './ansi-text.ts';
import { createLineSelection } from './line-selection.ts';
import { createLineStyles } from './line-styles.ts';
import { createLogBuffer } from './log-buffer.ts';
import { createLogKeys, useShortcuts } from './log-keys.ts';
import { tailLog } from './log-operations.ts';
import { LogRow } from './log-row.tsx';
import { createLogScroll } from './log-scroll.ts';
import { createLogSearch } from './log-search.ts';
import { textBetween } from './log-text.ts';
import { LogTools } from './log-tools.tsx';
import { ROW_PX } from './row-heights.ts';
import { rowPieces } from './row-pieces.ts';
import { createTextSelection } from './text-selection.ts';

/** Of a character in the log's font, and of the line numbers; app.css. */
const CHARACTER_PX = 7.5;
const NUMBERS_PX = 72;
/** More in one line are found, but not marked. */
const MAX_MARKS = 1_000;
const MAX_SPOKEN = 300;

/** The log of one run, live. Mount a new viewer for another run. */
export function LogViewer(props: { runId: string }) {
  const buffer = createLogBuffer();
  const styles = createLineStyles(buffer);
  const [count, setCount] = createSignal(0);
  const [isComplete, setComplete] = createSignal(false);
  const [notice, setNotice] = createSignal<string | null>(null);
  const [isWrapped, setWrapped] = createSignal(false);
  const [columns, setColumns] = createSignal(80);
  const toggleWrap = () => setWrapped((is) => !is);
  let scroller: HTMLDivElement | undefined;
  let rowsElement: HTMLDivElement | undefined;

  const selection = createLineSelection((line) => goTo(line));
  const estimate = createMemo(() => {
    const width = columns();
    return (line: number) => ROW_PX * Math.max(1, Math.ceil(buffer.line(line).length / width));
  });
  const scroll = createLogScroll(count, isWrapped, estimate, selection.range() === null);
  const search = createLogSearch(buffer, count, ({ line }) => scroll.showUnlessInView(line));
  const texts = createTextSelection(buffer, () => scroller, selection.range);
  const keys = createLogKeys({ count, scroll, selection, selectAll: texts.selectAll });
  function goTo(line: number): void {
    if (line > count()) return;
    keys.setLine(line);
    scroll.show(line);
  }

  let frame: number | undefined;
  onCleanup(() => cancelAnimationFrame(frame ?? 0));
  tailLog(props.runId, buffer, {
    // lines may come more often than the screen is drawn
    onLines: () => {
      frame ??= requestAnimationFrame(() => {
        frame = undefined;
        setCount(buffer.count());
      });
    },
    onComplete: () => {
      setCount(buffer.count());
      setComplete(true);
    },
    onNotice: setNotice,
  });

  onMount(() => {
    const element = scroller;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      scroll.resized();
      setColumns(Math.max(10, Math.floor((element.clientWidth - NUMBERS_PX) / CHARACTER_PX)));
    });
    scroll.attach(element);
    observer.observe(element);
    onCleanup(() => observer.disconnect());
  });
  useShortcuts({ f: scroll.follow, w: toggleWrap });
  // a link to a line leads there as soon as the line has come
  createEffect(
    on(count, (held, before) => {
      const line = selection.range()?.[0];
      if (line !== undefined && held >= line && (before ?? 0) < line) goTo(line);
    }),
  );
  createEffect(
    on([scroll.rows, isWrapped, search.text, search.index], ([rows, isMeasured]) => {
      if (isMeasured && rowsElement && rows[0] !== undefined)
        scroll.measured(
          rows[0],
          Array.from(rowsElement.children, (row) => (row as HTMLElement).offsetHeight),
        );
      texts.redrawn();
    }),
  );
  createEffect(on(search.current, (hit) => hit && requestAnimationFrame(revealHit)));

  /** Of a long line, the part with the hit. */
  function revealHit(): void {
    const box = scroller?.getBoundingClientRect();
    const hit = scroller?.querySelector('.hit.now')?.getBoundingClientRect();
    if (!scroller || !box || !hit) return;
    const left = hit.left - box.left;
    if (left < NUMBERS_PX || hit.right - box.left > scroller.clientWidth)
      scroller.scrollLeft += left - Math.max(NUMBERS_PX, scroller.clientWidth / 3);
    const top = hit.top - box.top;
    if (top < 0 || top + ROW_PX > scroller.clientHeight) scroll.moveBy(top - scroller.clientHeight / 3);
  }

  const pieces = (number: number) => {
    const spans = parseAnsi(buffer.line(number), styles.before(number));
    if (!search.isOn()) return rowPieces(spans, [], 0, undefined);
    const found = search.columnsIn(spans.map(({ text }) => text).join(''), MAX_MARKS);
    const current = search.current();
    return rowPieces(
      spans,
      found,
      search.text().length,
      current?.line === number ? current.column : undefined,
    );
  };

  const lineCount = () => (count() === 1 ? '1 line' : `${count().toLocaleString('en')} lines`);
  async function copyLines(): Promise<void> {
    const range = selection.range();
    if (!range) return;
    const last = Math.min(range[1], count());
    const end = { line: last, column: Number.POSITIVE_INFINITY };
    const isCopied = await copyText(textBetween(buffer, { line: range[0], column: 0 }, end));
    const copied = Math.max(0, last - range[0] + 1);
    if (isCopied)
      toast(copied === 1 ? '1 line is copied.' : `${copied.toLocaleString('en')} lines are copied.`);
    else toast('The browser does not allow copying.', true);
  }

  return (
    <>
      <LogTools
        runId={props.runId}
        search={search}
        lineCount={lineCount()}
        isWrapped={isWrapped()}
        onToggleWrap={toggleWrap}
        onCopyLines={selection.range() ? () => void copyLines() : undefined}
      />
      <Show when={notice()}>
        {(text) => (
          <div class="log-note" role="status">
            {text()}
            <button type="button" aria-label="Hide the note" onClick={() => setNotice(null)}>
              ×
            </button>
          </div>
        )}
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
          onKeyDown={keys.onKeyDown}
        >
          <div style={{ height: `${scroll.heightPx()}px` }} />
          <div ref={rowsElement} class="rows" style={{ top: `${scroll.rowsTop()}px` }}>
            <Index each={scroll.rows()}>
              {(number) => (
                <LogRow
                  number={number()}
                  pieces={pieces(number())}
                  isSelected={selection.has(number())}
                  isCurrent={keys.line() === number()}
                  onSelect={(isExtended) => {
                    keys.setLine(number());
                    selection.select(number(), isExtended);
                  }}
                />
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
      <div class="sr-only" aria-live="polite">
        {keys.line() > 0
          ? `Line ${keys.line()}: ${plainText(buffer.line(keys.line())).slice(0, MAX_SPOKEN)}`
          : ''}
      </div>
    </>
  );
}
