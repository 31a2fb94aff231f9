/**
 * Fragments put together, IPv4 (RFC 791 §3.2) and IPv6 (RFC 8200 §4.5), in a bounded pool of reused buffers.
 *
 * As in Wireshark, the datagram belongs to the frame of the fragment that completed it. As in Linux, copies are ignored, and
 * any other overlap throws the whole datagram away (RFC 5722; linux: inet_frag_queue_insert): which of two versions a
 * receiver would have believed is then no question. Octets that the snap length cut off still count, for lengths are known.
 *
 * A datagram that is never completed never reached TCP, so its first fragment is no segment either. One case is different: a
 * capture filter on ports passes first fragments only. Where first fragments come and later ones never do, each first
 * fragment is all that there will ever be, and is decoded as it stands.
 */
import { IpProtocol } from './numbers.ts';
import { Stop } from './packet.ts';
import { stopped, type Walk } from './walk.ts';

/** Datagrams in progress; the oldest gives way. A router that interleaves flows has a handful. */
const DATAGRAMS = 64;
/** RFC 791: offset and length of 16 bits. */
const MAX_DATAGRAM = 0xffff;
/** Fragments begin at multiples of this (RFC 791, RFC 8200 §4.5). */
const UNIT = 8;
/** In front of the payload: the fixed IP header of the first fragment, for addresses and TTL. */
const HEADROOM = 40;
/** Payload that a new buffer holds: two Ethernet frames' worth, which is what most datagrams come to. */
const FIRST_CAPACITY = 4096;
/** Seconds, linux: IP_FRAG_TIME and IPV6_FRAG_TIMEOUT (RFC 8200 §4.5). */
const TIMEOUT_V4 = 30;
const TIMEOUT_V6 = 60;
/** First fragments in a row, without any later fragment, that show a capture filtered by port. */
const LONE_FIRSTS = 4;

const UNKNOWN = -1;

/** One datagram in progress. */
class Datagram {
  inUse = false;
  /** Order of arrival, for eviction. */
  age = 0;
  /** Seconds of capture time. */
  since = 0;
  encap = 0;
  version = 0;
  protocol = 0;
  id = 0;
  /** Source and destination, as words. */
  readonly addresses = new Int32Array(8);
  bytes = new Uint8Array(0);
  view = new DataView(this.bytes.buffer);
  /** One bit for each unit that has come. */
  readonly units = new Uint32Array((MAX_DATAGRAM + 1) / UNIT / 32);
  octets = 0;
  /** Behind the last octet; UNKNOWN before the last fragment has come. */
  total = UNKNOWN;
  /** Behind the last octet of all fragments that have come. */
  reach = 0;
  /** The first octet that the snap length cut off. */
  cutAt = 0;
  /** Protocol and headers of the first fragment; UNKNOWN before it has come. */
  next = UNKNOWN;
  headerLength = 0;
  /** Copies included. */
  fragments = 0;
  /** Its first fragment was decoded as it stood. */
  taken = false;

  open(w: Walk, id: number, since: number, age: number): void {
    const p = w.packet;
    this.inUse = true;
    this.age = age;
    this.since = since;
    this.encap = p.encap;
    this.version = p.ipVersion;
    this.protocol = p.ipVersion === 4 ? p.protocol : 0;
    this.id = id;
    readAddresses(w, this.addresses);
    this.units.fill(0);
    this.octets = 0;
    this.total = UNKNOWN;
    this.reach = 0;
    this.cutAt = MAX_DATAGRAM;
    this.next = UNKNOWN;
    this.fragments = 0;
    this.taken = false;
  }

  /** Marks the units of a fragment. Returns how many had come before. */
  claim(offset: number, end: number): number {
    const { units } = this;
    const last = (end + UNIT - 1) >>> 3;
    let before = 0;
    for (let unit = offset >>> 3; unit < last; unit++) {
      const bit = 1 << (unit & 31);
      if ((units[unit >>> 5]! & bit) !== 0) before++;
      else units[unit >>> 5] = units[unit >>> 5]! | bit;
    }
    return before;
  }

