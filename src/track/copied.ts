/** The account of a connection's copies: kept apart from what is counted once, so that a row can give both. */
import type { EndpointView } from '../model/connection.ts';
import { Flag } from '../model/flags.ts';
import type { Packet } from '../decode/packet.ts';
import type { Context } from './context.ts';
import { rareWord } from './rare.ts';
import type { Tables } from './tables.ts';
import { Copied, EMBRYO_COPIES, Half, Rare, Sequel } from './layout.ts';

/** The segment at hand is a copy: it was counted when it was captured first. */
export function noteCopy(x: Context, k: Packet): void {
  x.touch();
  const { sequel, s, pair, me, source, side } = x;
  if (!x.paired) {
    const { shift, most } = EMBRYO_COPIES[side];
    if (embryoCopies(sequel[s + Sequel.TTLS]!, side) < most) sequel[s + Sequel.TTLS] = sequel[s + Sequel.TTLS]! + (1 << shift);
    return;
  }
  const ref = copiedRecord(x);
  const { copied } = x.tables;
  const words = copied.page(ref);
  const floats = copied.floatPage(ref);
  const at = copied.offset(ref);
  words[at + Copied.COUNT + side] = words[at + Copied.COUNT + side]! + 1;
  // Of an end whose first segment did not begin the connection, the highest TTL stands for that of the first point.
  const first = (sequel[s + Sequel.TTLS]! >>> (side * 8)) & 255 || pair[me + Half.WINDOW_TTL]! >>> 24;
  words[at + Copied.LAST] = source | ((first - k.ttl) << 16);
  const ip = ((at + Copied.IP_BYTES) >> 1) + side;
  const payload = ((at + Copied.PAYLOAD) >> 1) + side;
  floats[ip] = floats[ip]! + k.ipLength;
  floats[payload] = floats[payload]! + k.payloadLength;
  const control = controlWord(k.flags);
  if (control >= 0) words[at + control + side] = words[at + control + side]! + 1;
  if ((k.flags & Flag.RST) === 0) pair[me + Half.WINDOW_TTL] = widenTtls(pair[me + Half.WINDOW_TTL]!, k.ttl & 255);
}

/** A new pair takes over what its embryo counted. @param lengths as `lengthsOf` has them */
export function growCopies(x: Context, lengths: number): void {
  const ttls = x.sequel[x.s + Sequel.TTLS]!;
  if (embryoCopies(ttls, 0) + embryoCopies(ttls, 1) === 0) return;
  for (const side of [0, 1] as const) {
    const n = embryoCopies(ttls, side);
    if (n === 0) continue;
    const ref = copiedRecord(x);
    const { copied } = x.tables;
    copied.page(ref)[copied.offset(ref) + Copied.COUNT + side] = n;
    copied.page(ref)[copied.offset(ref) + (side === 0 ? Copied.SYN : Copied.SYN_ACK) + side] = n;
    copied.floatPage(ref)[((copied.offset(ref) + Copied.IP_BYTES) >> 1) + side] = n * (side === 0 ? lengths & 0xffff : lengths >>> 16);
  }
}

/** As the machine books them: a RST is nothing else, then SYN or SYN-ACK, then FIN. */
function controlWord(flags: number): number {
  if ((flags & Flag.RST) !== 0) return Copied.RST;
  if ((flags & Flag.SYN) !== 0) return (flags & Flag.ACK) === 0 ? Copied.SYN : Copied.SYN_ACK;
  return (flags & Flag.FIN) === 0 ? -1 : Copied.FIN;
}

export const embryoCopies = (ttls: number, side: 0 | 1): number => (ttls >>> EMBRYO_COPIES[side].shift) & EMBRYO_COPIES[side].most;

function copiedRecord(x: Context): number {
  x.openRare();
  const word = x.r + Rare.COPIES;
  if (x.rare[word] === 0) x.rare[word] = x.tables.copied.add() + 1;
  return x.rare[word]! - 1;
}

/** Half.WINDOW_TTL with one more TTL between its lowest and highest: that of a copy on another side of a router. */
const widenTtls = (word: number, ttl: number): number =>
  (word & 0xffff) | (Math.min((word >>> 16) & 255, ttl) << 16) | (Math.max(word >>> 24, ttl) << 24);

type CopiesOfEnd = EndpointView['copies'];

const NONE: CopiesOfEnd = { packets: 0, ipBytes: 0, payloadBytes: 0, syn: 0, synAck: 0, fin: 0, rst: 0 };

/** @param ref index of the pair record + 1 */
export function copiesOfEnd(tables: Tables, ref: number, side: 0 | 1): CopiesOfEnd {
  const index = rareWord(tables, ref, Rare.COPIES) - 1;
  if (index < 0) return NONE;
  const at = tables.copied.offset(index);
  const words = tables.copied.page(index);
  const floats = tables.copied.floatPage(index);
  return {
    packets: words[at + Copied.COUNT + side]!,
    syn: words[at + Copied.SYN + side]!,
    synAck: words[at + Copied.SYN_ACK + side]!,
    fin: words[at + Copied.FIN + side]!,
    rst: words[at + Copied.RST + side]!,
    ipBytes: floats[((at + Copied.IP_BYTES) >> 1) + side]!,
    payloadBytes: floats[((at + Copied.PAYLOAD) >> 1) + side]!,
  };
}

/** Where the last copy was seen; 0 none. */
export function lastCopyOf(tables: Tables, ref: number): number {
  const index = rareWord(tables, ref, Rare.COPIES) - 1;
  return index < 0 ? 0 : tables.copied.page(index)[tables.copied.offset(index) + Copied.LAST]!;
}
