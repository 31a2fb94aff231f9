/**
 * A frame that says nothing of who and what: written anew, octet by octet, from what is understood of the old one. What is not understood,
 * and every payload, becomes zeros; so nothing gets through because nobody had thought of it.
 *
 * Kept: lengths, VLAN and MPLS tags, tunnels with their numbers, IP and TCP headers but for addresses, TCP options but for keys, cookies and
 * addresses, ICMP types and what an error quotes, the header of a TLS record, the method of an HTTP request. Changed: MAC and IP addresses, also in ARP, ICMP and NDP; the labels of the names
 * that DNS asks for. Checksums are mended (`sums.ts`). Which header comes next is the decoder's to say, so that what it understands of an
 * old frame it understands of the new one. Read first: `addresses.ts`, `bodies.ts`.
 */
import { Encapsulations } from '../../decode/encapsulations.ts';
import { decodeHeader, MAX_HEADERS } from '../../decode/headers.ts';
import { linkLayer } from '../../decode/link/index.ts';
import { EtherType, IpProtocol } from '../../decode/numbers.ts';
import { Packet } from '../../decode/packet.ts';
import { Next, Walk } from '../../decode/walk.ts';
import type { AddressMap } from './addresses.ts';
import { arp, dnsMessage, icmpMessage, icmpv6Message, ipv4Header, tcpHeader, tcpPayload } from './bodies.ts';
import { Rewriting } from './rewriting.ts';
import type { Sum } from './sums.ts';

const LinkType = {
  NULL: 0,
  ETHERNET: 1,
  PPP: 9,
  RAW: 12,
  RAW_OPENBSD: 14,
  PPP_HDLC: 50,
  PPP_ETHER: 51,
  RAW_IP: 101,
  C_HDLC: 104,
  LOOP: 108,
  LINUX_SLL: 113,
  MPLS: 219,
  IPV4: 228,
  IPV6: 229,
  LINUX_SLL2: 276,
} as const;

/** Link layers whose headers hold no address: they stay as they are. */
const WITHOUT_ADDRESSES: readonly number[] = [
  LinkType.NULL,
  LinkType.LOOP,
  LinkType.PPP,
  LinkType.PPP_HDLC,
  LinkType.PPP_ETHER,
  LinkType.C_HDLC,
  LinkType.RAW,
  LinkType.RAW_OPENBSD,
  LinkType.RAW_IP,
  LinkType.MPLS,
  LinkType.IPV4,
  LinkType.IPV6,
];

const MAC = 6;
const ETHERNET_HEADER = 14;
const TCP_HEADER = 20;
const UDP_HEADER = 8;
const DNS_PORT = 53;

export class Anonymizer {
  readonly map: AddressMap;
  /** Frames of link layers that are not understood: they are zeros. */
  blank = 0;
  readonly #encapsulations = new Encapsulations();
  readonly #walk = new Walk(this.#encapsulations, null);
  readonly #packet = new Packet();

  constructor(map: AddressMap) {
    this.map = map;
  }

  /** @param bytes `capLen` of them from `at`; `origLen` were on the wire. Returns as many as were captured. */
  frame(linkType: number, bytes: Uint8Array, at: number, capLen: number, origLen: number): Uint8Array {
    const r = new Rewriting(bytes.subarray(at, at + capLen), this.map);
    const link = linkLayer(linkType);
    if (link === undefined || !isUnderstood(linkType)) {
      this.blank++;
      return r.out;
    }
    const w = this.#walk;
    this.#packet.clear();
    this.#packet.view = r.view;
    w.start(this.#packet, r.view, 0, capLen, Math.max(capLen, origLen));
    const next = link.decode(w);
    linkHeader(r, linkType, w.at);
    this.#headers(r, w, next);
    r.mendSums();
    return r.out;
  }

  #headers(r: Rewriting, w: Walk, first: number): void {
    let kind = first;
    let isQuote = false;
    for (let headers = 0; kind >= 0 && headers < MAX_HEADERS; headers++) {
      const from = w.at;
      const before = w.bound;
      let next = decodeHeader(w, kind);
      header(r, w, { kind, from, before, isTunnel: next >= 0 });
      if (next === Next.QUOTE && !isQuote) {
        isQuote = true;
        w.start(w.packet, r.view, w.at, w.bound, w.limit, Infinity); // as the decoder does: more existed than is quoted
        next = Next.ANY_IP;
      }
      kind = next;
    }
  }
}

const isUnderstood = (linkType: number): boolean =>
  linkType === LinkType.ETHERNET ||
  linkType === LinkType.LINUX_SLL ||
  linkType === LinkType.LINUX_SLL2 ||
  WITHOUT_ADDRESSES.includes(linkType);