  store(from: Uint8Array, offset: number): void {
    this.#reserve(offset + from.length);
    this.bytes.set(from, HEADROOM + offset);
  }

  /** The first fragment's IP header without options ends where the payload begins. */
  keepHeader(w: Walk, next: number): void {
    const size = this.version === 4 ? 20 : 40;
    this.next = next;
    this.headerLength = this.version === 4 ? w.at - w.packet.ipAt : w.at - UNIT - w.packet.ipAt; // without the fragment header
    this.#reserve(0);
    this.bytes.set(octetsOf(w, w.packet.ipAt, size), HEADROOM - size);
  }

  #reserve(payload: number): void {
    const wanted = HEADROOM + payload;
    if (wanted <= this.bytes.length) return;
    let capacity = Math.max(this.bytes.length - HEADROOM, FIRST_CAPACITY);
    while (capacity < payload) capacity *= 2;
    const larger = new Uint8Array(HEADROOM + capacity);
    larger.set(this.bytes);
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}

export class Reassembly {
  /** Fragments seen that are part of no datagram put together (yet), those decoded as they stood not included. */
  loose = 0;
  /** Datagrams put together. */
  completed = 0;
  /** First fragments that end inside the TCP header (RFC 1858). */
  tiny = 0;
  /** Fragments seen that are part of some datagram, copies included, and the number of the datagram that the newest of them belongs to. */
  placed = 0;
  latest = 0;

  /** Seconds of capture time; asked for each fragment. */
  readonly #now: () => number;
  readonly #datagrams = Array.from({ length: DATAGRAMS }, () => new Datagram());
  /**
   * The datagram last completed. Its buffer is what the packet points into, so that no fragment, not even one that was inside
   * it, is written over the bytes being read.
   */
  #whole = new Datagram();
  #arrivals = 0;
  /** First fragments since the last later one. */
  #lone = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Memory held, octets. */
  get held(): number {
    return this.#datagrams.reduce((sum, d) => sum + d.bytes.length, this.#whole.bytes.length);
  }

  /**
   * A fragment: `w.at` stands behind its headers, `packet` has offset and flag. Returns the next header when a datagram is
   * complete, and the walk then stands in it; otherwise ends the walk.
   */
  add(w: Walk, id: number, next: number): number {
    const p = w.packet;
    const offset = p.fragmentOffset;
    let length = w.limit - w.at;
    if (p.moreFragments && length % UNIT !== 0) {
      if (p.ipVersion === 6) return stopped(w, Stop.MALFORMED); // RFC 8200 §4.5: discarded
      length -= length % UNIT; // linux: ip_frag_queue trims
    }
    const end = offset + length;
    if (length <= 0 || end > MAX_DATAGRAM) return stopped(w, Stop.MALFORMED);
    this.loose++;
    if (offset === 0 && next === IpProtocol.TCP && length < upperHeader(next)) this.tiny++;
    if (offset > 0) this.#lone = 0;
    else if (p.ipVersion === 6 && length < upperHeader(next)) return refused(w, next);

    const now = this.#now();
    const d = this.#find(w, id, now) ?? this.#open(w, id, now);
    d.fragments++;
    this.placed++;
    this.latest = d.age;
    const before = d.claim(offset, end);
    if (before > 0) {
      if (before === Math.ceil(length / UNIT) && end <= d.reach) return stopped(w, Stop.FRAGMENT); // a copy
      return this.#drop(w, d);
    }
    if (end > d.reach) d.reach = end;
    if (!p.moreFragments) {
      if (d.total !== UNKNOWN) return this.#drop(w, d);
      d.total = end;
    }
    if (d.total !== UNKNOWN && d.reach > d.total) return this.#drop(w, d);
    d.octets += length;
    const captured = Math.min(length, Math.max(0, w.bound - w.at));
    if (captured < length && offset + captured < d.cutAt) d.cutAt = offset + captured;
    d.store(octetsOf(w, w.at, captured), offset);
    if (offset === 0) {
      d.keepHeader(w, next);
      if (++this.#lone > LONE_FIRSTS) {
        d.taken = true;
        this.loose--;
        return next;
      }
    }
    return d.octets === d.total ? this.#complete(w, d) : stopped(w, Stop.FRAGMENT);
  }

