import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { HighlightStyle, indentUnit, syntaxHighlighting } from '@codemirror/language';
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
import { tags } from '@lezer/highlight';
import { createEffect, on, onCleanup, onMount } from 'solid-js';

const COLORS = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--run)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--accent)' },
  { tag: [tags.number, tags.bool, tags.keyword, tags.atom], color: 'var(--lost)' },
  { tag: tags.comment, color: 'var(--ink-3)', fontStyle: 'italic' },
  { tag: tags.invalid, color: 'var(--bad)' },
]);

/** A text editor for YAML. It owns the text while it is open; a new `initial` replaces it. */
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
        yaml(),
        syntaxHighlighting(COLORS),
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
    if (host) view = new EditorView({ state: stateOf(props.initial.text), parent: host });
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
