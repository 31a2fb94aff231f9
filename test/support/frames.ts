/**
 * Frames for tests, built from the outside in: `ethernet(vlan(7, ipv4({ src, dst }, tcp({ srcPort: 1, … }))))`.
 *
 * Checksums are right unless a test says otherwise; every length field can be overridden, because lying lengths are what
 * many tests are about.
 */

/** Something that needs an EtherType in front of it. */
export interface Typed {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** Something that needs an IP protocol number in front of it. */
export interface Upper {
  readonly protocol: number;
  readonly bytes: Uint8Array;
  /** Where a checksum over the IP pseudo-header is due: offset in `bytes`, and the start and protocol of what it covers. */
  readonly checksum?: { readonly at: number; readonly from: number; readonly protocol: number };
}

export const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from(hex.replaceAll(/[\s:]/g, '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
export const text = (s: string): Uint8Array => new TextEncoder().encode(s);

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const u16 = (value: number): Uint8Array => Uint8Array.of(value >>> 8, value);
const u32 = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export const ipv4Bytes = (address: string): Uint8Array => Uint8Array.from(address.split('.'), Number);

export function ipv6Bytes(address: string): Uint8Array {
  const [head = '', tail] = address.split('::');
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((g) => Number.parseInt(g, 16)));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const all = tail === undefined ? left : [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
  return concat(...all.map(u16));
}

// ---------------------------------------------------------------- link layers

const typeOf = (ip: Uint8Array): number => (ip[0]! >>> 4 === 6 ? 0x86dd : 0x0800);
const typed = (payload: Uint8Array | Typed): Typed => (payload instanceof Uint8Array ? { type: typeOf(payload), bytes: payload } : payload);

export const MAC_A = bytesOf('02:00:00:00:00:01');
export const MAC_B = bytesOf('02:00:00:00:00:02');

/** `padTo` 60 is what a real sender pads short frames to. */
export function ethernet(payload: Uint8Array | Typed, options: { type?: number; padTo?: number } = {}): Uint8Array {
  const { type, bytes } = typed(payload);
  const frame = concat(MAC_B, MAC_A, u16(options.type ?? type), bytes);
  return concat(frame, new Uint8Array(Math.max(0, (options.padTo ?? 0) - frame.length)));
}

/** 802.1Q; `type` 0x88a8 or 0x9100 for an outer tag. */
export function vlan(id: number, payload: Uint8Array | Typed, options: { type?: number; priority?: number } = {}): Typed {
  const inner = typed(payload);
  return { type: options.type ?? 0x8100, bytes: concat(u16(((options.priority ?? 0) << 13) | id), u16(inner.type), inner.bytes) };
}

/** IEEE 802.2 LLC and SNAP, as after an 802.3 length. */
export function llcSnap(payload: Uint8Array | Typed): Uint8Array {
  const inner = typed(payload);
  return concat(bytesOf('aaaa03 000000'), u16(inner.type), inner.bytes);
}

const PPP_OF: Readonly<Record<number, number>> = { 0x0800: 0x0021, 0x86dd: 0x0057 };
export function ppp(ip: Uint8Array, options: { addressControl?: boolean; compressed?: boolean } = {}): Uint8Array {
  const protocol = PPP_OF[typeOf(ip)]!;
  return concat(
    options.addressControl === false ? new Uint8Array(0) : bytesOf('ff03'),
    options.compressed === true ? Uint8Array.of(protocol) : u16(protocol),
    ip,
  );
}

export function pppoe(session: number, ip: Uint8Array): Typed {
  const inside = ppp(ip, { addressControl: false });
  return { type: 0x8864, bytes: concat(bytesOf('1100'), u16(session), u16(inside.length), inside) };
}

/** A stack of labels, outermost first (RFC 3032). */
export function mpls(labels: readonly number[], ip: Uint8Array): Typed {
  const entries = labels.map((label, i) => u32((label << 12) | (i === labels.length - 1 ? 0x100 : 0) | 64));
  return { type: 0x8847, bytes: concat(...entries, ip) };
}

/** Tags of port extenders, 4 (VN-Tag) or 6 (IEEE 802.1BR) octets, and the I-tag of IEEE 802.1ah. */
export const vnTag = (payload: Uint8Array | Typed): Typed => behindTag(0x8926, u32(0x33), payload);
export const eTag = (payload: Uint8Array | Typed): Typed => behindTag(0x893f, concat(u16(0), u32(0x1003)), payload);
export const iTag = (service: number, frame: Uint8Array): Typed => ({ type: 0x88e7, bytes: concat(u32(service), frame) });

function behindTag(type: number, tag: Uint8Array, payload: Uint8Array | Typed): Typed {
  const inner = typed(payload);
  return { type, bytes: concat(tag, u16(inner.type), inner.bytes) };
}

/** Linux cooked v1: outgoing, ARPHRD_ETHER. */
export function sll(payload: Uint8Array | Typed, options: { packetType?: number } = {}): Uint8Array {
  const { type, bytes } = typed(payload);
  return concat(u16(options.packetType ?? 4), u16(1), u16(6), MAC_A, u16(0), u16(type), bytes);
}

/** Linux cooked v2. */
export function sll2(payload: Uint8Array | Typed, options: { interfaceIndex?: number; packetType?: number } = {}): Uint8Array {
  const { type, bytes } = typed(payload);
  return concat(
    u16(type),
    u16(0),
    u32(options.interfaceIndex ?? 2),
    u16(1),
    Uint8Array.of(options.packetType ?? 4, 6),
    MAC_A,
    u16(0),
    bytes,
  );
}

/** What Juniper's routers put before the frame: "MGC", flags, extensions; or before the packet, with a protocol in between. */
export function juniper(frame: Uint8Array, options: { extensions?: Uint8Array; linkLayer?: boolean } = {}): Uint8Array {
  const { extensions, linkLayer = true } = options;
  const flags = (extensions ? 0x80 : 0) | (linkLayer ? 0 : 2);
  return concat(
    text('MGC'),
    Uint8Array.of(flags),
    extensions ? concat(u16(extensions.length), extensions) : new Uint8Array(0),
    linkLayer ? new Uint8Array(0) : bytesOf('02000000'),
    frame,
  );
}

/** Solaris: version 2, family, hook, length, interface, group interface, zones. */
export function ipnet(ip: Uint8Array, options: { family?: number } = {}): Uint8Array {
  const family = options.family ?? (typeOf(ip) === 0x86dd ? 26 : 2);
  return concat(Uint8Array.of(2, family), u16(2), u32(ip.length), u32(1), u32(0), u32(0), u32(0), ip);
}

/** Attributes of a logged packet as Linux sends them: NFULA_PACKET_HDR, NFULA_PREFIX (padded), NFULA_PAYLOAD. */
export function nflog(ip: Uint8Array, options: { bigEndian?: boolean; family?: number } = {}): Uint8Array {
  const family = options.family ?? (typeOf(ip) === 0x86dd ? 10 : 2);
  const n16 = (n: number): Uint8Array => (options.bigEndian === true ? u16(n) : u16(n).reverse());
  const attribute = (type: number, value: Uint8Array): Uint8Array =>
    concat(n16(4 + value.length), n16(type), value, new Uint8Array(-value.length & 3));
  return concat(Uint8Array.of(family, 0), u16(5), attribute(1, bytesOf('08000100')), attribute(10, bytesOf('4900')), attribute(9, ip));
}

/** LINKTYPE_NULL (either byte order) and LINKTYPE_LOOP (big-endian). */
export function loopback(family: number, ip: Uint8Array, options: { littleEndian?: boolean } = {}): Uint8Array {
  const header = u32(family);
  return concat(options.littleEndian === true ? header.reverse() : header, ip);
}

// -------------------------------------------------------------------- network

export interface Ipv4Fields {
  src?: string;
  dst?: string;
  ttl?: number;
  id?: number;
  /** Differentiated services and ECN. */
  tos?: number;
  dontFragment?: boolean;
  moreFragments?: boolean;
  /** Octets. */
  fragmentOffset?: number;
  /** Header length in octets, when it should lie. */
  headerLength?: number;
  totalLength?: number;
  protocol?: number;
  /** A multiple of four. */
  options?: Uint8Array;
}

export function ipv4(fields: Ipv4Fields, payload: Upper): Uint8Array {
  const options = fields.options ?? new Uint8Array(0);
  const src = ipv4Bytes(fields.src ?? '10.0.0.1');
  const dst = ipv4Bytes(fields.dst ?? '10.0.0.2');
  const size = 20 + options.length;
  const flags =
    (fields.dontFragment === true ? 0x4000 : 0) | (fields.moreFragments === true ? 0x2000 : 0) | ((fields.fragmentOffset ?? 0) >>> 3);
  const header = concat(
    Uint8Array.of(0x40 | ((fields.headerLength ?? size) >>> 2), fields.tos ?? 0),
    u16(fields.totalLength ?? size + payload.bytes.length),
    u16(fields.id ?? 0),
    u16(flags),
    Uint8Array.of(fields.ttl ?? 64, fields.protocol ?? payload.protocol, 0, 0),
    src,
    dst,
    options,
  );
  viewOf(header).setUint16(10, checksum(header));
  return concat(header, summed(payload, src, dst));
}

export interface Ipv6Fields {
  src?: string;
  dst?: string;
  hopLimit?: number;
  payloadLength?: number;
  nextHeader?: number;
}

export function ipv6(fields: Ipv6Fields, payload: Upper): Uint8Array {
  const src = ipv6Bytes(fields.src ?? '2001:db8::1');
  const dst = ipv6Bytes(fields.dst ?? '2001:db8::2');
  const header = concat(
    u32(0x60000000),
    u16(fields.payloadLength ?? payload.bytes.length),
    Uint8Array.of(fields.nextHeader ?? payload.protocol, fields.hopLimit ?? 64),
    src,
    dst,
  );
  return concat(header, summed(payload, src, dst));
}

/** `protocol` in front of `inner`, whose own number moves into the new header. */
function behind(protocol: number, header: Uint8Array, inner: Upper): Upper {
  const shift = header.length;
  const sum = inner.checksum;
  return {
    protocol,
    bytes: concat(header, inner.bytes),
    ...(sum === undefined ? {} : { checksum: { ...sum, at: sum.at + shift, from: sum.from + shift } }),
  };
}

/** Eight octets, or as many units of eight as asked; PadN inside. */
const optionsHeader = (next: number, units: number): Uint8Array => {
  const header = new Uint8Array(units * 8);
  header.set([next, units - 1, 1, units * 8 - 4]);
  return header;
};
export const hopByHop = (inner: Upper, units = 1): Upper => behind(0, optionsHeader(inner.protocol, units), inner);
export const destinationOptions = (inner: Upper, units = 1): Upper => behind(60, optionsHeader(inner.protocol, units), inner);
/** Segments left 0, no addresses. */
export const routing = (inner: Upper): Upper => behind(43, Uint8Array.of(inner.protocol, 0, 4, 0, 0, 0, 0, 0), inner);
export const fragment = (inner: Upper, fields: { offset?: number; more?: boolean; id?: number } = {}): Upper =>
  behind(
    44,
    concat(Uint8Array.of(inner.protocol, 0), u16((fields.offset ?? 0) | (fields.more === true ? 1 : 0)), u32(fields.id ?? 1)),
    inner,
  );
/** 12 octets of fixed part and a 96-bit integrity check value (RFC 4302). */
export const authentication = (inner: Upper): Upper =>
  behind(51, concat(Uint8Array.of(inner.protocol, 4, 0, 0), u32(0x100), u32(1), new Uint8Array(12)), inner);

export const inIpv4 = (ip: Uint8Array): Upper => ({ protocol: ip[0]! >>> 4 === 6 ? 41 : 4, bytes: ip });

export function gre(payload: Uint8Array | Typed, fields: { key?: number; sequence?: number; checksum?: boolean } = {}): Upper {
  const inner = typed(payload);
  const flags =
    (fields.checksum === true ? 0x8000 : 0) | (fields.key === undefined ? 0 : 0x2000) | (fields.sequence === undefined ? 0 : 0x1000);
  const optional = [
    ...(fields.checksum === true ? [u32(0)] : []),
    ...(fields.key === undefined ? [] : [u32(fields.key)]),
    ...(fields.sequence === undefined ? [] : [u32(fields.sequence)]),
  ];
  return { protocol: 47, bytes: concat(u16(flags), u16(inner.type), ...optional, inner.bytes) };
}
/** A whole Ethernet frame inside GRE. */
export const bridged = (frame: Uint8Array): Typed => ({ type: 0x6558, bytes: frame });

/** draft-foschiano-erspan §4.1 to §4.3: a mirrored frame in GRE. Type II always has GRE's sequence number. */
export function erspan(
  type: 1 | 2 | 3,
  session: number,
  frame: Uint8Array,
  fields: { subheader?: boolean; frameType?: number } = {},
): Upper {
  if (type === 1) return gre({ type: 0x88be, bytes: frame });
  const start = concat(u16(type === 2 ? 0x1000 : 0x2000), u16(session));
  if (type === 2) return gre({ type: 0x88be, bytes: concat(start, u32(1), frame) }, { sequence: 1 });
  const last = u16(((fields.frameType ?? 0) << 10) | (fields.subheader === true ? 1 : 0));
  const rest = concat(u32(7), u16(0), last, new Uint8Array(fields.subheader === true ? 8 : 0));
  return gre({ type: 0x22eb, bytes: concat(start, rest, frame) }, { sequence: 1 });
}

/** Cuts the payload of an IP packet at these offsets; each piece becomes a packet of its own (RFC 791 §3.2). */
export function ipv4Fragments(fields: Ipv4Fields, payload: Upper, cuts: readonly number[]): Uint8Array[] {
  const whole = ipv4(fields, payload).subarray(20);
  return [0, ...cuts].map((from, i) => {
    const to = cuts[i] ?? whole.length;
    const piece: Upper = { protocol: payload.protocol, bytes: whole.subarray(from, to) };
    return ipv4({ ...fields, fragmentOffset: from, moreFragments: to < whole.length }, piece);
  });
}

/** The same with fragment headers (RFC 8200 §4.5). */
export function ipv6Fragments(fields: Ipv6Fields & { id?: number }, payload: Upper, cuts: readonly number[]): Uint8Array[] {
  const whole = ipv6(fields, payload).subarray(40);
  return [0, ...cuts].map((from, i) => {
    const to = cuts[i] ?? whole.length;
    const piece: Upper = { protocol: payload.protocol, bytes: whole.subarray(from, to) };
    return ipv6(fields, fragment(piece, { offset: from, more: to < whole.length, ...(fields.id === undefined ? {} : { id: fields.id }) }));
  });
}

// ------------------------------------------------------------------ transport

export interface TcpFields {
  srcPort?: number;
  dstPort?: number;
  seq?: number;
  ack?: number;
  /** Bits of model/flags.ts. */
  flags?: number;
  window?: number;
  urgent?: number;
  /** Padded with zeros to a multiple of four. */
  options?: Uint8Array;
  /** Octets, when it should lie. */
  headerLength?: number;
  payload?: Uint8Array;
}

export function tcp(fields: TcpFields = {}): Upper {
  const options = fields.options ?? new Uint8Array(0);
  const padded = concat(options, new Uint8Array(-options.length & 3));
  const offset = (fields.headerLength ?? 20 + padded.length) >>> 2;
  const bytes = concat(
    u16(fields.srcPort ?? 40000),
    u16(fields.dstPort ?? 80),
    u32(fields.seq ?? 0),
    u32(fields.ack ?? 0),
    u16((offset << 12) | (fields.flags ?? 0x10)),
    u16(fields.window ?? 65535),
    u16(0),
    u16(fields.urgent ?? 0),
    padded,
    fields.payload ?? new Uint8Array(0),
  );
  return { protocol: 6, bytes, checksum: { at: 16, from: 0, protocol: 6 } };
}

/** TCP options by their names; join them with `concat`. */
export const tcpOption = {
  end: (): Uint8Array => Uint8Array.of(0),
  nop: (): Uint8Array => Uint8Array.of(1),
  mss: (value: number): Uint8Array => concat(Uint8Array.of(2, 4), u16(value)),
  windowScale: (shift: number): Uint8Array => Uint8Array.of(3, 3, shift),
  sackPermitted: (): Uint8Array => Uint8Array.of(4, 2),
  sack: (...edges: readonly number[]): Uint8Array => concat(Uint8Array.of(5, 2 + edges.length * 4), ...edges.map(u32)),
  timestamps: (val: number, ecr: number): Uint8Array => concat(Uint8Array.of(8, 10), u32(val), u32(ecr)),
  fastOpen: (cookie: Uint8Array = new Uint8Array(0)): Uint8Array => concat(Uint8Array.of(34, 2 + cookie.length), cookie),
  fastOpenExperiment: (cookie: Uint8Array = new Uint8Array(0)): Uint8Array =>
    concat(Uint8Array.of(254, 4 + cookie.length, 0xf9, 0x89), cookie),
  mptcp: (subtype: number, length = 12): Uint8Array => concat(Uint8Array.of(30, length, subtype << 4), new Uint8Array(length - 3)),
  md5: (): Uint8Array => concat(Uint8Array.of(19, 18), new Uint8Array(16)),
  raw: (kind: number, length: number, data: Uint8Array = new Uint8Array(0)): Uint8Array => concat(Uint8Array.of(kind, length), data),
} as const;

export function udp(fields: { srcPort?: number; dstPort?: number; length?: number; payload?: Uint8Array } = {}): Upper {
  const payload = fields.payload ?? new Uint8Array(0);
  const bytes = concat(u16(fields.srcPort ?? 50000), u16(fields.dstPort ?? 53), u16(fields.length ?? 8 + payload.length), u16(0), payload);
  return { protocol: 17, bytes, checksum: { at: 6, from: 0, protocol: 17 } };
}

// ---------------------------------------------------------- tunnels over UDP

/** RFC 7348 §5; `flags` 0x08 says that the network identifier counts. */
export const vxlan = (network: number, frame: Uint8Array, fields: { dstPort?: number; flags?: number } = {}): Upper =>
  udp({ srcPort: 53_170, dstPort: fields.dstPort ?? 4789, payload: concat(u32((fields.flags ?? 0x08) << 24), u32(network << 8), frame) });

/** RFC 8926 §3.4; `options`: a multiple of four octets. */
export function geneve(network: number, payload: Uint8Array | Typed, options: Uint8Array = new Uint8Array(0)): Upper {
  const inner = typed(payload);
  const header = concat(Uint8Array.of(options.length >>> 2, 0), u16(inner.type), u32(network << 8), options);
  return udp({ srcPort: 53_170, dstPort: 6081, payload: concat(header, inner.bytes) });
}

/** 3GPP TS 29.281 §5.1: a G-PDU; `optional`: what stands between the TEID and the packet when `flags` say so. */
export function gtp(teid: number, ip: Uint8Array, fields: { flags?: number; optional?: Uint8Array; type?: number } = {}): Upper {
  const behind = concat(fields.optional ?? new Uint8Array(0), ip);
  const header = concat(Uint8Array.of(fields.flags ?? 0x30, fields.type ?? 255), u16(behind.length), u32(teid));
  return udp({ srcPort: 2152, dstPort: 2152, payload: concat(header, behind) });
}

/** RFC 4380 §5.1.1: `indications` in front of the IPv6 packet. */
export const teredo = (ip: Uint8Array, indications: Uint8Array = new Uint8Array(0)): Upper =>
  udp({ srcPort: 3544, dstPort: 51_000, payload: concat(indications, ip) });

/** An ICMP message; `quoted` is the start of the packet that an error is about. `rest` is the word behind the checksum (RFC 1191: the MTU). */
export function icmp(type: number, code: number, quoted: Uint8Array = new Uint8Array(0), rest = 0): Upper {
  const bytes = concat(Uint8Array.of(type, code, 0, 0), u32(rest), quoted);
  viewOf(bytes).setUint16(2, checksum(bytes));
  return { protocol: 1, bytes };
}

export function icmpv6(type: number, code: number, quoted: Uint8Array = new Uint8Array(0), rest = 0): Upper {
  const bytes = concat(Uint8Array.of(type, code, 0, 0), u32(rest), quoted);
  return { protocol: 58, bytes, checksum: { at: 2, from: 0, protocol: 58 } };
}

// ------------------------------------------------------------------ checksums

/** RFC 1071 over several parts, each of even length but the last. */
function checksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) for (let i = 0; i < part.length; i++) sum += i % 2 === 0 ? part[i]! << 8 : part[i]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** The upper layer's bytes with its checksum over the pseudo-header filled in (RFC 9293 §3.1, RFC 8200 §8.1). */
function summed(payload: Upper, src: Uint8Array, dst: Uint8Array): Uint8Array {
  if (payload.checksum === undefined) return payload.bytes;
  const { at, from, protocol } = payload.checksum;
  const bytes = payload.bytes.slice();
  const covered = bytes.subarray(from);
  viewOf(bytes).setUint16(at, checksum(src, dst, u32(covered.length), u32(protocol), covered));
  return bytes;
}
