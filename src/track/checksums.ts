/**
 * TCP and IPv4 header checksums of sampled segments, and what became of those whose sum is wrong.
 *
 * A wrong sum alone says little: a card that fills checksums in after the capture, a capture whose addresses were rewritten, and a
 * cable that damages frames look the same. The receiver knows: it drops a damaged segment, and its sender must send it again; what it
 * acknowledges had arrived whole. So wrong segments are followed until one or the other happens.
 *
 * Sums cost by the octet. Segments with payload are verified more rarely than those without (`recorded.ts`), the others not at all.
 */
import { type Packet, Stop } from '../decode/packet.ts';
import { Flag } from '../model/flags.ts';
import type { Fate } from '../model/recording.ts';
import type { AddressBook } from './address-book.ts';
import type { Context } from './context.ts';
import { Half, HalfFlag } from './layout.ts';
import type { Move } from './move.ts';
import { partOf } from './shard.ts';

const PROTOCOL_TCP = 6;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const IPV4_CHECKSUM = 10;
const ALL_ONES = 0xffff;

/** Wrong segments listed: proofs for a finding. */
const MAX_LISTED = 64;
/** Wrong segments followed at a time, of one part (shard.ts); the oldest makes room. Its connection is looked for by the lowest bits of its id. */
const MAX_FOLLOWED = 16;
const SLOTS = 256;
/** Senders of wrong segments that are counted apart. */
const MAX_SENDERS = 256;
/** IPv4 addresses are int32; ids of IPv6 addresses lie beyond them. */
const IPV6 = 0x1_0000_0000;
/** A copy by the capture or the network comes sooner than a repeat by its sender, nanoseconds. */
const SOONEST_REPEAT = 1_000_000;

export interface Followed {
  id: number;
  readonly frame: number;
  readonly time: number;
  readonly ipHeader: boolean;
  readonly side: number;
  readonly part: number;
  readonly ipId: number;
  readonly seq: number;
  readonly end: number;
  fate: Fate;
}

export interface ChecksumsState {
  readonly counts: Readonly<Record<'verified' | 'cut' | 'verifiedPayload' | 'partial' | 'empty' | 'emptyIp' | 'bad' | 'badIp', number>>;
  readonly segments: readonly Followed[];
  readonly senders: readonly (readonly [key: number, sender: Sender])[];
}

export interface OwnSegments {
  readonly segments: readonly Followed[];
  readonly taken: number;
  readonly repeated: number;
}

export interface Sender {
  readonly address: number;
  readonly ipv6: boolean;
  bad: number;
  good: number;
}

export class Checksums {
  readonly #addresses: AddressBook;
  verified = 0;
  cut = 0;
  verifiedPayload = 0;
  partial = 0;
  empty = 0;
  emptyIp = 0;
  bad = 0;
  badIp = 0;
  taken = 0;
  repeated = 0;
  /** A wrong segment waits for what becomes of it: `follow` must see every segment. */
  following = false;
  readonly segments: Followed[] = [];
  readonly #followed: Followed[] = [];
  /** By slot: how many of those are followed. */
  readonly #bySlot = new Uint8Array(SLOTS);
  readonly #senders = new Map<number, Sender>();

  constructor(addresses: AddressBook) {
    this.#addresses = addresses;
  }

