import { createMemo, For, Show } from 'solid-js';

interface Entry {
  readonly path: string;
  readonly scheduleCount: number;
  /** Why it cannot be read; null: no known problem. */
  readonly problem: string | null;
}

/** The playbooks as a tree of folders. */
export function PlaybookTree(props: {
  playbooks: readonly Entry[];
  /** How many further playbooks are not listed. */
  leftOut: number;
  current: string | null;
  onOpen(path: string): void;
}) {
  const rows = createMemo(() => {
    const shown: (
      | { kind: 'folder'; name: string; depth: number }
      | { kind: 'file'; entry: Entry; name: string; depth: number }
    )[] = [];
    let open: string[] = [];
    for (const entry of props.playbooks) {
      const folders = entry.path.split('/');
      const name = folders.pop() ?? '';
      folders.forEach((folder, depth) => {
        if (open.slice(0, depth + 1).join('/') !== folders.slice(0, depth + 1).join('/'))
          shown.push({ kind: 'folder', name: folder, depth });
      });
      open = folders;
      shown.push({ kind: 'file', entry, name, depth: folders.length });
    }
    return shown;
  });
  return (
    <nav class="tree" aria-label="Playbooks">
      <For each={rows()}>
        {(row) => (
          <Show
            when={row.kind === 'file' && row}
            fallback={
              <div class="folder" style={{ 'padding-left': `${10 + row.depth * 14}px` }}>
                ▾ {row.name}
              </div>
            }
          >
            {(file) => (
              <button
                type="button"
                style={{ 'padding-left': `${10 + file().depth * 14}px` }}
                aria-current={file().entry.path === props.current}
                onClick={() => props.onOpen(file().entry.path)}
              >
                {file().name}
                <Show when={file().entry.problem}>
                  {(problem) => (
                    <span role="img" aria-label={problem()} title={problem()}>
                      ⚠
                    </span>
                  )}
                </Show>
                <Show when={file().entry.scheduleCount > 0}>
                  <span title={`${file().entry.scheduleCount} schedules`}>
                    ◷ {file().entry.scheduleCount}
                  </span>
                </Show>
              </button>
            )}
          </Show>
        )}
      </For>
      <Show when={props.leftOut > 0}>
        <div class="folder">and {props.leftOut} more that are not listed</div>
      </Show>
    </nav>
  );
}
