import { putBounded } from '../bounded-map.ts';

/**
 * Time zones by IANA name, from the tables that Node carries (Intl, ICU). Pure functions of their
 * arguments: no clock is read, and what is cached is only what the tables say.
 */

/** A stretch of time during which a zone keeps one offset. Instants and wall times are in ms; see {@link WallMs}. */
export interface OffsetSpan {
  /** First instant of the span. */
  readonly startMs: number;
  /** First instant after the span. The offset need not change here: spans are also cut at cache blocks. */
  readonly endMs: number;
  /** Wall time minus UTC; whole seconds, positive east of Greenwich. */
  readonly offsetMs: number;
  /** Offset just before `startMs`; equal to `offsetMs` where the span begins without a clock change. */
  readonly previousOffsetMs: number;
  /** Wall times before this one were already shown in an earlier span (clock set back); `-Infinity` if none. */
  readonly repeatedUntilMs: WallMs;
}

/** What a wall clock shows, as the epoch milliseconds at which UTC shows the same. */
export type WallMs = number;

interface Zone {
  readonly canonicalName: string;
  readonly format: Intl.DateTimeFormat;
  readonly blocks: Map<number, readonly OffsetSpan[]>;
}

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

/** Spans are computed and cached in blocks of this length. */
const BLOCK_MS = 400 * DAY_MS;

/**
 * Offsets are sampled at this distance. It must be shorter than any period that ends with the offset it began
 * with; the shortest in the tables of 1900–2100 is 7 days (Gaza 2040, Boa Vista 2000; scanned with tzdata
 * 2025c).
 */
const PROBE_MS = 4 * DAY_MS;

/** A zone costs about 25 KiB, so a hostile client that spells names in many ways can hold some 6 MiB. */
const MAX_ZONES = 256;
const MAX_BLOCKS_PER_ZONE = 64;

/** Before this every zone is on local mean time, and years below 100 are hard to parse. */
const EARLIEST_MS = Date.UTC(1000, 0, 1);
/**
 * After this zones keep their last offset, and wall times near the end of the date range would be invalid.
 */
const LATEST_MS = Date.UTC(200_000, 0, 1);

/**
 * Names that ICU accepts for compatibility with old Java programs but IANA does not define; several are
 * misleading (`BST` is Dhaka, `IST` Calcutta). Source: java.util.TimeZone, "Three-letter time zone IDs".
 */
const ICU_ONLY = new Set(
  'act aet agt art ast bet bst cat cnt cst ctt eat ect iet ist jst mit net nst plt pnt prt pst sst vst etc/unknown'.split(
    ' ',
  ),
);

const isIcuOnly = (name: string): boolean => {
  const lower = name.toLowerCase();
  return ICU_ONLY.has(lower) || lower.startsWith('systemv/');
};

const zones = new Map<string, Zone>();

/**
 * Whether `name` is an IANA zone known to this Node, case-insensitive. Offsets such as `+01:00` are not
 * zones.
 */
export function isTimeZone(name: string): boolean {
  return findZone(name) !== null;
}

/**
 * The name by which Intl knows the zone, e.g. `Europe/Berlin` for `europe/berlin`; `null` if there is no such
 * zone. Intl also replaces newer names by older ones (`Asia/Kolkata` becomes `Asia/Calcutta`): good for
 * comparing two names, not for showing a user what they typed.
 */
export function canonicalTimeZone(name: string): string | null {
  return findZone(name)?.canonicalName ?? null;
}

/**
 * Wall time minus UTC in `zone` at an instant, in ms, whole seconds.
 * @throws {RangeError} when there is no such zone
 */
export function offsetMsAt(zone: string, epochMs: number): number {
  return offsetSpanAt(zone, epochMs).offsetMs;
}

/**
 * The span that contains an instant. Takes about 50 ns if the span is cached, otherwise about 0.2 ms per 400
 * days.
 * @throws {RangeError} when there is no such zone
 */
