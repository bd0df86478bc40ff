import { useBeforeLeave } from '@solidjs/router';
import { createEffect, createSignal, on, onCleanup, onMount } from 'solid-js';
import type { PlaybookEncoding } from '../../graphql/generated/graphql.ts';
import { messageOf } from '../../lib/caught.ts';
import { confirm } from '../../ui/confirm.tsx';
import { toastError } from '../../ui/toast.tsx';
import type { Theirs } from './conflict-dialog.tsx';
import { readPlaybook, savePlaybook } from './playbook-operations.ts';

export interface OpenPlaybook {
  readonly path: string;
  /** The text as last read or saved, with the editor's line endings. */
  readonly saved: string;
  readonly encoding: PlaybookEncoding;
  readonly revision: string;
}

/** The editor uses one line ending; on saving, the server restores the original one of each line. */
function inEditor(content: string): string {
  return content.replace(/\r\n?/g, '\n');
}

export type PlaybookEditing = ReturnType<typeof createPlaybookEditing>;

/**
 * State of the playbook in the editor: its stored text, the edited text, and the outcome of saving.
 * @param path of the playbook to open; null: none
 */
export function createPlaybookEditing(path: () => string | null) {
  const [playbook, setPlaybook] = createSignal<OpenPlaybook | null>(null);
  const [text, setText] = createSignal('');
  /** The text that the editor is initialized with; typing does not change it. */
  const [initial, setInitial] = createSignal({ text: '' });
  const [fault, setFault] = createSignal<string | null>(null);
  const [conflict, setConflict] = createSignal<{ readonly theirs: Theirs | null } | null>(null);
  const [isMissing, setMissing] = createSignal(false);
  const [isSaving, setSaving] = createSignal(false);
  const isChanged = () => playbook() !== null && text() !== playbook()?.saved;

  const open = async (wanted: string) => {
    try {
      const found = await readPlaybook(wanted);
      if (path() !== wanted) return;
      setMissing(found === null);
      const content = inEditor(found?.content ?? '');
      setPlaybook(found ? { ...found, saved: content } : null);
      setText(content);
      setInitial({ text: content });
      setFault(null);
    } catch (error) {
      toastError(error);
    }
  };
  createEffect(
    on(path, (wanted) => {
      setPlaybook(null);
      setMissing(false);
      if (wanted !== null) void open(wanted);
    }),
  );
  guardLeaving(isChanged, path);

  /** @param encoding to convert the file to; unchanged when omitted */
  const save = async (
    expectedRevision: string | null = playbook()?.revision ?? null,
    encoding?: PlaybookEncoding,
  ): Promise<boolean> => {
    const current = playbook();
    if (!current || isSaving()) return false;
    const content = text();
    setSaving(true);
    try {
      const result = await savePlaybook({ path: current.path, content, expectedRevision, encoding });
      const theirs = result.__typename === 'ConflictError' ? await readPlaybook(current.path) : null;
      // another playbook was opened meanwhile, and this response is not about that one
      if (playbook() !== current) return false;
      switch (result.__typename) {
        case 'SavePlaybookPayload':
          setPlaybook({ ...result.playbook, saved: content });
          setFault(null);
          setConflict(null);
          return true;
        case 'ConflictError':
          setConflict({ theirs });
          return false;
        default:
          setFault(result.message);
          return false;
      }
    } catch (error) {
      if (playbook() === current) setFault(messageOf(error));
      else toastError(error);
      return false;
    } finally {
      setSaving(false);
    }
  };

  /** Offers to save unsaved changes before the file is used. @returns whether the file matches the editor */
  const saveFirst = async (action: string): Promise<boolean> => {
    if (!isChanged()) return true;
    const isSure = await confirm({
      title: 'Save first?',
      text: 'What runs is the saved playbook.',
      action,
    });
    return isSure && (await save());
  };

  return {
    playbook,
    text,
    setText,
    initial,
    fault,
    setFault,
    conflict,
    isMissing,
    isSaving,
    isChanged,
    save,
    saveFirst,
    keepEditing: () => setConflict(null),
    /** Discards the edited text and loads the stored one. */
    async takeTheirs(): Promise<void> {
      setConflict(null);
      const current = path();
      if (current !== null) await open(current);
    },
    /** Discards the edited text. */
    discard(): void {
      setText(playbook()?.saved ?? '');
    },
  };
}

/** Asks for confirmation before the user leaves with unsaved changes. */
function guardLeaving(isChanged: () => boolean, path: () => string | null): void {
  const mayLeave = () =>
    confirm({
      title: 'Leave without saving?',
      text: `The changes to ${path()} are lost.`,
      action: 'Leave',
      isDangerous: true,
    });
  useBeforeLeave((event) => {
    if (!isChanged() || event.defaultPrevented) return;
    event.preventDefault();
    void mayLeave().then((isSure) => isSure && event.retry(true));
  });
  onMount(() => {
    const onUnload = (event: BeforeUnloadEvent) => {
      if (isChanged()) event.preventDefault();
    };
    addEventListener('beforeunload', onUnload);
    onCleanup(() => removeEventListener('beforeunload', onUnload));
  });
}
