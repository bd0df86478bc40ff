import * as KobalteDialog from '@kobalte/core/dialog';
import type { JSX } from 'solid-js';

/** A modal dialog: it traps the focus and restores it afterwards; Escape and a click outside call `onClose`. */
export function Dialog(props: {
  title: JSX.Element;
  isOpen: boolean;
  width?: number;
  onClose(): void;
  children: JSX.Element;
  footer: JSX.Element;
}) {
  let before: Element | null = null;
  return (
    <KobalteDialog.Root open={props.isOpen} onOpenChange={(isOpen) => !isOpen && props.onClose()}>
      <KobalteDialog.Portal>
        <KobalteDialog.Overlay class="scrim" />
        <div class="dlg-wrap">
          <KobalteDialog.Content
            class="dlg"
            style={{ 'max-width': `${props.width ?? 460}px` }}
            onOpenAutoFocus={() => {
              before = document.activeElement;
            }}
            // Kobalte restores the focus only to its own trigger
            onCloseAutoFocus={() => {
              if (before instanceof HTMLElement) before.focus({ preventScroll: true });
            }}
          >
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
