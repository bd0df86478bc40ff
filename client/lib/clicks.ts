/**
 * Ignores the second click of a double click: by then a fast response may have opened another page, with a different button
 * under the pointer.
 */
export function onFirstClick(handle: () => void): (event: MouseEvent) => void {
  return (event) => {
    if (event.detail <= 1) handle();
  };
}
