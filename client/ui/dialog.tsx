import * as KobalteDialog from '@kobalte/core/dialog';
import type { JSX } from 'solid-js';

/** A modal dialog: focus stays inside, Escape and a click outside ask `onClose`. */
export function Dialog(props: {
  title: JSX.Element;
  isOpen: boolean;
  width?: number;
  onClose(): void;
  children: JSX.Element;
  footer: JSX.Element;
}) {
  return (
    <KobalteDialog.Root open={props.isOpen} onOpenChange={(isOpen) => !isOpen && props.onClose()}>
      <KobalteDialog.Portal>
        <KobalteDialog.Overlay class="scrim" />
        <div class="dlg-wrap">
          <KobalteDialog.Content class="dlg" style={{ 'max-width': `${props.width ?? 460}px` }}>
            <header>
              <KobalteDialog.Title class="flex items-baseline gap-2">{props.title}</KobalteDialog.Title>
            </header>
            <div class="body">{props.children}</div>
            <footer>{props.footer}</footer>
          </KobalteDialog.Content>
        </div>
      </KobalteDialog.Portal>
    </KobalteDialog.Root>
  );
}
