import { createSignal, Show } from 'solid-js';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';

/** Asks for the path of a new playbook. `onCreate` resolves to what is wrong with it, or null. */
export function NewPlaybookDialog(props: {
  onCreate(path: string): Promise<string | null>;
  onClose(): void;
}) {
  const [path, setPath] = createSignal('');
  const [fault, setFault] = createSignal<string | null>(null);
  const create = async () => setFault(await props.onCreate(path().trim()));
  return (
    <Dialog
      isOpen
      title="New playbook"
      onClose={() => props.onClose()}
      footer={
        <>
          <Button kind="quiet" onClick={() => props.onClose()}>
            Cancel
          </Button>
          <Button kind="primary" onClick={() => void create()}>
            Create
          </Button>
        </>
      }
    >
      <form
        class="p-5"
        onSubmit={(event) => {
          event.preventDefault();
          void create();
        }}
      >
        <div class="f !mb-0">
          <label for="new-path">Path</label>
          <input
            id="new-path"
            class="in mono"
            placeholder="site/web.yaml"
            spellcheck={false}
            value={path()}
            aria-invalid={fault() !== null}
            onInput={(event) => setPath(event.currentTarget.value)}
          />
          <Show
            when={fault()}
            fallback={<div class="help">Inside the playbook folder; folders are made.</div>}
          >
            {(text) => (
              <div class="help err" role="alert">
                {text()}
              </div>
            )}
          </Show>
        </div>
      </form>
    </Dialog>
  );
}
