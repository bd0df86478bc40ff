import { createEffect, createMemo, createSignal, For, Index, on, onCleanup, onMount, Show } from 'solid-js';
import { subscribe } from '../../graphql/client.ts';
import { graphql } from '../../graphql/generated/gql.ts';
import { fetchWithKey } from '../../lib/session.ts';
import { Button } from '../../ui/button.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { parseAnsi } from './ansi-text.ts';
import { createLogBuffer } from './log-buffer.ts';
import { ROW_PX, scrollScale } from './scroll-scale.ts';

const RUN_LOG = graphql(`
  subscription RunLog($runId: ID!, $after: Int!) {
    runLog(runId: $runId, after: $after) { firstLine lineCount text }
  }
`);
/** Rows above and below the window, so that fast scrolling shows no holes. */
const SPARE_ROWS = 12;
/** Long lines have heights of their own when wrapped; more rows than this are not measured. */
const MAX_WRAPPED = 2_000;
const MAX_HITS = 10_000;
const RETRY_MS = 1_000;

/** The log of one run, live: give it a `key` of the run, a viewer is never used for another one. */
export function LogViewer(props: { runId: string }) {
  const buffer = createLogBuffer();
  const [count, setCount] = createSignal(0);
  const [isComplete, setComplete] = createSignal(false);
  const [notice, setNotice] = createSignal<string | null>(null);
  const [isFollowing, setFollowing] = createSignal(true);
  const [seen, setSeen] = createSignal(0);
  const [isWrapped, setWrapped] = createSignal(false);
  const [scrollTop, setScrollTop] = createSignal(0);
  const [viewport, setViewport] = createSignal(400);
  const [selected, setSelected] = createSignal(hashRange());
  const [search, setSearch] = createSignal('');
  const [hit, setHit] = createSignal(0);
  let scroller: HTMLDivElement | undefined;

  tailLog(props.runId, buffer, {
    onLines: () => {
      setCount(buffer.count());
      if (isFollowing()) setSeen(buffer.count());
    },
    onComplete: () => setComplete(true),
    onNotice: setNotice,
  });

  const scale = createMemo(() => scrollScale(count(), viewport()));
  const first = createMemo(() => Math.max(0, scale().firstRow(scrollTop()) - SPARE_ROWS));
  const rows = createMemo(() => {
    const from = isWrapped() ? Math.max(0, count() - MAX_WRAPPED) : first();
    const wanted = isWrapped() ? MAX_WRAPPED : Math.ceil(viewport() / ROW_PX) + 2 * SPARE_ROWS;
    return Array.from({ length: Math.min(wanted, count() - from) }, (_, index) => from + index + 1);
  });
  const hits = createMemo(() =>
    search().length < 2 ? [] : buffer.search(search(), count() > 0 ? MAX_HITS : 0),
  );

  createEffect(
    on([count, isFollowing, isWrapped], () => {
      if (!isFollowing() || !scroller) return;
      queueMicrotask(() => isFollowing() && scroller?.scrollTo({ top: scroller.scrollHeight }));
    }),
  );

  const follow = () => {
    setFollowing(true);
    setSeen(count());
  };
  /** The position at which following ended: an event of an earlier scroll to the end must not begin it again. */
  let lastTop = 0;
  const release = () => {
    setFollowing(false);
    lastTop = scroller?.scrollTop ?? 0;
  };
  const show = (line: number) => {
    release();
    scroller?.scrollTo({ top: Math.max(0, scale().scrollTopOf(line - 1) - viewport() / 3) });
  };
  const showHit = (step: number) => {
    const found = hits();
    if (found.length === 0) return;
    const next = (hit() + step + found.length) % found.length;
    setHit(next);
    const line = found[next];
    if (line !== undefined) show(line);
  };
  const select = (line: number, isRange: boolean) => {
    const range = selected();
    const chosen: readonly [number, number] =
      isRange && range ? [Math.min(range[0], line), Math.max(range[0], line)] : [line, line];
    setSelected(chosen);
    history.replaceState(null, '', `#L${chosen[0]}${chosen[1] === chosen[0] ? '' : `-${chosen[1]}`}`);
  };

  onMount(() => {
    const observer = new ResizeObserver(() => setViewport(scroller?.clientHeight ?? 400));
    if (scroller) observer.observe(scroller);
    const onKey = (event: KeyboardEvent) => {
      const isTyping =
        event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === 'f') follow();
      else if (event.key === 'w') setWrapped((is) => !is);
    };
    document.addEventListener('keydown', onKey);
    onCleanup(() => {
      observer.disconnect();
      document.removeEventListener('keydown', onKey);
    });
    const range = selected();
    if (range) setFollowing(false);
  });
  // a link to a line: as soon as that line is there
  createEffect(
    on(count, (held, before) => {
      const range = selected();
      if (range && held >= range[0] && (before ?? 0) < range[0]) queueMicrotask(() => show(range[0]));
    }),
  );

  const onScroll = () => {
    if (!scroller) return;
    setScrollTop(scroller.scrollTop);
    const isAtEnd = scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 2 * ROW_PX;
    if (isAtEnd && !isFollowing() && scroller.scrollTop > lastTop) follow();
    lastTop = scroller.scrollTop;
  };
  const onWheel = (event: WheelEvent) => {
    if (event.deltaY < 0) release();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'PageUp' || event.key === 'ArrowUp' || event.key === 'Home') release();
  };

  return (
    <>
      <div class="tools">
        <input
          type="search"
          class="in !w-56 !py-1"
          placeholder="Search the log"
          aria-label="Search the log"
          value={search()}
          onInput={(event) => {
            setSearch(event.currentTarget.value);
            setHit(0);
          }}
          onKeyDown={(event) => event.key === 'Enter' && showHit(event.shiftKey ? -1 : 1)}
        />
        <Show when={search().length >= 2}>
          <span class="sub num">{hits().length === 0 ? 'not found' : `${hit() + 1} / ${hits().length}`}</span>
          <Button kind="quiet" aria-label="Previous hit" onClick={() => showHit(-1)}>
            ▲
          </Button>
          <Button kind="quiet" aria-label="Next hit" onClick={() => showHit(1)}>
            ▼
          </Button>
        </Show>
        <span class="sp" />
        <span class="sub num" data-testid="line-count">
          {count() === 1 ? '1 line' : `${count().toLocaleString('en')} lines`}
        </span>
        <Button kind="quiet" aria-pressed={isWrapped()} onClick={() => setWrapped((is) => !is)}>
          {isWrapped() ? 'Unwrap' : 'Wrap'}
        </Button>
        <Button kind="quiet" onClick={() => void download(props.runId).catch(toastError)}>
          Download
        </Button>
        <Button kind="quiet" onClick={() => void copyCurl(props.runId)}>
          Copy curl
        </Button>
      </div>
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
          onScroll={onScroll}
          onWheel={onWheel}
          onKeyDown={onKeyDown}
        >
          <div style={isWrapped() ? {} : { height: `${scale().heightPx}px`, position: 'relative' }}>
            <Index each={rows()}>
              {(number) => (
                <div
                  class={`row ${isIn(selected(), number()) ? 'sel' : ''} ${hits()[hit()] === number() ? 'hit' : ''}`}
                  style={isWrapped() ? {} : { top: `${scale().topOf(number() - 1, scrollTop())}px` }}
                >
                  <button type="button" tabindex="-1" onClick={(event) => select(number(), event.shiftKey)}>
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
            <div class="empty">{isComplete() ? 'It printed nothing.' : 'Nothing was printed yet.'}</div>
          </Show>
        </div>
        <Show when={!isFollowing()}>
          <button type="button" class="live" onClick={follow}>
            {isComplete()
              ? 'To the end ↓'
              : `● Live${count() > seen() ? `, ${(count() - seen()).toLocaleString('en')} new lines` : ''} ↓`}
          </button>
        </Show>
      </div>
      <div class="sr-only" role="status" aria-live="polite">
        {isComplete() ? `The log is complete: ${count() === 1 ? '1 line' : `${count()} lines`}.` : ''}
      </div>
    </>
  );
}

/** Reads the log into the buffer, again from the line after the last one held whenever the connection was lost. */
function tailLog(
  runId: string,
  buffer: ReturnType<typeof createLogBuffer>,
  on: { onLines(): void; onComplete(): void; onNotice(text: string | null): void },
): void {
  let end: () => void = () => undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  let wasLost = false;

  const start = () => {
    const after = buffer.count();
    let isDone = false;
    end = subscribe(
      RUN_LOG,
      { runId, after },
      {
        next: ({ runLog }) => {
          // the socket subscribed again by itself, with the line that it was given first: what is held is left out
          if (!buffer.append(runLog)) return again();
          if (wasLost)
            on.onNotice(`The connection was lost and resumed at line ${after + 1}: nothing was missed.`);
          wasLost = false;
          on.onLines();
        },
        error: (message) => {
          on.onNotice(message);
          again();
        },
        complete: () => {
          isDone = true;
          if (!isOver) on.onComplete();
        },
      },
    );
    const again = () => {
      if (isDone || isOver) return;
      wasLost = true;
      end();
      clearTimeout(timer);
      timer = setTimeout(start, RETRY_MS);
    };
  };
  start();
  onCleanup(() => {
    isOver = true;
    clearTimeout(timer);
    end();
  });
}

function hashRange(): readonly [number, number] | null {
  const match = /^#L(\d{1,9})(?:-(\d{1,9}))?$/.exec(location.hash);
  if (!match?.[1]) return null;
  const from = Number(match[1]);
  return [from, match[2] ? Number(match[2]) : from];
}

function isIn(range: readonly [number, number] | null, line: number): boolean {
  return range !== null && line >= range[0] && line <= range[1];
}

async function download(runId: string): Promise<void> {
  const response = await fetchWithKey(`/runs/${encodeURIComponent(runId)}/log`);
  if (!response.ok) throw new Error(`The log could not be downloaded (${response.status}).`);
  const name = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1] ?? 'run.log';
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

async function copyCurl(runId: string): Promise<void> {
  await navigator.clipboard.writeText(
    `curl -N -H "authorization: Bearer $KEY" '${location.origin}/runs/${encodeURIComponent(runId)}/log?follow=1&plain=1'`,
  );
  toast('The command is copied.');
}
