import { createEffect, createSignal, For, on, Show } from 'solid-js';
import type { ResultStatus } from '../../graphql/generated/graphql.ts';
import { messageOf } from '../../lib/caught.ts';
import { took } from '../../lib/time.ts';
import { Button } from '../../ui/button.tsx';
import { ResultGlyph } from '../../ui/result-glyph.tsx';
import { Failed, Loading } from '../../ui/states.tsx';
import { type HostResult, readHostResults } from './result-operations.ts';

/** What one wants to know first. */
const NOTABLE: readonly ResultStatus[] = ['FAILED', 'UNREACHABLE', 'RESCUED', 'IGNORED', 'CHANGED'];

/** The results of one host of a run, in the order of the log. */
export function HostResultList(props: { runId: string; host: string }) {
  const [isWhole, setWhole] = createSignal(false);
  const [results, setResults] = createSignal<readonly HostResult[] | null>(null);
  const [next, setNext] = createSignal<string | null>(null);
  const [error, setError] = createSignal<string | null>(null);
  let latest = 0;

  const load = async (after: string | null) => {
    latest += 1;
    const own = latest;
    try {
      const page = await readHostResults(props.runId, props.host, isWhole() ? [] : NOTABLE, after);
      if (own !== latest) return;
      const found = page?.edges.map(({ node }) => node) ?? [];
      setResults((held) => (after === null ? found : [...(held ?? []), ...found]));
      setNext(page?.pageInfo.hasNextPage ? (page.pageInfo.endCursor ?? null) : null);
      setError(null);
    } catch (failure) {
      if (own === latest) setError(messageOf(failure));
    }
  };
  createEffect(on([() => props.runId, () => props.host, isWhole], () => void load(null)));

  return (
    <div class="results">
      <Show when={error()}>
        {(message) => <Failed message={message()} onRetry={() => void load(null)} />}
      </Show>
      <Show when={results()} fallback={<Show when={error() === null}>{<Loading />}</Show>}>
        {(held) => (
          <Show
            when={held().length > 0}
            fallback={
              <div class="sub p-3">
                {isWhole() ? 'No task has reported for this host yet.' : 'Nothing failed or changed here.'}
              </div>
            }
          >
            <ul>
              <For each={held()}>{(result) => <ResultItem result={result} />}</For>
            </ul>
          </Show>
        )}
      </Show>
      <div class="flex gap-2 px-3 pb-2">
        <Show when={next()}>
          {(after) => (
            <Button kind="quiet" onClick={() => void load(after())}>
              Show more
            </Button>
          )}
        </Show>
        <Button kind="quiet" aria-pressed={isWhole()} onClick={() => setWhole(!isWhole())}>
          {isWhole() ? 'Only what failed or changed' : 'All results'}
        </Button>
      </div>
    </div>
  );
}

function ResultItem(props: { result: HostResult }) {
  const duration = () => {
    const { startedAt, finishedAt } = props.result;
    return startedAt && finishedAt ? took(startedAt, finishedAt) : null;
  };
  return (
    <li>
      <ResultGlyph status={props.result.status} />
      <div class="min-w-0 grow">
        <span>{props.result.task}</span>
        <Show when={props.result.item !== null && props.result.item !== undefined}>
          <span class="sub mono"> [{props.result.item}]</span>
        </Show>
        <Show when={props.result.message}>{(message) => <div class="cause">{message()}</div>}</Show>
        <Show when={props.result.diff}>
          {(diff) => (
            <details>
              <summary class="sub">Diff</summary>
              <pre class="diff">{diff()}</pre>
            </details>
          )}
        </Show>
      </div>
      <span class="sub num whitespace-nowrap">{duration()}</span>
      <Show when={props.result.logLine} fallback={<span />}>
        {(line) => (
          <a class="mono sub whitespace-nowrap" href={`#L${line()}`} target="_self">
            line {line()}
          </a>
        )}
      </Show>
    </li>
  );
}
