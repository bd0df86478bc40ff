import { createSignal } from 'solid-js';

const [now, setNow] = createSignal(Date.now());
setInterval(() => setNow(Date.now()), 1_000);

/** Milliseconds since the epoch, updated every second. */
export const currentTime = now;

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "in 00:48", "in 9 h 14 min", "in 13 days"; "12 s ago" for the past. */
export function relative(iso: string, at: number): string {
  const ms = Date.parse(iso) - at;
  if (ms < 0) return ms > -2 * SECOND ? 'just now' : `${span(-ms)} ago`;
  if (ms < SECOND) return 'now';
  if (ms < HOUR) return `in ${clock(ms)}`;
  return `in ${span(ms)}`;
}

/** How long after its instant something started, in ms; null if it has not started or has no instant. */
export function latenessOf(
  instant: string | null | undefined,
  startedAt: string | null | undefined,
): number | null {
  return instant && startedAt ? Date.parse(startedAt) - Date.parse(instant) : null;
}

/** "12 s", "2 min 08 s", "3 h 05 min", "13 days". */
export function span(ms: number): string {
  if (ms < SECOND) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ${two(Math.floor((ms % MINUTE) / SECOND))} s`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h ${two(Math.floor((ms % HOUR) / MINUTE))} min`;
  return `${Math.floor(ms / DAY)} days`;
}

/** How long something took, or has taken until now: in the words of `span`. */
export function took(startedAt: string, finishedAt?: string | null): string {
  return span((finishedAt ? Date.parse(finishedAt) : currentTime()) - Date.parse(startedAt));
}

function clock(ms: number): string {
  return `${two(Math.floor(ms / MINUTE))}:${two(Math.floor((ms % MINUTE) / SECOND))}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** Date and time in a zone (by default the viewer's), e.g. "Tue 24 Nov, 02:30"; with seconds unless they are zero. */
export function absolute(iso: string, timezone?: string): string {
  const date = new Date(iso);
  const hasSeconds = date.getTime() % MINUTE !== 0;
  const isThisYear = date.getFullYear() === new Date().getFullYear();
  return new Intl.DateTimeFormat('en-GB', {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    ...(hasSeconds ? { second: '2-digit' } : {}),
    ...(isThisYear ? {} : { year: 'numeric' }),
    ...(timezone ? { timeZone: timezone } : {}),
  }).format(date);
}

export const viewerTimezone: string = Intl.DateTimeFormat().resolvedOptions().timeZone;