  get senders(): readonly Sender[] {
    return [...this.#senders.values()];
  }

  /** A segment. `x` stands at its connection; null: another shard has that, and knows what becomes of it. */
  verify(k: Packet, frame: number, now: number, x: Context | null): void {
    const length = k.headerLength + k.payloadLength;
    const ipHeader = k.transportAt - k.ipAt;
    // Routing headers and source routes change what the sum is over; a datagram put together from fragments has no frame of its own.
    if (k.stop !== Stop.NONE || k.fragments > 1 || ipHeader !== (k.ipVersion === 4 ? IPV4_HEADER : IPV6_HEADER)) return;
    if (k.ipLength !== ipHeader + length) return;
    if (k.transportAt + length > k.end) {
      this.cut++;
      return;
    }
    this.verified++;
    if (k.payloadLength > 0) this.verifiedPayload++;
    const ipIsWrong = k.ipVersion === 4 && this.#isIpWrong(k);
    const unsized = fold(sumOf(k.view, k.srcAt, k.srcAt + (k.ipVersion === 4 ? 8 : 32)) + PROTOCOL_TCP);
    const pseudo = fold(unsized + length);
    const whole = fold(pseudo + sumOf(k.view, k.transportAt, k.transportAt + length));
    // A card that is to cut the segment as well is given the sum without the length (Windows, NDIS large send offload).
    const isLeft = whole !== ALL_ONES && (k.checksum === pseudo || k.checksum === unsized || k.checksum === 0);
    if (isLeft && k.checksum === 0) this.empty++;
    else if (isLeft) this.partial++;
    if (ipIsWrong || (whole !== ALL_ONES && !isLeft)) this.#note(k, frame, now, x, ipIsWrong);
    else if (this.#senders.size > 0) {
      const sender = this.#sender(k);
      if (sender !== undefined) sender.good++;
    }
  }

  /** The connections have new ids: `ids` by the old ones, -1 of those that are no more. What was followed in one of these stays unknown. */
  renumber(ids: Int32Array): void {
    for (const one of new Set([...this.segments, ...this.#followed])) one.id = ids[one.id]!;
    for (const list of [this.segments, this.#followed]) list.splice(0, list.length, ...list.filter(({ id }) => id >= 0));
    this.following = this.#followed.length > 0;
    this.#bySlot.fill(0);
    for (const { id } of this.#followed) this.#bySlot[id % SLOTS] = this.#bySlot[id % SLOTS]! + 1;
  }

  /** What is counted of all segments, for another process. */
  get state(): ChecksumsState {
    const { verified, cut, verifiedPayload, partial, empty, emptyIp, bad, badIp } = this;
    const counts = { verified, cut, verifiedPayload, partial, empty, emptyIp, bad, badIp };
    return { counts, segments: this.segments.map((segment) => ({ ...segment, id: -1 })), senders: Array.from(this.#senders) };
  }
  restore({ counts, segments, senders }: ChecksumsState): void {
    Object.assign(this, counts);
    this.segments.push(...segments);
    for (const [key, sender] of senders) this.#senders.set(key, sender);
  }

  /** Adds those of a capture that follows. */
  join({ counts, segments, senders }: ChecksumsState, { frames, nanos, address }: Move): void {
    for (const key of Object.keys(counts) as (keyof ChecksumsState['counts'])[]) this[key] += counts[key];
    for (const segment of segments.slice(0, Math.max(0, MAX_LISTED - this.segments.length)))
      this.segments.push({ ...segment, frame: segment.frame + frames, time: segment.time + nanos });
    for (const [, sender] of senders) {
      const id = address(sender.address, sender.ipv6);
      const key = sender.ipv6 ? IPV6 + id : id;
      const known = this.#senders.get(key);
      if (known === undefined) {
        if (this.#senders.size < MAX_SENDERS) this.#senders.set(key, { ...sender, address: id });
      } else {
        known.bad += sender.bad;
        known.good += sender.good;
      }
    }
  }

  /** What this shard knows and no other: its connections' wrong segments, and what became of those that it followed. */
  get own(): OwnSegments {
    return { segments: this.segments.filter(({ id }) => id >= 0), taken: this.taken, repeated: this.repeated };
  }

  /** Takes what all shards know. */
  become(known: readonly OwnSegments[]): void {
    const byFrame = new Map(known.flatMap(({ segments }) => segments.map((segment) => [segment.frame, segment])));
    this.segments.forEach((segment, i) => (this.segments[i] = byFrame.get(segment.frame) ?? segment));
    this.taken = known.reduce((sum, { taken }) => sum + taken, 0);
    this.repeated = known.reduce((sum, { repeated }) => sum + repeated, 0);
  }

  /** Every segment, for as long as a wrong one is followed: does it acknowledge or repeat one? */
  follow(x: Context, k: Packet): void {
    if (this.#bySlot[x.id % SLOTS] === 0) return;
    for (let i = this.#followed.length - 1; i >= 0; i--) {
      const wrong = this.#followed[i]!;
      const fate = wrong.id === x.id ? fateBy(wrong, x, k) : 'unknown';
      if (fate === 'unknown') continue;
      wrong.fate = fate;
      if (fate === 'taken') this.taken++;
      else this.repeated++;
      this.#leave(i);
    }
  }

  #leave(index: number): void {
    const [left] = this.#followed.splice(index, 1);
    const slot = left!.id % SLOTS;
    this.#bySlot[slot] = this.#bySlot[slot]! - 1;
    this.following = this.#followed.length > 0;
  }

  #isIpWrong(k: Packet): boolean {
    if (fold(sumOf(k.view, k.ipAt, k.ipAt + IPV4_HEADER)) === ALL_ONES) return false;
    if (k.view.getUint16(k.ipAt + IPV4_CHECKSUM) !== 0) return true;
    this.emptyIp++;
    return false;
  }

  #note(k: Packet, frame: number, now: number, x: Context | null, ipHeader: boolean): void {
    this.bad++;
    if (ipHeader) this.badIp++;
    const sender = this.#sender(k) ?? this.#addSender(k);
    if (sender !== undefined) sender.bad++;
    const segment: Followed = {
      id: x === null ? -1 : x.id,
      frame,
      time: now,
      ipHeader,
      side: x === null ? 0 : x.side,
      part: x === null ? 0 : partOf(x.tuple),
      ipId: k.ipId,
      seq: k.seq,
      end: endOf(k),
      fate: 'unknown',
    };
    if (this.segments.length < MAX_LISTED) this.segments.push(segment);
    if (x === null || segment.seq === segment.end || isOld(x, segment.end)) return;
    const mine = this.#followed.filter(({ part }) => part === segment.part);
    if (mine.length >= MAX_FOLLOWED) this.#leave(this.#followed.indexOf(mine[0]!));
    this.#followed.push(segment);
    const slot = x.id % SLOTS;
    this.#bySlot[slot] = this.#bySlot[slot]! + 1;
    this.following = true;
  }

  #sender(k: Packet): Sender | undefined {
    return this.#senders.get(this.#key(k));
  }

  #addSender(k: Packet): Sender | undefined {
    if (this.#senders.size >= MAX_SENDERS) return undefined;
    const ipv6 = k.ipVersion === 6;
    const sender = { address: ipv6 ? this.#addresses.intern(k.view, k.srcAt) : k.src, ipv6, bad: 0, good: 0 };
    this.#senders.set(this.#key(k), sender);
    return sender;
  }

  #key(k: Packet): number {
    return k.ipVersion === 6 ? IPV6 + this.#addresses.intern(k.view, k.srcAt) : k.src;
  }
}

/** What a later segment of its connection says of a wrong one. */
function fateBy(wrong: Followed, x: Context, k: Packet): Fate {
  if (x.side !== wrong.side) return (k.flags & (Flag.ACK | Flag.RST)) === Flag.ACK && ((k.ack - wrong.end) | 0) >= 0 ? 'taken' : 'unknown';
  const end = endOf(k);
  const covers = k.seq !== end && ((k.seq - wrong.seq) | 0) <= 0 && ((end - wrong.end) | 0) >= 0;
  const isCopy = x.now - wrong.time < SOONEST_REPEAT || (k.ipId > 0 && k.ipId === wrong.ipId);
  return covers && !isCopy ? 'repeated' : 'unknown';
}

const endOf = (k: Packet): number =>
  (k.seq + k.payloadLength + ((k.flags & Flag.SYN) === 0 ? 0 : 1) + ((k.flags & Flag.FIN) === 0 ? 0 : 1)) | 0;

/** The other end has acknowledged all of it before: what it says next proves nothing about this segment. */
const isOld = (x: Context, end: number): boolean =>
  x.paired && (x.pair[x.me + Half.FLAGS]! & HalfFlag.UNA_KNOWN) !== 0 && ((x.pair[x.me + Half.UNA]! - end) | 0) >= 0;

/** Sum of 16-bit words; an odd octet at the end counts as the upper half of one (RFC 1071). An IP packet's words stay below 2^31. */
function sumOf(v: DataView, from: number, to: number): number {
  let sum = 0;
  let at = from;
  for (; at + 4 <= to; at += 4) {
    const two = v.getInt32(at);
    sum += (two >>> 16) + (two & ALL_ONES);
  }
  if (at + 2 <= to) {
    sum += v.getUint16(at);
    at += 2;
  }
  if (at < to) sum += v.getUint8(at) << 8;
  return fold(sum);
}

function fold(sum: number): number {
  let folded = sum;
  while (folded > ALL_ONES) folded = (folded & ALL_ONES) + (folded >>> 16);
  return folded;
}
