/**
 * pcapng timestamps: 64-bit counts of an interface's own unit, split into seconds and nanoseconds without losing a bit.
 *
 * A float64 cannot hold today's nanoseconds (2^60.6): the quotient is taken in floats, which is good to one second, and the
 * remainder modulo 2^32, which says whether it was. BigInt is kept for units finer than a nanosecond, which nothing common writes.
 * Format: draft-ietf-opsawg-pcapng §4.2, if_tsresol and if_tsoffset.
 */
import { NANOS_PER_SECOND } from '../model/units.ts';

/** if_tsresol when the option is missing: 10^-6. */
export const DEFAULT_RESOLUTION = 6;

/** Largest power of two for which remainder × 10^9 stays below 2^53. */
const MAX_EXACT_POWER = 23;

/** The float quotient is off by at most one far beyond this; no capture is from the year 36,812. */
const MAX_SECONDS = 2 ** 40;

export class TimeUnit {
  /** The result of the last `split`. */
  seconds = 0;
  /** 0 … 999,999,999 */
  nanos = 0;

  readonly #offset: number;
  /** Units per second where plain arithmetic is exact, otherwise 0. */
  readonly #units: number;
  readonly #nanosPerUnit: number;
  readonly #bigUnits: bigint;

  /** @param resolution the if_tsresol octet: top bit set, a power of two; else of ten. @param offset if_tsoffset, seconds. */
  constructor(resolution: number, offset: number) {
    const exponent = resolution & 0x7f;
    const binary = (resolution & 0x80) !== 0;
    this.#offset = offset;
    this.#bigUnits = (binary ? 2n : 10n) ** BigInt(exponent);
    this.#units = exponent <= (binary ? MAX_EXACT_POWER : 9) ? Number(this.#bigUnits) : 0;
    this.#nanosPerUnit = NANOS_PER_SECOND / Number(this.#bigUnits);
  }

  split(high: number, low: number): void {
    const units = this.#units;
    if (units === 0) {
      this.#splitBig(high, low);
      return;
    }
    let seconds = Math.floor((high * 0x1_0000_0000 + low) / units);
    if (seconds > MAX_SECONDS) {
      this.#splitBig(high, low);
      return;
    }
    let rest = (low - Math.imul(seconds, units)) | 0; // true remainder -units … 2 × units, within 31 bits
    if (rest < 0) {
      seconds--;
      rest += units;
    } else if (rest >= units) {
      seconds++;
      rest -= units;
    }
    this.seconds = Math.max(0, seconds + this.#offset);
    this.nanos = Math.floor(rest * this.#nanosPerUnit);
  }

  #splitBig(high: number, low: number): void {
    const count = (BigInt(high) << 32n) | BigInt(low);
    this.seconds = Math.max(0, Number(count / this.#bigUnits) + this.#offset);
    this.nanos = Number(((count % this.#bigUnits) * BigInt(NANOS_PER_SECOND)) / this.#bigUnits);
  }
}
