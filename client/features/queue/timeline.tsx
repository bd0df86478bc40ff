import { createMemo, For, Show } from 'solid-js';
import { absolute, currentTime } from '../../lib/time.ts';

const DAY_MS = 86_400_000;
const MAX_LANES = 12;
const HOURS = [0, 3, 6, 9, 12, 15, 18, 21];
/** How many instants of a schedule are requested; later ones are drawn as a band. */
export const TIMELINE_RUNS = 30;

/** The next 24 hours of the schedules on this page. */
export function Timeline(props: {
  schedules: readonly {
    readonly id: string;
    readonly name: string;
    readonly nextRuns: readonly string[];
    readonly problem: string | null;
  }[];
}) {
  const lanes = createMemo(() => {
    const until = currentTime() + DAY_MS;
    return props.schedules
      .map(({ id, name, nextRuns, problem }) => ({
        id,
        name,
        problem,
        fires: nextRuns.filter((fire) => Date.parse(fire) <= until),
        goesOn: nextRuns.length === TIMELINE_RUNS && Date.parse(nextRuns.at(-1) ?? '') < until,
      }))
      .filter((lane) => lane.fires.length > 0)
      .slice(0, MAX_LANES);
  });
  const left = (fire: string) => `${((Date.parse(fire) - currentTime()) / DAY_MS) * 100}%`;
  return (
    <>
      <h2 class="mt-6 mb-2">Next 24 hours</h2>
      <div class="card p-4">
        <Show when={lanes().length > 0}>
          <div class="lane sub" aria-hidden="true">
            <span />
            <div class="axis">
              <For each={HOURS}>{(hours) => <span>{hours === 0 ? 'now' : `+${hours} h`}</span>}</For>
            </div>
          </div>
        </Show>
        <For each={lanes()} fallback={<span class="sub">Nothing runs within a day.</span>}>
          {(lane) => (
            <div class="lane">
              <span class="truncate pr-3">
                <Show when={lane.problem}>
                  {(problem) => (
                    <span class="text-[var(--bad)]" role="img" aria-label="Problem" title={problem()}>
                      ⚠{' '}
                    </span>
                  )}
                </Show>
                {lane.name}
              </span>
              <div>
                <For each={lane.fires}>
                  {(fire) => <i style={{ left: left(fire) }} title={absolute(fire)} />}
                </For>
                <Show when={lane.goesOn}>
                  <i
                    class="more"
                    style={{ left: left(lane.fires.at(-1) ?? '') }}
                    title={`and so on after ${absolute(lane.fires.at(-1) ?? '')}`}
                  />
                </Show>
              </div>
            </div>
          )}
        </For>
      </div>
    </>
  );
}
