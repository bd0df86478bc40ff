import { Show } from 'solid-js';
import { hostWords } from '../../lib/failures.ts';
import type { RunDrift } from './result-operations.ts';

const counted = (count: number, one: string, many: string) => (count === 1 ? `1 ${one}` : `${count} ${many}`);

/** What a run in check mode says would change, and how far that can be trusted. */
export function DriftNote(props: { drift: RunDrift }) {
  return (
    <div class={`note m-3 ${props.drift.changes > 0 ? 'wait' : 'skip'}`}>
      <Show when={props.drift.changes > 0} fallback="Check mode found nothing to change.">
        <span title={props.drift.hosts.slice(0, 100).join(', ')}>
          {counted(props.drift.changes, 'change', 'changes')} would be made on {hostWords(props.drift.hosts)}.
        </span>
      </Show>
      <Show when={props.drift.notChecked > 0}>
        {' '}
        {counted(props.drift.notChecked, 'task cannot', 'tasks cannot')} be judged in check mode (command,
        shell and the like).
      </Show>
      <Show when={props.drift.reallyRun > 0}>
        {' '}
        {counted(props.drift.reallyRun, 'task', 'tasks')} really ran, because of{' '}
        <code>check_mode: false</code>.
      </Show>
    </div>
  );
}
