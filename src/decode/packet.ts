/**
 * The one reusable decoded packet. Decoders fill it in place; nothing on the hot path allocates.
 *
 * Decoding is lax: a cut or odd packet keeps what could be read, and `stop` says why decoding ended. Decoders never throw
 * and never judge. Lengths come from the IP header, not from the captured length.
 */

/** How far decoding got. A packet whose `layer` is TCP has a complete fixed TCP header. */
export const Layer = { NONE: 0, LINK: 1, IP: 2, TCP: 3, UDP: 4, ICMP: 5 } as const;
export type Layer = (typeof Layer)[keyof typeof Layer];

/** Why decoding ended before the payload. */
export const Stop = {
  NONE: 0,
  /** The captured bytes end inside a header. */
  TRUNCATED: 1,
  /** A header contradicts itself (IHL < 5, data offset past the segment, wrong version). */
  MALFORMED: 2,
  /** Not IP, or an IP protocol that is not TCP, UDP or ICMP. */
  OTHER_PROTOCOL: 3,
  /** An IP fragment that completes no datagram (yet). */
  FRAGMENT: 4,
  /** A link type without a decoder. */
  UNKNOWN_LINK: 5,
  /** More nested headers than we follow. */
  TOO_DEEP: 6,
  /** An IP fragment that overlaps another of its datagram, which is thrown away. */
  OVERLAP: 7,
} as const;
export type Stop = (typeof Stop)[keyof typeof Stop];

export class Packet {
  /** The buffer that holds the frame, or the datagram that this frame's fragment completed; valid until the next packet. */
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Offset of the first byte in `view` that belongs to the packet, and of the first byte behind the captured part. */
  at = 0;
  end = 0;

  layer: Layer = Layer.NONE;
  stop: Stop = Stop.NONE;

  /** Where a cooked capture says that it was taken (sll2_if_index); 0 where the frame does not say. */
  interfaceIndex = 0;
  /** Interned list of VLAN tags and tunnels around this packet; 0 none. See `Encapsulations`. */
  encap = 0;
  /** 4, 6, or 0 when no IP header was reached. */
  ipVersion = 0;
  /** Offset of the (innermost) IP header in `view`. */
  ipAt = 0;
  /** IPv4 addresses as int32 (big-endian value | 0); for IPv6 see `srcAt` and `dstAt`. */
  src = 0;
  dst = 0;
  /** Offsets of the addresses in `view`. */
  srcAt = 0;
  dstAt = 0;
  /** TTL or hop limit. */
  ttl = 0;
  /** IPv4 identification; -1 for IPv6. */
  ipId = -1;
  /** Length of the whole IP packet according to its header, octets. */
  ipLength = 0;
  /** IP protocol number of the payload reached. */
  protocol = 0;
  moreFragments = false;
  /** Octets; 0 for the first or only fragment. */
  fragmentOffset = 0;
  /** Frames that the (innermost) datagram was put together from, copies included; 1 where it came whole. */
  fragments = 1;

  /** Set from the first four bytes of TCP or UDP, `seq` from the first eight, even when `layer` says that the header is incomplete. */
  srcPort = 0;
  dstPort = 0;
  /** Offset of the TCP, UDP or ICMP header. */
  transportAt = 0;

  /** int32; see model/seq.ts. */
  seq = 0;
  ack = 0;
  /** `Flag` bits of model/flags.ts. */
  flags = 0;
  /** Unscaled, as in the header. */
  window = 0;
  /** As in the header. */
  checksum = 0;
  urgent = 0;
  /** TCP header length with options, octets, as the data offset says. */
  headerLength = 0;
  /** Transport payload according to the IP length, octets. Not the captured part. */
  payloadLength = 0;
  /** Offset of the payload in `view`, never behind `end`; bytes from here to min(payloadAt + payloadLength, end) were captured. */
  payloadAt = 0;

  /** Set by `decodeTcpOptions`, which only some callers need. */
  readonly options = new TcpOptions();

  icmpType = 0;
  icmpCode = 0;
  /**
   * ICMP errors: the packet they quote, decoded laxly; null when this packet quotes nothing. It belongs to the Decoder and
   * is overwritten by the next packet that quotes one.
   */
  quoted: Packet | null = null;

  /** Forgets the packet before. Leaves `options`, which belong to the last call of `decodeTcpOptions`. */
  clear(): void {
    this.layer = Layer.NONE;
    this.stop = Stop.NONE;
    this.interfaceIndex = 0;
    this.encap = 0;
    this.ipVersion = 0;
    this.ipAt = 0;
    this.src = 0;
    this.dst = 0;
    this.srcAt = 0;
    this.dstAt = 0;
    this.ttl = 0;
    this.ipId = -1;
    this.ipLength = 0;
    this.protocol = 0;
    this.moreFragments = false;
    this.fragmentOffset = 0;
    this.fragments = 1;
    this.srcPort = 0;
    this.dstPort = 0;
    this.transportAt = 0;
    this.seq = 0;
    this.ack = 0;
    this.flags = 0;
    this.window = 0;
    this.checksum = 0;
    this.urgent = 0;
    this.headerLength = 0;
    this.payloadLength = 0;
    this.payloadAt = 0;
    this.icmpType = 0;
    this.icmpCode = 0;
    this.quoted = null;
  }
}

/** TCP options of one segment; -1 or false where absent or not captured. */
export class TcpOptions {
  /** All option bytes were captured and well formed. */
  complete = true;
  mss = -1;
  /** As in the option; RFC 7323 §2.3 has receivers use 14 for anything above. */
  windowScale = -1;
  sackPermitted = false;
  hasTimestamp = false;
  /** uint32 as int32 */
  tsVal = 0;
  tsEcr = 0;
  /** Number of SACK blocks in `sack`: left and right edges, int32. */
  sackBlocks = 0;
  readonly sack = new Int32Array(8);
  /** There is a SACK option, but its blocks were not captured (or make no sense). */
  sackCut = false;
  /** RFC 7413 (kind 34), or the experimental form (kind 254, magic 0xF989). */
  fastOpen = false;
  fastOpenCookieLength = 0;
  /** RFC 8684 (kind 30). */
  mptcp = false;
  mptcpSubtype = -1;
  /** RFC 2385 (19) or RFC 5925 (29). */
  authenticated = false;

  clear(): void {
    this.complete = true;
    this.mss = -1;
    this.windowScale = -1;
    this.sackPermitted = false;
    this.hasTimestamp = false;
    this.tsVal = 0;
    this.tsEcr = 0;
    this.sackBlocks = 0;
    this.sackCut = false;
    this.fastOpen = false;
    this.fastOpenCookieLength = 0;
    this.mptcp = false;
    this.mptcpSubtype = -1;
    this.authenticated = false;
  }
}
