import { unifiedMergeView } from '@codemirror/merge';
import { EditorState } from '@codemirror/state';
import { EditorView, lineNumbers } from '@codemirror/view';
import { onCleanup, onMount } from 'solid-js';
import { YAML } from './editor-look.ts';

/** A line diff from `theirs` to `mine`; long unchanged parts are collapsed. Later changes of either are ignored. */
export default function TextDifference(props: { theirs: string; mine: string; label: string }) {
  let host: HTMLDivElement | undefined;
  onMount(() => {
    const view = new EditorView({
      ...(host && { parent: host }),
      state: EditorState.create({
        doc: props.mine,
        extensions: [
          lineNumbers(),
          YAML,
          EditorState.readOnly.of(true),
          EditorView.editable.of(false),
          EditorView.contentAttributes.of({ 'aria-label': props.label, tabindex: '0' }),
          unifiedMergeView({
            original: props.theirs,
            mergeControls: false,
            allowInlineDiffs: false,
            collapseUnchanged: { margin: 3, minSize: 6 },
          }),
        ],
      }),
    });
    onCleanup(() => view.destroy());
  });
  return <div ref={host} />;
}
