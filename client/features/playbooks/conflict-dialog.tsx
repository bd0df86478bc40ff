import { lazy, Show, Suspense } from 'solid-js';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Loading } from '../../ui/states.tsx';

const TextDifference = lazy(() => import('./text-difference.tsx'));

/** Somebody else's version of the playbook being edited. */
export interface Theirs {
  readonly content: string;
  readonly revision: string;
}

/** Shows both versions and lets the user choose; the edited text stays in the editor until then. */
export function ConflictDialog(props: {
  path: string;
  mine: string;
  theirs: Theirs | null;
  onKeepEditing(): void;
  onTakeTheirs(): void;
  onOverwrite(): void;
}) {
  return (
    <Dialog
      isOpen
      width={860}
      title={props.theirs ? 'Somebody else changed this playbook' : 'Somebody else deleted this playbook'}
      onClose={props.onKeepEditing}
      footer={
        <>
          <Button kind="quiet" onClick={props.onKeepEditing}>
            Keep editing
          </Button>
          <Button onClick={props.onTakeTheirs}>{props.theirs ? 'Take theirs' : 'Let it be deleted'}</Button>
          <Button kind="dangerous" onClick={props.onOverwrite}>
            {props.theirs ? 'Overwrite with mine' : 'Save mine again'}
          </Button>
        </>
      }
    >
      <Show
        when={props.theirs}
        keyed
        fallback={<div class="p-5">{props.path} is gone. Your text is still in the editor.</div>}
      >
        {(theirs) => (
          <>
            <p class="px-5 py-3">
              Nothing is saved yet. <span class="removed">− theirs</span> <span class="added">+ yours</span>
            </p>
            <Suspense fallback={<Loading />}>
              <TextDifference
                theirs={theirs.content}
                mine={props.mine}
                label={`What your text changes in ${props.path}`}
              />
            </Suspense>
          </>
        )}
      </Show>
    </Dialog>
  );
}