  #find(w: Walk, id: number, now: number): Datagram | undefined {
    const p = w.packet;
    const protocol = p.ipVersion === 4 ? p.protocol : 0;
    readAddresses(w, wanted);
    for (const d of this.#datagrams) {
      if (!d.inUse || d.id !== id || d.version !== p.ipVersion || d.protocol !== protocol || d.encap !== p.encap) continue;
      if (!sameWords(d.addresses, wanted)) continue;
      if (now - d.since <= (d.version === 4 ? TIMEOUT_V4 : TIMEOUT_V6)) return d;
      d.inUse = false;
    }
    return undefined;
  }

  #open(w: Walk, id: number, now: number): Datagram {
    let chosen = this.#datagrams[0]!;
    for (const d of this.#datagrams) {
      if (!d.inUse) {
        chosen = d;
        break;
      }
      if (d.age < chosen.age) chosen = d;
    }
    chosen.open(w, id, now, ++this.#arrivals);
    return chosen;
  }

  #drop(w: Walk, d: Datagram): number {
    d.inUse = false;
    return stopped(w, Stop.OVERLAP);
  }

  #complete(w: Walk, d: Datagram): number {
    this.#datagrams[this.#datagrams.indexOf(d)] = this.#whole;
    this.#whole = d;
    d.inUse = false;
    // Its header has been counted with the first fragment, and a segment is one segment: the others stay loose.
    if (d.taken) return stopped(w, Stop.FRAGMENT);
    this.completed++;
    this.loose -= d.fragments;

    const p = w.packet;
    const v4 = d.version === 4;
    const at = HEADROOM - (v4 ? 20 : 40);
    p.view = d.view;
    p.at = at;
    p.end = HEADROOM + Math.min(d.total, d.cutAt);
    p.ipAt = at;
    p.srcAt = at + (v4 ? 12 : 8);
    p.dstAt = at + (v4 ? 16 : 24);
    p.ttl = d.view.getUint8(at + (v4 ? 8 : 7));
    p.ipLength = d.headerLength + d.total;
    p.protocol = d.next;
    p.moreFragments = false;
    p.fragmentOffset = 0;
    p.fragments = d.fragments;
    w.start(p, d.view, HEADROOM, p.end, HEADROOM + d.total);
    return d.next;
  }
}

/** Octets that an IPv6 first fragment must hold of its upper-layer header (RFC 8200 §4.5; linux: ipv6frag_thdr_truncated). */
function upperHeader(protocol: number): number {
  if (protocol === IpProtocol.TCP) return 20;
  return protocol === IpProtocol.UDP || protocol === IpProtocol.ICMPV6 ? 8 : 1;
}

/** RFC 8200 §4.5: discarded. What it holds of a TCP header still tells whose segment never arrived. */
function refused(w: Walk, next: number): number {
  return next === IpProtocol.TCP ? next : stopped(w, Stop.FRAGMENT);
}

/** The addresses of the fragment at hand; one list, reused. */
const wanted = new Int32Array(8);

function readAddresses(w: Walk, into: Int32Array): void {
  const { srcAt, ipVersion } = w.packet;
  const words = ipVersion === 4 ? 2 : 8;
  for (let i = 0; i < 8; i++) into[i] = i < words ? w.view.getInt32(srcAt + i * 4) : 0;
}

function sameWords(a: Int32Array, b: Int32Array): boolean {
  for (let i = 0; i < 8; i++) if (a[i] !== b[i]) return false;
  return true;
}

const octetsOf = (w: Walk, at: number, length: number): Uint8Array => new Uint8Array(w.view.buffer, w.view.byteOffset + at, length);

/** Where a fragment ends when nobody puts it together: a quoted packet shows what its first fragment holds. */
export function fragment(w: Walk, id: number, next: number): number {
  if (w.reassembly !== null) return w.reassembly.add(w, id, next);
  return w.packet.fragmentOffset === 0 ? next : stopped(w, Stop.FRAGMENT);
}
