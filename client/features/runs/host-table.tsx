import { createMemo, createSignal, For, Show } from 'solid-js';
import { HostResultList } from './host-result-list.tsx';
import type { HostRecap } from './result-operations.ts';

const COLUMNS = ['ok', 'changed', 'skipped', 'failed', 'unreachable', 'rescued', 'ignored'] as const;
/** More rows make the page slow; the worst come first. */
const MAX_ROWS = 500;

const troubles = ({ failed, unreachable }: HostRecap) => failed + unreachable;

/** Worst first. */
function sorted(recap: readonly HostRecap[]): HostRecap[] {
  return [...recap].sort(
    (a, b) => troubles(b) - troubles(a) || b.changed - a.changed || a.host.localeCompare(b.host),
  );
}

/** The hosts of a run with their counts, as in PLAY RECAP; each opens to its results. */
export function HostTable(props: { runId: string; recap: readonly HostRecap[] }) {
  const [filter, setFilter] = createSignal('');
  const [open, setOpen] = createSignal<string | null>(null);
  const matching = createMemo(() => {
    const wanted = filter().toLowerCase();
    return sorted(props.recap).filter(({ host }) => host.toLowerCase().includes(wanted));
  });
  return (
    <>
      <Show when={props.recap.length > 10}>
        <div class="tools">
          <input
            class="in !w-60"
            type="search"
            aria-label="Filter hosts"
            placeholder="Filter hosts"
            value={filter()}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
          <span class="sub num">
            {matching().length} of {props.recap.length}
            <Show when={matching().length > MAX_ROWS}>, the first {MAX_ROWS} are shown</Show>
          </span>
        </div>
      </Show>
      <table class="hosts">
        <thead>
          <tr>
            <th>Host</th>
            <For each={COLUMNS}>{(name) => <th class="n">{name}</th>}</For>
          </tr>
        </thead>
        <tbody>
          <For each={matching().slice(0, MAX_ROWS)}>
            {(row) => (
              <>
                <tr>
                  <td>
                    <button
                      type="button"
                      class="mono hover:underline"
                      aria-expanded={open() === row.host}
                      onClick={() => setOpen(open() === row.host ? null : row.host)}
                    >
                      <span aria-hidden="true">{open() === row.host ? '▾' : '▸'}</span> {row.host}
                    </button>
                  </td>
                  <For each={COLUMNS}>
                    {(name) => <td class={`n num ${row[name] === 0 ? 'zero' : `c-${name}`}`}>{row[name]}</td>}
                  </For>
                </tr>
                <Show when={open() === row.host}>
                  <tr>
                    <td colspan={COLUMNS.length + 1} class="!p-0">
                      <HostResultList runId={props.runId} host={row.host} />
                    </td>
                  </tr>
                </Show>
              </>
            )}
          </For>
        </tbody>
      </table>
    </>
  );
}