export function offsetSpanAt(zone: string, epochMs: number): OffsetSpan {
  const found = zones.get(zone) ?? findZone(zone);
  if (found === null) throw new RangeError(`Time zone is "${zone.slice(0, 64)}"; expected an IANA name`);
  const block = Math.floor(epochMs / BLOCK_MS);
  let spans = found.blocks.get(block);
  if (spans === undefined) {
    spans = findSpans(found.format, block * BLOCK_MS);
    putBounded(found.blocks, block, spans, MAX_BLOCKS_PER_ZONE);
  }
  for (const span of spans) if (epochMs < span.endMs) return span;
  throw new RangeError(`Instant is ${epochMs}; expected a valid date`);
}

function findZone(name: string): Zone | null {
  const known = zones.get(name);
  if (known !== undefined) return known;
  // A leading sign is an offset, which newer Intl accepts; IANA names begin with a letter.
  if (!/^[a-z][a-z0-9_+\-/]{0,63}$/i.test(name) || isIcuOnly(name)) return null;
  let format: Intl.DateTimeFormat;
  try {
    format = createWallFormat(name);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
  const zone: Zone = { canonicalName: format.resolvedOptions().timeZone, format, blocks: new Map() };
  putBounded(zones, name, zone, MAX_ZONES);
  return zone;
}

function createWallFormat(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
}

/** Asks Intl; about 1.7 µs. */
function readOffsetMs(format: Intl.DateTimeFormat, epochMs: number): number {
  const atMs = Math.floor(Math.min(Math.max(epochMs, EARLIEST_MS), LATEST_MS) / SECOND_MS) * SECOND_MS;
  const shown = format.format(atMs);
  const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = shown.split(/\D+/).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second) - atMs;
}

function findSpans(format: Intl.DateTimeFormat, blockStartMs: number): readonly OffsetSpan[] {
  const blockEndMs = blockStartMs + BLOCK_MS;
  const spans: OffsetSpan[] = [];
  // Begin one probe early: an hour that is being repeated across the edge of the block must be known inside it.
  let knownMs = blockStartMs - PROBE_MS;
  let startMs = knownMs;
  let offsetMs = readOffsetMs(format, knownMs);
  let previousOffsetMs = offsetMs;
  let repeatedUntilMs = Number.NEGATIVE_INFINITY;

  const close = (endMs: number) => {
    if (endMs <= blockStartMs) return;
    const isCut = startMs < blockStartMs;
    spans.push({
      startMs: isCut ? blockStartMs : startMs,
      endMs,
      offsetMs,
      previousOffsetMs: isCut ? offsetMs : previousOffsetMs,
      repeatedUntilMs,
    });
  };

  for (let probeMs = blockStartMs; probeMs <= blockEndMs; probeMs += PROBE_MS) {
    const probeOffsetMs = readOffsetMs(format, probeMs);
    while (probeOffsetMs !== offsetMs) {
      const changeMs = findChange(format, knownMs, probeMs, offsetMs);
      if (changeMs >= blockEndMs) break;
      close(changeMs);
      startMs = changeMs;
      previousOffsetMs = offsetMs;
      offsetMs = readOffsetMs(format, changeMs);
      if (offsetMs < previousOffsetMs) {
        repeatedUntilMs = Math.max(repeatedUntilMs, changeMs + previousOffsetMs);
      }
      knownMs = changeMs;
    }
    knownMs = probeMs;
  }
  close(blockEndMs);
  return spans;
}

/** The first second in (`lowMs`, `highMs`] with another offset than at `lowMs`, by bisection. */
function findChange(format: Intl.DateTimeFormat, lowMs: number, highMs: number, lowOffsetMs: number): number {
  let low = lowMs;
  let high = highMs;
  while (high - low > SECOND_MS) {
    const middle = low + Math.floor((high - low) / 2 / SECOND_MS) * SECOND_MS;
    if (readOffsetMs(format, middle) === lowOffsetMs) low = middle;
    else high = middle;
  }
  return high;
}
