/**
 * The capture's origin, and the only place where relative nanoseconds become calendar time.
 *
 * Absolute nanoseconds do not fit a float64 (2^53 ns is 104 days), so the analysis counts from the first record and
 * this class adds the origin back with integers. Further away than that, a float64 is off by up to 256 ns within the 136
 * years of 32-bit seconds; where every such record is a multiple of a microsecond, as nearly all are, the microsecond is still certain.
 */
import { type Nanos, NANOS_PER_MICRO, NANOS_PER_SECOND, nanos } from './units.ts';

/** Below this every nanosecond has its own float64. */
const EXACT = 2 ** 53;

export class Clock {
  /**
   * Whole seconds since the epoch, unsigned (records of 2106 and later are valid).
   * Begins as a fraction so that V8 keeps it as float64: as a small integer, the products of `relative` would overflow
   * the code that was optimised for them in the first seconds of every capture.
   */
  readonly originSeconds: number = 0.5;
  /** 0 … 999,999,999 */
  readonly originNanos: number;
  /** Every record so far that is too far away for a nanosecond is a multiple of a microsecond. */
  #farInMicros: boolean;

  constructor(originSeconds: number, originNanos: number) {
    this.originSeconds = originSeconds;
    this.originNanos = originNanos;
    this.#farInMicros = originNanos % NANOS_PER_MICRO === 0;
  }

  /** What records have shown so far, for another process. */
  get farInMicros(): boolean {
    return this.#farInMicros;
  }
  restore(farInMicros: boolean): void {
    this.#farInMicros = farInMicros;
  }

  relative(secondsPart: number, nanosPart: number): Nanos {
    // 10^9 is a multiple of 2^9: the product is exact for 32-bit seconds, so only the sum is rounded.
    const t = (secondsPart - this.originSeconds) * NANOS_PER_SECOND + (nanosPart - this.originNanos);
    if (t > EXACT && nanosPart % NANOS_PER_MICRO !== 0) this.#farInMicros = false;
    return nanos(t);
  }

  /** RFC 3339, UTC, nine decimals: `2026-11-20T08:33:00.123456789Z`. */
  text(t: Nanos): string {
    const [whole, rest] = this.epoch(t);
    const date = new Date(whole * 1000);
    if (Number.isNaN(date.getTime())) return `+${String(whole)}.${String(rest).padStart(9, '0')}s`;
    return `${date.toISOString().slice(0, -5)}.${String(rest).padStart(9, '0')}Z`;
  }

  /** Epoch seconds and nanoseconds of a relative time. */
  epoch(t: Nanos): [seconds: number, nanos: number] {
    let whole = Math.floor(t / NANOS_PER_SECOND);
    let rest = t - whole * NANOS_PER_SECOND;
    if (t > EXACT && this.#farInMicros) rest = Math.round(rest / NANOS_PER_MICRO) * NANOS_PER_MICRO;
    rest += this.originNanos;
    whole += this.originSeconds;
    if (rest < 0) {
      rest += NANOS_PER_SECOND;
      whole--;
    }
    while (rest >= NANOS_PER_SECOND) {
      rest -= NANOS_PER_SECOND;
      whole++;
    }
    return [whole, rest];
  }
}

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)$/;

/** An absolute time or an offset from the first packet, as `--at`, `--from`, `--to` and `--captured-until` take it. */
export type TimeArgument =
  { readonly kind: 'absolute'; readonly seconds: number; readonly nanos: number } | { readonly kind: 'offset'; readonly nanos: Nanos };

/** RFC 3339 in UTC, epoch seconds (`1795165994.173`), or `+SECONDS`. Undefined: none of these. */
export function parseTimeArgument(text: string): TimeArgument | undefined {
  const offset = /^\+(\d+)(?:\.(\d{1,9}))?$/.exec(text);
  if (offset) return { kind: 'offset', nanos: nanos(Number(offset[1]) * NANOS_PER_SECOND + fraction(offset[2])) };
  const epoch = /^(\d+)(?:\.(\d+))?$/.exec(text);
  if (epoch) return { kind: 'absolute', seconds: Number(epoch[1]), nanos: fraction(epoch[2]?.slice(0, 9)) };
  const m = RFC3339.exec(text);
  if (!m) return undefined;
  const [, year, month, day, hour, minute, second] = m.map(Number) as [number, number, number, number, number, number, number];
  const millis = Date.UTC(year, month - 1, day, hour, minute, second);
  if (new Date(millis).getUTCDate() !== day || month > 12 || hour > 23 || minute > 59 || second > 60) return undefined;
  return { kind: 'absolute', seconds: millis / 1000, nanos: fraction(m[7]) };
}

const fraction = (digits: string | undefined): number => (digits === undefined ? 0 : Number(digits.padEnd(9, '0')));

export function resolveTime(argument: TimeArgument, clock: Clock): Nanos {
  return argument.kind === 'offset' ? argument.nanos : clock.relative(argument.seconds, argument.nanos);
}

const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, min: 60e9, h: 3_600e9, d: 86_400e9 };

/** `10` (seconds), `1.5s`, `500ms`, `1m`. Undefined: not a duration, or shorter than a nanosecond. */
export function parseDurationArgument(text: string): Nanos | undefined {
  const m = /^(\d{1,15}(?:\.\d{1,9})?)([a-zµ]*)$/.exec(text);
  const unit = UNITS[m?.[2] === '' ? 's' : (m?.[2] ?? '')];
  if (!m || unit === undefined) return undefined;
  const duration = Math.round(Number(m[1]) * unit);
  return duration >= 1 ? nanos(duration) : undefined;
}

/** As `parseDurationArgument` reads it back, to the nanosecond. */
export function durationArgument(duration: Nanos): string {
  const unit = (['s', 'ms', 'us'] as const).find((name) => duration >= (UNITS[name] ?? 0)) ?? 'ns';
  return `${String(duration / (UNITS[unit] ?? 1))}${unit}`;
}
