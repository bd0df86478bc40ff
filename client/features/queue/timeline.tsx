import { createMemo, For } from 'solid-js';
import { absolute, currentTime } from '../../lib/time.ts';

const DAY_MS = 86_400_000;
const MAX_LANES = 12;

/** When the schedules shown run in the next 24 hours. */
export function Timeline(props: {
  schedules: readonly { readonly id: string; readonly name: string; readonly nextRuns: readonly string[] }[];
}) {
  const lanes = createMemo(() => {
    const until = currentTime() + DAY_MS;
    return props.schedules
      .map(({ id, name, nextRuns }) => ({
        id,
        name,
        fires: nextRuns.filter((fire) => Date.parse(fire) <= until),
      }))
      .filter((lane) => lane.fires.length > 0)
      .slice(0, MAX_LANES);
  });
  return (
    <>
      <h2 class="mt-6 mb-2">Next 24 hours</h2>
      <div class="card p-4">
        <For each={lanes()} fallback={<span class="sub">Nothing runs within a day.</span>}>
          {(lane) => (
            <div class="lane">
              <span class="truncate pr-3">{lane.name}</span>
              <div>
                <For each={lane.fires}>
                  {(fire) => (
                    <i
                      style={{ left: `${((Date.parse(fire) - currentTime()) / DAY_MS) * 100}%` }}
                      title={absolute(fire)}
                    />
                  )}
                </For>
              </div>
            </div>
          )}
        </For>
      </div>
    </>
  );
}
