/** Chromium caps heights at about 33.5 million pixels, other browsers at about 16 million. */
export const MAX_HEIGHT_PX = 12_000_000;
/** At both ends a pixel of the scroll bar is a pixel of the content, so that the ends are reached as usual. */
const END_PX = 1_000_000;

/** Maps positions of a scroll bar to positions in content that may be higher than a browser allows. */
export interface ScrollScale {
  /** Height of the scrolled element. */
  readonly heightPx: number;
  /** Position in the content at this position of the scroll bar. */
  toContent(scrollTop: number): number;
  /** The reverse of `toContent`. */
  toScrollTop(position: number): number;
}

export function scrollScale(contentPx: number, viewportPx: number): ScrollScale {
  if (contentPx <= MAX_HEIGHT_PX)
    return { heightPx: contentPx, toContent: (top) => top, toScrollTop: (position) => position };
  const lastTop = MAX_HEIGHT_PX - viewportPx;
  const lastPosition = contentPx - viewportPx;
  const ratio = (lastPosition - 2 * END_PX) / (lastTop - 2 * END_PX);
  return {
    heightPx: MAX_HEIGHT_PX,
    toContent: (top) =>
      top <= END_PX
        ? top
        : top >= lastTop - END_PX
          ? lastPosition - (lastTop - top)
          : END_PX + (top - END_PX) * ratio,
    toScrollTop: (position) =>
      position <= END_PX
        ? position
        : position >= lastPosition - END_PX
          ? lastTop - (lastPosition - position)
          : END_PX + (position - END_PX) / ratio,
  };
}
