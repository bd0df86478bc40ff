/**
 * Copies a text to the clipboard, also where the page came over plain http and has no access to it by the usual way.
 * @returns false if the browser refused
 */
export async function copyText(text: string): Promise<boolean> {
  // undefined in pages that are not secure
  const clipboard = navigator.clipboard as Clipboard | undefined;
  if (clipboard) {
    const isCopied = await clipboard.writeText(text).then(
      () => true,
      () => false,
    );
    if (isCopied) return true;
  }
  return copyBySelection(text);
}

function copyBySelection(text: string): boolean {
  const focused = document.activeElement;
  const area = document.createElement('textarea');
  area.value = text;
  area.readOnly = true;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  // a dialog that holds the focus would take it away from an element outside
  const parent = focused?.closest('[role="dialog"], [role="alertdialog"]') ?? document.body;
  parent.append(area);
  area.focus({ preventScroll: true });
  area.select();
  try {
    return document.execCommand('copy');
  } catch {
    return false;
  } finally {
    area.remove();
    if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  }
}
