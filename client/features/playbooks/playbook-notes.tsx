import { Show } from 'solid-js';
import { Button } from '../../ui/button.tsx';
import type { PlaybookEditing } from './open-playbook.ts';

/** Problems with the open playbook, and anything unusual about its file. */
export function PlaybookNotes(props: {
  editing: PlaybookEditing;
  /** Why Ansible cannot run the stored file; null: no known problem. */
  problem: string | null;
}) {
  const oddEncoding = () => {
    const encoding = props.editing.playbook()?.encoding;
    if (encoding === undefined || encoding === 'UTF8' || encoding === 'UTF8_BOM') return null;
    return encoding === 'LATIN1' ? 'ISO 8859-1 (Latin-1)' : 'UTF-16';
  };
  return (
    <>
      <Show when={props.editing.fault()}>
        {(message) => (
          <div class="note bad mb-3 flex items-start gap-3" role="alert">
            <span class="sp">✕ {message()}</span>
            <button type="button" aria-label="Dismiss" onClick={() => props.editing.setFault(null)}>
              ×
            </button>
          </div>
        )}
      </Show>
      <Show when={props.problem}>{(problem) => <div class="note wait mb-3">⚠ {problem()}</div>}</Show>
      <Show when={oddEncoding()}>
        {(encoding) => (
          <div class="note bad mb-3 flex items-start gap-3">
            <span class="sp">
              This file is in {encoding()} and stays so when it is saved. Ansible reads UTF-8 only.
            </span>
            <Button
              kind="quiet"
              disabled={props.editing.isSaving()}
              onClick={() => void props.editing.save(props.editing.playbook()?.revision, 'UTF8')}
            >
              Save as UTF-8
            </Button>
          </div>
        )}
      </Show>
    </>
  );
}
