/**
 * Tells a copy of a segment from the segment sent again.
 *
 * A capture holds a segment more than once when it was made on several interfaces of a host that forwards (`-i any`), at a
 * mirror port that shows a routed segment before and behind the router, or where the network itself doubles frames. A copy
 * has the same numbers and the same IPv4 identification, comes a moment later, and often at another point: another
 * interface, another tag or tunnel, another TTL. A host that sends a segment again gives it a new identification (Linux,
 * Windows) and passes the first point again. Where there is no identification (IPv6; 0, which RFC 6864 allows) only the
 * point tells, or the octets and the moment.
 *
 * Memory: one table of the last segments by their hash; a segment that is overwritten too early costs a copy that is
 * counted as sent again. Per packet: one slot read and written, no allocation.
 */
import type { Packet } from '../decode/packet.ts';
import { Flag } from '../model/flags.ts';
import type { Context } from './context.ts';
import { Core, Half } from './layout.ts';
import { partOf, PARTS } from './shard.ts';

/** Half of the shortest retransmission timeout (linux TCP_RTO_MIN, 200 ms): a router or mirror port takes milliseconds. Nanoseconds. */
const SAME_IDENTIFICATION = 100_000_000;
/** Without an identification, at another point: a host or switch forwards within this time. Nanoseconds. */
const OTHER_POINT = 10_000_000;
/** Without an identification and at the same point: doubled by the network or the tap. Nanoseconds. */
const SAME_POINT = 1_000_000;

/**
 * Slots of the table, of one part (shard.ts): at a million packets per second a segment is remembered for milliseconds, at ten thousand
 * for half a second.
 */
const SLOT_BITS = 11;
const SLOT_WORDS = 4;
/** Words of a slot. */
const Slot = {
  /** Of everything that is the same in a copy; 0 empty. */
  FINGERPRINT: 0,
  /** When it was last seen, units of 1,024 ns modulo 2^32. */
  TIME: 1,
  /** Where it was seen first: interface (16 bits) | encapsulation << 16. */
  POINT: 2,
  /** TTL << 16 | TCP checksum */
  TTL_SUM: 3,
} as const;
/** Clock of the slots: no division per packet. */
const TICK = 1024;
const PER_TICK = 1 / TICK;

/** Interfaces told apart in the account; a forwarding host of containers may have thousands. */
const MAX_INTERFACES = 64;

/** `Context.source` from the index of a cooked header (0: none), or from the file and its interface. */
export function sourceOf(interfaceIndex: number, interfaceId: number, file: number): number {
  return interfaceIndex === 0 ? OF_FILE | ((file & 31) << 10) | (interfaceId & 0x3ff) : interfaceIndex & 0x7fff;
}
const OF_FILE = 0x8000;
/** The index by which the capturing host knew the interface; null when only the file's order of interfaces is known. */
export const interfaceIndexOf = (source: number): number | null => ((source & OF_FILE) === 0 ? source : null);

/** What was found in the whole capture. */
export class CopyCounts {
  copies = 0;
  /** Of these: on another interface, under other tags or tunnels, with another TTL. One copy may be several of these, or none. */
  otherInterface = 0;
  otherEncapsulation = 0;
  otherTtl = 0;
  /** Seen again where it had been seen first. */
  samePoint = 0;
  /** Longest time from one sight to the next, nanoseconds. */
  longest = 0;
  /** Largest difference of TTLs: hops between the first point and the last. */
  hops = 0;
  /** Interfaces on which a segment was seen that was seen more than once. Bounded. */
  readonly interfaces: Set<number> = new Set<number>();

  /** Adds what another shard of the same capture found. */
  add(other: CopyCounts): void {
    this.copies += other.copies;
    this.otherInterface += other.otherInterface;
    this.otherEncapsulation += other.otherEncapsulation;
    this.otherTtl += other.otherTtl;
    this.samePoint += other.samePoint;
    this.longest = Math.max(this.longest, other.longest);
    this.hops = Math.max(this.hops, other.hops);
    for (const one of other.interfaces) if (this.interfaces.size < MAX_INTERFACES) this.interfaces.add(one);
  }
}

export class Copies {
  readonly counts = new CopyCounts();
  readonly #slots = new Int32Array(PARTS * (SLOT_WORDS << SLOT_BITS));

  /** Is it a copy of a segment that was seen a moment ago? Else it is remembered. `x` stands at its connection. */
  seen(x: Context, k: Packet): boolean {
    const slots = this.#slots;
    const fingerprint = fingerprintOf(k, endOf(x.core[x.c + Core.FIRST_FRAME]!, x.side));
    const at = slotOf(x.tuple, fingerprint);
    if (slots[at] === fingerprint) {
      const time = (x.now * PER_TICK) | 0;
      const point = x.source | (k.encap << 16);
      if (this.#isCopy(x, k, at, time, point)) {
        this.#account(k, at, time, point);
        return true;
      }
    }
    this.remember(x, k, fingerprint);
    return false;
  }

  /** Remembers a segment that cannot have been seen before: no need to wait for the memory that knows. `x` stands at its connection. */
  note(x: Context, k: Packet): void {
    this.remember(x, k, fingerprintOf(k, endOf(x.core[x.c + Core.FIRST_FRAME]!, x.side)));
  }

