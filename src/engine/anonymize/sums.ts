/**
 * Internet checksums (RFC 1071) after a change: mended by what has changed (RFC 1624), so that a right one stays right, a wrong one wrong, and
 * one that a network card was to fill in unfilled. Octets that nobody captured have not changed: this needs none of them.
 */
import { IpProtocol } from '../../decode/numbers.ts';

/** Where a checksum stands and what it is over. */
export interface Sum {
  readonly at: number;
  readonly from: number;
  /** Behind the last octet that was captured. */
  readonly to: number;
  /** The addresses that the pseudo-header has (RFC 9293 §3.1), and the rest of it; null: none. */
  readonly pseudo: Pseudo | null;
}

interface Pseudo {
  readonly from: number;
  readonly to: number;
  readonly protocol: number;
  /** Of the segment, as its IP header has it. */
  readonly length: number;
  /** All of it was captured. */
  readonly whole: boolean;
}

const ALL_ONES = 0xffff;

/** Sets the checksum in `after`, where it still is what it was in `before`. */
export function mend(before: Uint8Array, after: Uint8Array, { at, from, to, pseudo }: Sum): void {
  if (at + 2 > Math.min(to, before.length)) return;
  const checksum = (before[at]! << 8) | before[at + 1]!;
  set(after, at, checksum);
  const old = sumOf(before, from, to);
  const addresses = pseudo === null ? 0 : sumOf(before, pseudo.from, pseudo.to);
  const mapped = pseudo === null ? 0 : sumOf(after, pseudo.from, pseudo.to);
  const rest = pseudo === null ? 0 : pseudo.protocol + pseudo.length;
  const isRight = (pseudo?.whole ?? true) && folded(old + addresses + rest) === ALL_ONES;
  // UDP: there is none (RFC 768). Else: a card was to fill it in.
  if (checksum === 0 && (!isRight || pseudo?.protocol === IpProtocol.UDP)) return;
  if (pseudo !== null && !isRight) {
    // What a driver leaves for the card: the sum over the pseudo-header, without the length where the card is to cut the segment, too.
    const left = [rest, pseudo.protocol].find((sum) => checksum === folded(addresses + sum));
    if (left !== undefined) {
      set(after, at, folded(mapped + left));
      return;
    }
  }
  const fresh = ALL_ONES ^ folded((ALL_ONES ^ checksum) + (ALL_ONES ^ folded(old + addresses)) + sumOf(after, from, to) + mapped);
  set(after, at, fresh === 0 && pseudo?.protocol === IpProtocol.UDP ? ALL_ONES : fresh);
}

function set(bytes: Uint8Array, at: number, checksum: number): void {
  bytes[at] = checksum >>> 8;
  bytes[at + 1] = checksum & 0xff;
}

/** The sum of 16-bit words; an odd octet at the end is the upper half of one. */
function sumOf(bytes: Uint8Array, from: number, to: number): number {
  const end = Math.min(to, bytes.length);
  let sum = 0;
  for (let at = from; at < end; at += 2) sum += (bytes[at]! << 8) | (at + 1 < end ? bytes[at + 1]! : 0);
  return folded(sum);
}

function folded(sum: number): number {
  let out = sum;
  while (out > ALL_ONES) out = (out & ALL_ONES) + (out >>> 16);
  return out;
}
