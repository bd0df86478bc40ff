/**
 * A handler that the second click of a double click does not reach. A fast answer has brought another page by then, and what
 * lies at the same place there was not meant.
 */
export function onFirstClick(handle: () => void): (event: MouseEvent) => void {
  return (event) => {
    if (event.detail <= 1) handle();
  };
}
