import { createEffect, createSignal, For, on, onCleanup, Show } from 'solid-js';
import { request } from '../../graphql/client.ts';
import { graphql } from '../../graphql/generated/gql.ts';
import type { FieldFault } from '../../lib/field-fault.ts';
import { absolute, currentTime, relative } from '../../lib/time.ts';
import { type DraftField, faultsOf, isFault, type ScheduleDraft, timingOf } from './schedule-form.ts';

const PREVIEW = graphql(`
  query PreviewSchedule($timing: ScheduleTimingInput!, $timezone: TimeZone!) {
    previewSchedule(timing: $timing, timezone: $timezone, count: 5) {
      __typename
      ... on SchedulePreview { description fires }
      ... on InvalidInputError { issues { path message position } }
    }
  }
`);
const TYPING_MS = 200;

/** Previews the timing while it is typed, computed by the same code on the server that will fire it. */
export function SchedulePreview(props: {
  draft: ScheduleDraft;
  onFaults(faults: Partial<Record<DraftField, FieldFault>>): void;
}) {
  const [preview, setPreview] = createSignal<{ description: string; fires: readonly string[] } | null>(null);
  let latest = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const ask = async () => {
    latest += 1;
    const own = latest;
    const timing = timingOf(props.draft);
    if (isFault(timing)) {
      setPreview(null);
      return;
    }
    try {
      const { previewSchedule } = await request(PREVIEW, { timing, timezone: props.draft.timezone });
      // a newer request is under way
      if (own !== latest) return;
      if (previewSchedule.__typename === 'SchedulePreview') {
        setPreview(previewSchedule);
        props.onFaults({});
      } else {
        setPreview(null);
        props.onFaults(faultsOf(previewSchedule.issues));
      }
    } catch {
      // the server is unreachable: the banner says so, and the last preview stays
    }
  };

  createEffect(
    on(
      () => [
        props.draft.kind,
        props.draft.cron,
        props.draft.at,
        props.draft.every,
        props.draft.unit,
        props.draft.timezone,
      ],
      () => {
        clearTimeout(timer);
        timer = setTimeout(() => void ask(), TYPING_MS);
      },
    ),
  );
  onCleanup(() => {
    clearTimeout(timer);
    latest += 1;
  });

  return (
    <div aria-live="polite">
      <Show when={preview()} fallback={<span class="sub">The next runs appear here.</span>}>
        {(shown) => (
          <>
            <b>{shown().description}</b>
            <div class="sub mt-1">in {props.draft.timezone}</div>
            <Show
              when={shown().fires.length > 0}
              fallback={<div class="note wait mt-3">It never fires.</div>}
            >
              <ul class="next">
                <For each={shown().fires}>
                  {(fire) => (
                    <li>
                      {absolute(fire, props.draft.timezone)} <small>{relative(fire, currentTime())}</small>
                    </li>
                  )}
                </For>
              </ul>
            </Show>
          </>
        )}
      </Show>
    </div>
  );
}