function linkHeader(r: Rewriting, linkType: number, end: number): void {
  switch (linkType) {
    case LinkType.ETHERNET:
      ethernet(r, 0);
      break;
    case LinkType.LINUX_SLL: // packet type, ARPHRD type, address length, address (8), protocol
      r.copy(0, 6);
      cookedAddress(r, 6, r.u16(4));
      r.copy(14, 2);
      break;
    case LinkType.LINUX_SLL2: // protocol, reserved, interface, ARPHRD type, packet type, address length, address (8)
      r.copy(0, 12);
      cookedAddress(r, 12, r.u8(11));
      break;
    default:
      r.copy(0, end);
  }
}

function ethernet(r: Rewriting, at: number): void {
  r.mac(at);
  r.mac(at + MAC);
  r.copy(at + 2 * MAC, 2);
}

function cookedAddress(r: Rewriting, at: number, length: number): void {
  if (length === MAC) r.mac(at);
}

interface Step {
  readonly kind: number;
  /** Where the header begins. */
  readonly from: number;
  /** Up to where could be read before it said how long it is. */
  readonly before: number;
  /** Another header follows. */
  readonly isTunnel: boolean;
}

function header(r: Rewriting, w: Walk, step: Step): void {
  const { kind, from } = step;
  const p = w.packet;
  switch (kind) {
    case EtherType.IPV4:
      if (p.ipVersion === 4 && p.ipAt === from) ipv4Header(r, from, Math.min(step.before, from + ((r.u8(from) & 15) << 2)));
      break;
    case EtherType.IPV6:
      if (p.ipVersion !== 6 || p.ipAt !== from) break;
      r.copy(from, 8);
      r.ip(from + 8, 16);
      r.ip(from + 24, 16);
      break;
    case EtherType.BRIDGED_ETHERNET:
      if (w.at >= from + ETHERNET_HEADER) ethernet(r, from);
      break;
    case EtherType.ARP:
      arp(r, from, step.before);
      break;
    case IpProtocol.TCP:
      tcpHeader(r, from, Math.min(w.bound, from + Math.max(TCP_HEADER, p.headerLength)));
      tcpPayload(r, p.payloadAt, Math.min(w.bound, p.payloadAt + p.payloadLength));
      r.sums.push(transportSum(r, w, from, from + 16, IpProtocol.TCP));
      break;
    case IpProtocol.UDP:
      r.copy(from, Math.min(UDP_HEADER, w.bound - from));
      r.sums.push(transportSum(r, w, from, from + 6, IpProtocol.UDP));
      if (!step.isTunnel && (p.srcPort === DNS_PORT || p.dstPort === DNS_PORT)) dnsMessage(r, from + UDP_HEADER, w.bound);
      break;
    case IpProtocol.ICMP:
      icmpMessage(r, from, w.bound);
      r.sums.push({ at: from + 2, from, to: w.bound, pseudo: null });
      break;
    case IpProtocol.ICMPV6:
      icmpv6Message(r, from, w.bound);
      r.sums.push(transportSum(r, w, from, from + 2, IpProtocol.ICMPV6));
      break;
    case IpProtocol.HOP_BY_HOP:
    case IpProtocol.DESTINATION_OPTIONS:
      r.copy(from, Math.min(2, step.before - from)); // zeros are padding
      break;
    case IpProtocol.ROUTING:
      r.copy(from, Math.min(4, step.before - from));
      break;
    case IpProtocol.AH:
      r.copy(from, Math.min(12, step.before - from)); // without the integrity check value
      break;
    case IpProtocol.GRE:
      r.copy(from, w.at - from);
      if ((r.u8(from) & 0x80) !== 0 && w.at > from) r.sums.push({ at: from + 4, from, to: w.bound, pseudo: null });
      break;
    case Next.GENEVE:
      r.copy(from, Math.min(8, w.at - from));
      geneveOptions(r, from + 8, w.at);
      break;
    case Next.TEREDO:
      teredo(r, from, w.at);
      break;
    default:
      // Tags, labels, session numbers; what did not move the walk is not understood.
      r.copy(from, w.at - from);
  }
}

/** Class, type and length stay, so that it remains a list. */
function geneveOptions(r: Rewriting, from: number, to: number): void {
  for (let at = from; at + 4 <= to; at += 4 + ((r.u8(at + 3) & 0x1f) << 2)) r.copy(at, 4);
}

/** An authentication header keeps its lengths; zeros are an origin indication as well. */
function teredo(r: Rewriting, from: number, to: number): void {
  if (to - from >= 4 && r.u16(from) === 1) r.copy(from, 4);
}

function transportSum(r: Rewriting, w: Walk, from: number, at: number, protocol: number): Sum {
  const { ipVersion, srcAt, ipAt, ipLength } = w.packet;
  const length = ipVersion === 0 ? 0 : ipAt + ipLength - from;
  return {
    at,
    from,
    to: w.bound,
    pseudo: { from: srcAt, to: srcAt + (ipVersion === 6 ? 32 : 8), protocol, length, whole: from + length <= r.bytes.length },
  };
}
