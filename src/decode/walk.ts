/**
 * One walk through the headers of a frame: where it stands, and how far it may read.
 *
 * Every decoder is a function of a `Walk` that reads one header, sets fields of `packet`, moves `at` behind the header and
 * returns the number of the next one. EtherTypes (at least 0x0600) and IP protocols (at most 255) share that number space,
 * and the gap between them holds ours; a negative number ends the walk. So decoders never call each other, nesting is a
 * loop with a bound, and there is one place (`headers.ts`) that says which number means which decoder.
 */
import { Encapsulations } from './encapsulations.ts';
import { Packet, Stop } from './packet.ts';
import type { Reassembly } from './reassembly.ts';

export const Next = {
  END: -1,
  /** The rest is a packet quoted by an ICMP error. */
  QUOTE: -2,
  /** IEEE 802.2 LLC, after an 802.3 length or an 802.11 header. */
  LLC: 0x100,
  PPP: 0x101,
  /** IPv4 or IPv6, told apart by the version. */
  ANY_IP: 0x102,
  /** After UDP, where the ports say so. */
  VXLAN: 0x103,
  GENEVE: 0x104,
  GTP_U: 0x105,
  TEREDO: 0x106,
} as const;

export class Walk {
  readonly encapsulations: Encapsulations;
  /** null: fragments stay as they are. */
  readonly reassembly: Reassembly | null;
  packet = new Packet();
  view = this.packet.view;
  /** The next header. */
  at = 0;
  /** Behind the last captured byte. */
  end = 0;
  /** Behind the last byte that belongs here according to the headers so far: excludes padding, may lie behind `end`. */
  limit = 0;
  /** The smaller of both: nothing is read from here on. */
  bound = 0;
  /** Where the frame ended on the wire: no length field can put a packet beyond it. */
  #wire = 0;

  constructor(encapsulations: Encapsulations, reassembly: Reassembly | null) {
    this.encapsulations = encapsulations;
    this.reassembly = reassembly;
  }

  /** `wire`: Infinity for a quoted packet, of which more existed than is quoted. */
  start(packet: Packet, view: DataView, at: number, end: number, limit: number, wire = limit): void {
    this.packet = packet;
    this.view = view;
    this.at = at;
    this.end = end;
    this.#wire = wire;
    this.narrow(limit);
  }

  narrow(limit: number): void {
    this.limit = limit < this.#wire ? limit : this.#wire;
    this.bound = this.limit < this.end ? this.limit : this.end;
  }
}

export type HeaderDecoder = (w: Walk) => number;

export function stopped(w: Walk, why: Stop): number {
  w.packet.stop = why;
  return Next.END;
}

/** A header of `size` octets is not all there: either the capture cut it off or the packet itself is too short for it. */
export function missing(w: Walk, size: number): number {
  return stopped(w, w.at + size > w.limit ? Stop.MALFORMED : Stop.TRUNCATED);
}
