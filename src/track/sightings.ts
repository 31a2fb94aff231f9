/**
 * Marks that the capturing machine leaves on its own packets, before a network card or a wire has changed them: which way
 * the link layer says that a frame went, TCP checksums that the card has yet to fill in, short Ethernet frames that it has
 * yet to pad. Counted by address over a sample of the segments; `collect/vantage.ts` makes sense of the counts.
 */
import { Layer, type Packet } from '../decode/packet.ts';
import { Direction } from '../model/vantage.ts';
import type { AddressBook } from './address-book.ts';
import type { Move } from './move.ts';

/** Segments looked at: these first ones, then one in `SAMPLE_EVERY`. */
const SAMPLE_FIRST = 4_096;
const SAMPLE_EVERY = 64;
/** Addresses kept. An address is added by a mark of its own machine, not by being a flood's forged source. */
const MAX_HOSTS = 4_096;

const LINKTYPE_ETHERNET = 1;
const ETHERNET_HEADER = 14;
/** Octets of the shortest Ethernet frame, without FCS (IEEE 802.3 §3.2.8). */
const SHORTEST_FRAME = 60;
const TCP_CHECKSUM = 16;
const PROTOCOL_TCP = 6;

/** Counts of one address, of sampled segments. */
export class Sighting {
  /** As sender and as receiver, by direction at the capturing machine. */
  sentOut = 0;
  sentIn = 0;
  receivedIn = 0;
  receivedOut = 0;
  /** Sent or received in frames that were neither for nor from the machine. */
  passing = 0;
  /** Segments sent without payload, and those whose checksum field held the pseudo-header's sum. */
  bare = 0;
  partial = 0;
  /** Frames sent whose content is too short for Ethernet: as they were, and padded. */
  unpadded = 0;
  padded = 0;
}

type Counts = Readonly<Record<keyof Sighting, number>>;

export interface SightingsState {
  readonly v4: readonly (readonly [id: number, counts: Counts])[];
  readonly v6: readonly (readonly [id: number, counts: Counts])[];
  readonly total: Counts;
}

export class Sightings {
  readonly #addresses: AddressBook;
  readonly #v4 = new Map<number, Sighting>();
  readonly #v6 = new Map<number, Sighting>();
  /** Of all addresses. */
  readonly total = new Sighting();

  constructor(addresses: AddressBook) {
    this.#addresses = addresses;
  }

  /** Is this frame in the sample? */
  static wanted(frame: number): boolean {
    return frame % SAMPLE_EVERY === 0 || frame <= SAMPLE_FIRST;
  }

  /** A TCP segment. `wireLength`: of the frame. Segments in tunnels and VLANs are left out: their marks may be another machine's. */
  note(k: Packet, linkType: number, wireLength: number, direction: Direction): void {
    if (k.layer !== Layer.TCP || k.encap !== 0) return;
    const src = k.ipVersion === 6 ? this.#addresses.intern(k.view, k.srcAt) : k.src;
    const dst = k.ipVersion === 6 ? this.#addresses.intern(k.view, k.dstAt) : k.dst;
    const hosts = k.ipVersion === 6 ? this.#v6 : this.#v4;
    // A host that talks to itself does so over the loopback interface, which sends and receives at once.
    if (src !== dst && direction !== Direction.UNKNOWN) this.#noteDirection(hosts, src, dst, direction);
    // Not with payload: receive offload merges segments and leaves a partial checksum too (linux tcp4_gro_complete).
    if (k.payloadLength === 0) {
      const partial = checksumIsPartial(k);
      const host = this.#host(hosts, src, partial);
      this.total.bare++;
      if (partial) this.total.partial++;
      if (host !== undefined) {
        host.bare++;
        if (partial) host.partial++;
      }
    }
    const length = ETHERNET_HEADER + k.ipLength;
    if (linkType === LINKTYPE_ETHERNET && length < SHORTEST_FRAME) {
      const unpadded = wireLength === length;
      const host = this.#host(hosts, src, unpadded);
      if (unpadded) this.total.unpadded++;
      else this.total.padded++;
      if (host !== undefined) {
        if (unpadded) host.unpadded++;
        else host.padded++;
      }
    }
  }

  /** All counts, for another process. */
  get state(): SightingsState {
    const plain = (hosts: Map<number, Sighting>): SightingsState['v4'] => Array.from(hosts, ([id, host]) => [id, Object.assign({}, host)]);
    return { v4: plain(this.#v4), v6: plain(this.#v6), total: Object.assign({}, this.total) };
  }
  restore({ v4, v6, total }: SightingsState): void {
    for (const [id, host] of v4) this.#v4.set(id, Object.assign(new Sighting(), host));
    for (const [id, host] of v6) this.#v6.set(id, Object.assign(new Sighting(), host));
    Object.assign(this.total, total);
  }

  /** Adds those of a capture that follows. */
  join({ v4, v6, total }: SightingsState, { address }: Move): void {
    const add = (hosts: Map<number, Sighting>, id: number, counts: Counts): void => {
      const host = this.#host(hosts, id, true);
      if (host !== undefined) addCounts(host, counts);
    };
    for (const [id, counts] of v4) add(this.#v4, id, counts);
    for (const [id, counts] of v6) add(this.#v6, address(id, true), counts);
    addCounts(this.total, total);
  }

  /** Counts of an address as the tracker keys it; undefined where it left no mark. */
  of(address: number, ipv6: boolean): Sighting | undefined {
    return (ipv6 ? this.#v6 : this.#v4).get(address);
  }

  #noteDirection(hosts: Map<number, Sighting>, src: number, dst: number, direction: Direction): void {
    const sender = this.#host(hosts, src, direction === Direction.OUTBOUND);
    const receiver = this.#host(hosts, dst, direction === Direction.INBOUND);
    switch (direction) {
      case Direction.OUTBOUND:
        this.total.sentOut++;
        if (sender !== undefined) sender.sentOut++;
        if (receiver !== undefined) receiver.receivedOut++;
        break;
      case Direction.INBOUND:
        this.total.sentIn++;
        if (sender !== undefined) sender.sentIn++;
        if (receiver !== undefined) receiver.receivedIn++;
        break;
      default:
        this.total.passing++;
        if (sender !== undefined) sender.passing++;
        if (receiver !== undefined) receiver.passing++;
    }
  }

  #host(hosts: Map<number, Sighting>, address: number, add: boolean): Sighting | undefined {
    let host = hosts.get(address);
    if (host === undefined && add && this.#v4.size + this.#v6.size < MAX_HOSTS) {
      host = new Sighting();
      hosts.set(address, host);
    }
    return host;
  }
}

function addCounts(to: Sighting, counts: Counts): void {
  for (const key of Object.keys(counts) as (keyof Sighting)[]) to[key] += counts[key];
}

/**
 * Does the checksum field hold just the sum over the pseudo-header, as a stack leaves it for the network card (linux
 * __tcp_v4_send_check, CHECKSUM_PARTIAL)? Needs no payload, so it works on cut packets.
 */
function checksumIsPartial(k: Packet): boolean {
  const { view, srcAt } = k;
  let sum = PROTOCOL_TCP + k.headerLength + k.payloadLength;
  const octets = k.ipVersion === 6 ? 32 : 8; // both addresses, side by side
  for (let at = srcAt; at < srcAt + octets; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return view.getUint16(k.transportAt + TCP_CHECKSUM) === sum;
}
