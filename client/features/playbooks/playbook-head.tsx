import { Show } from 'solid-js';
import { onFirstClick } from '../../lib/clicks.ts';
import { openScheduleDialog } from '../../lib/schedule-dialog.ts';
import { currentTime, relative } from '../../lib/time.ts';
import { Button } from '../../ui/button.tsx';
import type { PlaybookEditing } from './open-playbook.ts';

/** The path of the open playbook, and the buttons to act on it. */
export function PlaybookHead(props: {
  path: string | null;
  editing: PlaybookEditing;
  schedules: readonly { readonly nextRunAt: string | null }[];
  isStarting: boolean;
  onCreate(): void;
  onDelete(): void;
  onRun(): void;
  onRunWithParameters(): void;
}) {
  const nextRunAt = () =>
    props.schedules.flatMap((schedule) => (schedule.nextRunAt ? [schedule.nextRunAt] : [])).sort()[0];
  return (
    <div class="head">
      <Show when={props.path} fallback={<h1>Playbooks</h1>}>
        <span class="sub">Playbooks /</span>
        <h1 class="mono !text-base">{props.path}</h1>
        <Show when={props.editing.isChanged()}>
          <span class="sub">● unsaved</span>
        </Show>
      </Show>
      <span class="sp" />
      <Show
        when={props.editing.playbook()}
        fallback={
          <Button kind="primary" onClick={() => props.onCreate()}>
            New playbook
          </Button>
        }
      >
        <Button kind="quiet" onClick={() => props.onCreate()}>
          New
        </Button>
        <Button kind="quiet" class="dangerous" onClick={() => props.onDelete()}>
          Delete
        </Button>
        <Button disabled={props.isStarting} onClick={onFirstClick(() => props.onRun())}>
          ▶ Run
        </Button>
        <Button
          aria-haspopup="dialog"
          disabled={props.isStarting}
          onClick={() => props.onRunWithParameters()}
        >
          Run with parameters…
        </Button>
        <Button
          onClick={() => openScheduleDialog({ kind: 'create', playbook: props.path })}
          aria-label="Schedule"
        >
          <span aria-hidden="true">◷</span> Schedule
          <Show when={props.schedules.length > 0}>
            <span class="sub">
              {props.schedules.length}
              <Show when={nextRunAt()}>{(at) => <> · {relative(at(), currentTime())}</>}</Show>
            </span>
          </Show>
        </Button>
        <Button
          kind="primary"
          disabled={!props.editing.isChanged() || props.editing.isSaving()}
          onClick={() => void props.editing.save()}
        >
          Save <kbd class="wide">Ctrl S</kbd>
        </Button>
      </Show>
    </div>
  );
}
