import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { indentUnit } from '@codemirror/language';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { EditorState } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { createEffect, on, onCleanup, onMount } from 'solid-js';
import { YAML } from './editor-look.ts';

/** A YAML editor. It owns the text while it is mounted; a new `initial` replaces it. */
export default function YamlEditor(props: {
  initial: { readonly text: string };
  label: string;
  onChange(text: string): void;
  onSave(): void;
}) {
  let host: HTMLDivElement | undefined;
  let view: EditorView | undefined;

  const stateOf = (text: string) =>
    EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(),
        history(),
        drawSelection(),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        highlightSelectionMatches(),
        indentUnit.of('  '),
        YAML,
        EditorView.contentAttributes.of({ 'aria-label': props.label }),
        keymap.of([
          {
            key: 'Mod-s',
            preventDefault: true,
            run: () => {
              props.onSave();
              return true;
            },
          },
          ...defaultKeymap,
          ...historyKeymap,
          ...searchKeymap,
          indentWithTab,
        ]),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) props.onChange(update.state.doc.toString());
        }),
      ],
    });

  onMount(() => {
    if (!host) return;
    view = new EditorView({ state: stateOf(props.initial.text), parent: host });
    showLine(view, lineIn(location.hash));
  });
  createEffect(
    on(
      () => props.initial,
      ({ text }) => view?.setState(stateOf(text)),
      { defer: true },
    ),
  );
  onCleanup(() => view?.destroy());

  return <div ref={host} class="h-full min-h-[300px]" />;
}

/** The line that the address names, e.g. `#L41`; null: none. */
function lineIn(hash: string): number | null {
  const [, line] = /^#L(\d{1,9})$/.exec(hash) ?? [];
  return line === undefined ? null : Number(line);
}

function showLine(view: EditorView, line: number | null): void {
  if (line === null || line < 1) return;
  const { from } = view.state.doc.line(Math.min(line, view.state.doc.lines));
  view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: 'center' }) });
}
