import { For } from 'solid-js';
import type { RowPiece } from './row-pieces.ts';

const HIT_CLASSES = { none: '', some: 'hit', current: 'hit now' };

/** One line of the log, with its number, which selects it. */
export function LogRow(props: {
  number: number;
  pieces: readonly RowPiece[];
  isSelected: boolean;
  /** Whether the keyboard is here. */
  isCurrent: boolean;
  onSelect(isExtended: boolean): void;
}) {
  return (
    <div class="row" classList={{ sel: props.isSelected, cur: props.isCurrent }} data-line={props.number}>
      <button type="button" tabindex="-1" onClick={(event) => props.onSelect(event.shiftKey)}>
        {props.number}
      </button>
      <span data-text>
        <For each={props.pieces}>
          {(piece) => (
            <span class={`${piece.className} ${HIT_CLASSES[piece.hit]}`} style={piece.style}>
              {piece.text}
            </span>
          )}
        </For>
      </span>
    </div>
  );
}
