/**
 * Frame bytes into the one reusable `Packet`: synchronous, without allocation, without exceptions.
 *
 * Reads only what was captured, believes the lengths of IP headers, and stops where it no longer understands (`Stop`).
 * Fragments are put together (`reassembly.ts`), checksums not verified (`track/checksums.ts` does so for a sample). Read first: `walk.ts`, then `headers.ts`.
 */
import { Encapsulations } from './encapsulations.ts';
import { decodeFast } from './fast-lane.ts';
import { type LinkLayer, linkLayer } from './link/index.ts';
import { walkHeaders } from './headers.ts';
import { Layer, Packet, Stop } from './packet.ts';
import { Reassembly } from './reassembly.ts';
import { Next, Walk } from './walk.ts';

export { Encapsulations } from './encapsulations.ts';
export { cookedDirection } from './link/linux-cooked.ts';
export { decodeTcpOptions } from './transport/tcp-options.ts';

const LINKTYPE_ETHERNET = 1;

export class Decoder {
  /** Resolves `packet.encap`. */
  readonly encapsulations: Encapsulations;
  readonly reassembly: Reassembly;

  readonly #walk: Walk;
  readonly #quoteWalk: Walk;
  readonly #quoted = new Packet();
  // A capture rarely has more than one link type, and then in runs: the lookup is done when it changes.
  #linkType = -1;
  #link: LinkLayer | undefined;

  /** `now`: capture time in seconds, asked only when a fragment comes. */
  constructor(now: () => number = () => 0, encapsulations = new Encapsulations()) {
    this.encapsulations = encapsulations;
    this.reassembly = new Reassembly(now);
    this.#walk = new Walk(encapsulations, this.reassembly);
    this.#quoteWalk = new Walk(encapsulations, null);
  }

  /** Other passes must then decode from the first frame: a segment may have begun long before the frame that it belongs to. */
  get sawFragments(): boolean {
    return this.reassembly.loose > 0 || this.reassembly.completed > 0;
  }

  /** For another pass over the same capture: the same numbers in `encap`, and fragments of its own. */
  again(now: () => number): Decoder {
    return new Decoder(now, this.encapsulations);
  }

  /** Decodes the frame of `capLen` bytes at `at`; it had `origLen` on the wire. Overwrites all of `packet` but its options. */
  decode(packet: Packet, linkType: number, view: DataView, at: number, capLen: number, origLen: number): void {
    const end = Math.min(at + capLen, view.byteLength);
    // Some writers record an original length below the captured one; what was captured did exist.
    const wire = at + (origLen > capLen ? origLen : capLen);
    if (linkType === LINKTYPE_ETHERNET && decodeFast(packet, view, at, end, wire)) return;
    packet.clear();
    packet.view = view;
    packet.at = at;
    packet.end = end;
    if (linkType !== this.#linkType) {
      this.#linkType = linkType;
      this.#link = linkLayer(linkType);
    }
    if (this.#link === undefined) {
      packet.stop = Stop.UNKNOWN_LINK;
      return;
    }
    const w = this.#walk;
    w.start(packet, view, at, end, wire);
    const first = this.#link.decode(w);
    if (w.at > at || first >= 0) packet.layer = Layer.LINK;
    if (walkHeaders(w, first) === Next.QUOTE) this.#decodeQuoted(packet, w);
  }

  /** A quoted ICMP error is not followed further: errors are never sent about errors (RFC 1122 §3.2.2). */
  #decodeQuoted(packet: Packet, outer: Walk): void {
    const quoted = this.#quoted;
    quoted.clear();
    quoted.view = packet.view;
    quoted.at = outer.at;
    quoted.end = outer.bound;
    quoted.encap = packet.encap;
    this.#quoteWalk.start(quoted, packet.view, outer.at, outer.bound, outer.limit, Infinity);
    walkHeaders(this.#quoteWalk, Next.ANY_IP);
    if (quoted.ipVersion !== 0) packet.quoted = quoted;
  }
}