  /** Would it be a copy, if it were of the connection at which `x` stands? */
  wouldBe(x: Context, k: Packet): boolean {
    const fingerprint = fingerprintOf(k, endOf(x.core[x.c + Core.FIRST_FRAME]!, x.side));
    const at = slotOf(x.tuple, fingerprint);
    return this.#slots[at] === fingerprint && this.#isCopy(x, k, at, (x.now * PER_TICK) | 0, x.source | (k.encap << 16));
  }

  /** Was there a segment with the same numbers? Only `seen` knows whether this one is its copy. */
  isKnown(tuple: number, fingerprint: number): boolean {
    return this.#slots[slotOf(tuple, fingerprint)] === fingerprint;
  }

  remember(x: Context, k: Packet, fingerprint: number): void {
    const slots = this.#slots;
    const at = slotOf(x.tuple, fingerprint);
    slots[at] = fingerprint;
    slots[at + Slot.TIME] = (x.now * PER_TICK) | 0;
    slots[at + Slot.POINT] = x.source | (k.encap << 16);
    slots[at + Slot.TTL_SUM] = (k.ttl << 16) | k.checksum;
  }

  /** The numbers are the same: is it the same segment? */
  #isCopy(x: Context, k: Packet, at: number, time: number, point: number): boolean {
    const slots = this.#slots;
    const before = slots[at + Slot.TTL_SUM]!;
    const firstPoint = slots[at + Slot.POINT]!;
    const dropped = (before >>> 16) - k.ttl;
    const samePoint = point === firstPoint && dropped === 0;
    const sameOctets = k.checksum === (before & 0xffff);
    const age = Math.abs((time - slots[at + Slot.TIME]!) | 0) * TICK;
    // Between two sights a checksum that was left to the network card may have been filled in.
    if (k.ipVersion === 4 && k.ipId !== 0) return age <= (samePoint && !sameOctets ? SAME_POINT : SAME_IDENTIFICATION);
    // A TTL that rose at the same place is another sender's.
    if (!samePoint) return age <= OTHER_POINT && (dropped >= 0 || point !== firstPoint);
    // The same ACK or RST may answer one segment after another; data, SYN and FIN come again after an answer, or after a timeout.
    return age <= SAME_POINT && sameOctets && carriesSequence(k) && !answeredSince(x, slots[at + Slot.TIME]!);
  }

  #account(k: Packet, at: number, time: number, point: number): void {
    const { counts } = this;
    const slots = this.#slots;
    const firstPoint = slots[at + Slot.POINT]!;
    const dropped = (slots[at + Slot.TTL_SUM]! >>> 16) - k.ttl;
    const age = Math.abs((time - slots[at + Slot.TIME]!) | 0) * TICK;
    slots[at + Slot.TIME] = time;
    counts.copies++;
    const from = firstPoint & 0xffff;
    const to = point & 0xffff;
    if (from !== to) counts.otherInterface++;
    if (firstPoint >>> 16 !== point >>> 16) counts.otherEncapsulation++;
    if (dropped !== 0) counts.otherTtl++;
    if (firstPoint === point && dropped === 0) counts.samePoint++;
    if (age > counts.longest) counts.longest = age;
    if (Math.abs(dropped) > counts.hops) counts.hops = Math.abs(dropped);
    if (counts.interfaces.size < MAX_INTERFACES) counts.interfaces.add(from).add(to);
  }
}

const slotOf = (tuple: number, fingerprint: number): number =>
  ((partOf(tuple) << SLOT_BITS) | (fingerprint >>> (32 - SLOT_BITS))) * SLOT_WORDS;

/** One end of a connection, by the connection's id or by its first frame. */
export const endOf = (id: number, side: number): number => (id << 1) | side;

/**
 * Of all that a copy has in common with its segment. Sums of products and not a chain: they need not wait for each other.
 * Two different segments have the same fingerprint once in 2^32. `sender`: an end of a connection, which its first frame names in every shard
 * alike. Not of a tuple: a SYN that comes again after its connection is closed may open the next one.
 */
export function fingerprintOf(k: Packet, sender: number): number {
  return (
    (Math.imul(k.seq, 0x9e3779b1) +
      Math.imul(k.ack, 0x85ebca6b) +
      Math.imul(sender, 0xc2b2ae35) +
      Math.imul((k.window << 16) | (k.ipId & 0xffff), 0x27d4eb2f) +
      Math.imul((k.flags << 20) ^ k.payloadLength, 0x165667b1)) |
    0
  );
}

const carriesSequence = (k: Packet): boolean =>
  (k.payloadLength > 0 || (k.flags & (Flag.SYN | Flag.FIN)) !== 0) && (k.flags & Flag.RST) === 0;

/** Has the other end spoken since that moment? */
function answeredSince(x: Context, time: number): boolean {
  if (!x.paired) return false;
  const last = x.pairF[(x.peer + Half.LAST_TIME) >> 1]!;
  return last >= 0 && ((((last * PER_TICK) | 0) - time) | 0) > 0;
}
