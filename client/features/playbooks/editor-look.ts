import { yaml } from '@codemirror/lang-yaml';
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import type { Extension } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';

const COLORS = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--run)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--accent)' },
  { tag: [tags.number, tags.bool, tags.keyword, tags.atom], color: 'var(--lost)' },
  { tag: tags.comment, color: 'var(--ink-3)', fontStyle: 'italic' },
  { tag: tags.invalid, color: 'var(--bad)' },
]);

/** Not in the style sheet, because rules in a cascade layer lose against the editor's own. */
const THEME = EditorView.theme({
  '&': { height: '100%', fontSize: '13px', background: 'var(--log-bg)', color: 'var(--log-ink)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '21px' },
  '.cm-gutters': { background: 'transparent', color: 'var(--ink-3)', border: '0' },
  '.cm-activeLine, .cm-activeLineGutter': {
    background: 'color-mix(in srgb, var(--accent-soft) 45%, transparent)',
  },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '.cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': {
    background: 'color-mix(in srgb, var(--accent) 25%, transparent)',
  },
  '.cm-panels': { background: 'var(--panel)', color: 'var(--ink)', borderColor: 'var(--line)' },
  '.cm-selectionMatch, .cm-searchMatch': { background: 'var(--hit)' },
  '.cm-textfield': {
    background: 'var(--raised)',
    color: 'var(--ink)',
    border: '1px solid var(--line-strong)',
  },
  '.cm-button': { background: 'var(--raised)', color: 'var(--ink)', border: '1px solid var(--line-strong)' },
  '&.cm-merge-b .cm-changedLine, .cm-insertedLine': { background: 'var(--ok-soft)', textDecoration: 'none' },
  '.cm-deletedChunk': { background: 'var(--bad-soft)' },
  '&.cm-merge-b .cm-changedText, .cm-deletedText, .cm-deletedLine, .cm-deletedLine del': {
    background: 'none',
    textDecoration: 'none',
  },
  '&.cm-merge-b .cm-changedLineGutter': { background: 'var(--ok)' },
  '&.cm-merge-b .cm-deletedLineGutter': { background: 'var(--bad)' },
  '.cm-collapsedLines': { background: 'var(--panel)', color: 'var(--ink-2)' },
});

/** YAML in the console's colours, light and dark. */
export const YAML: Extension = [yaml(), syntaxHighlighting(COLORS), THEME];
