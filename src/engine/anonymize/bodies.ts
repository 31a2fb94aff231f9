/** What the headers and messages hold that name somebody: which of their octets stay, which are mapped, and which are left out. */
import type { Rewriting } from './rewriting.ts';

/** Options of IPv4 that are one octet long; all others have a length behind their type. */
const END_OF_OPTIONS = 0;
const NO_OPERATION = 1;

/** The addresses of routes, time stamps and labels in options are left out; that the options were there stays. */
export function ipv4Header(r: Rewriting, from: number, end: number): void {
  r.copy(from, Math.min(12, end - from));
  r.ip(from + 12, 4);
  r.ip(from + 16, 4);
  optionTypes(r, from + 20, end, () => 0);
  if (end - from >= 20) r.sums.push({ at: from + 10, from, to: end, pseudo: null });
}

/** Types and lengths of a list of options, and as many octets of each as `kept` says (Infinity: all). */
function optionTypes(r: Rewriting, from: number, end: number, kept: (type: number) => number): void {
  for (let at = from; at < end;) {
    const type = r.u8(at);
    r.copy(at, 1);
    if (type === END_OF_OPTIONS) return;
    if (type === NO_OPERATION) {
      at++;
      continue;
    }
    const length = r.u8(at + 1);
    if (at + 1 >= end || length < 2) return;
    r.copy(at + 1, 1);
    r.copy(at + 2, Math.min(length - 2, kept(type), end - at - 2));
    at += length;
  }
}

/** TCP options: MSS, window scale, SACK permitted and blocks, timestamps, user timeout. */
const WHOLE: readonly number[] = [2, 3, 4, 5, 8, 28];
/** MPTCP: subtype and flags, without keys and addresses. Experiments: the number that tells which (RFC 6994). */
const TWO_OCTETS: readonly number[] = [30, 253, 254];

/** Signatures, Fast Open cookies and what is not known: type and length. */
export function tcpHeader(r: Rewriting, from: number, end: number): void {
  r.copy(from, Math.min(20, end - from));
  optionTypes(r, from + 20, end, (type) => (WHOLE.includes(type) ? Infinity : TWO_OCTETS.includes(type) ? 2 : 0));
}

/** TLS record header (RFC 8446 §5.1): type, version 3, length. */
const TLS_FIRST = 20;
const TLS_LAST = 23;
const TLS_RECORD_HEADER = 5;
/** RFC 9110 §9, RFC 5789. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];
const LONGEST_METHOD = 7;
const BLANK_LINE = '\r\n\r\n';

/** Words of the protocol and not of its users, by which rules tell requests and farewells: where a TLS record or an HTTP request begins. */
export function tcpPayload(r: Rewriting, from: number, end: number): void {
  const type = r.u8(from);
  if (type >= TLS_FIRST && type <= TLS_LAST && r.u8(from + 1) === 3) r.copy(from, Math.min(TLS_RECORD_HEADER, end - from));
  const [method = '', target = ''] = r.text(from, Math.min(LONGEST_METHOD + 2, end - from)).split(' ');
  if (!METHODS.includes(method)) return;
  // A path, or an address as for a proxy.
  r.copy(from, Math.min(end - from, method.length + (target.startsWith('/') || target.startsWith('h') ? 2 : 1)));
  const last = end - BLANK_LINE.length;
  if (last >= from && r.text(last, BLANK_LINE.length) === BLANK_LINE) r.copy(last, BLANK_LINE.length);
}

/** Types whose second word says nothing of anybody: an echo's number, an MTU, a pointer. */
const ICMP_PLAIN: readonly number[] = [0, 3, 4, 8, 11, 12, 13, 14, 15, 16];
const ICMP_REDIRECT = 5;

export function icmpMessage(r: Rewriting, from: number, end: number): void {
  const type = r.u8(from);
  r.copy(from, Math.min(ICMP_PLAIN.includes(type) ? 8 : 4, end - from));
  if (type === ICMP_REDIRECT && end - from >= 8) r.ip(from + 4, 4);
}

const V6_FIRST_INFORMATIONAL = 128;
const Icmpv6 = {
  ECHO: 128,
  ECHO_REPLY: 129,
  ROUTER_SOLICITATION: 133,
  ROUTER_ADVERTISEMENT: 134,
  NEIGHBOUR_SOLICITATION: 135,
  NEIGHBOUR_ADVERTISEMENT: 136,
  REDIRECT: 137,
} as const;
/** Where the addresses of a neighbour discovery message end and its options begin (RFC 4861 §4). */
const NDP_OPTIONS: Readonly<Record<number, number>> = {
  [Icmpv6.ROUTER_SOLICITATION]: 8,
  [Icmpv6.ROUTER_ADVERTISEMENT]: 16,
  [Icmpv6.NEIGHBOUR_SOLICITATION]: 24,
  [Icmpv6.NEIGHBOUR_ADVERTISEMENT]: 24,
  [Icmpv6.REDIRECT]: 40,
};

export function icmpv6Message(r: Rewriting, from: number, end: number): void {
  const type = r.u8(from);
  const options = NDP_OPTIONS[type];
  const isPlain = type < V6_FIRST_INFORMATIONAL || type === Icmpv6.ECHO || type === Icmpv6.ECHO_REPLY || options !== undefined;
  r.copy(from, Math.min(isPlain ? 8 : 4, end - from));
  if (options === undefined) return;
  if (type === Icmpv6.ROUTER_ADVERTISEMENT) r.copy(from + 8, Math.min(8, end - from - 8));
  else for (let at = from + 8; at + 16 <= Math.min(from + options, end); at += 16) r.ip(at, 16);
  ndpOptions(r, from + options, end);
}

/** Source and target link-layer address, prefix, MTU (RFC 4861 §4.6). */
const NdpOption = { SOURCE: 1, TARGET: 2, PREFIX: 3, MTU: 5 } as const;

function ndpOptions(r: Rewriting, from: number, end: number): void {
  for (let at = from; at + 8 <= end;) {
    const type = r.u8(at);
    const length = r.u8(at + 1) * 8;
    if (length === 0) return;
    r.copy(at, 2);
    if (at + length > end) return;
    if (type === NdpOption.SOURCE || type === NdpOption.TARGET) r.mac(at + 2);
    else if (type === NdpOption.MTU) r.copy(at, 8);
    else if (type === NdpOption.PREFIX && length === 32) {
      r.copy(at, 16);
      r.ip(at + 16, 16);
    }
    at += length;
  }
}

const ETHERNET = 1;
const IPV4 = 0x0800;

/** Hardware and protocol types, lengths, operation; sender's MAC and IP address, target's (RFC 826). */
export function arp(r: Rewriting, from: number, end: number): void {
  if (end - from < 8) return;
  r.copy(from, 8);
  if (r.u16(from) !== ETHERNET || r.u16(from + 2) !== IPV4 || r.u16(from + 4) !== 0x0604 || end - from < 28) return;
  for (const at of [from + 8, from + 18]) {
    r.mac(at);
    r.ip(at + 6, 4);
  }
}

const DNS_HEADER = 12;
/** Questions of a message; there is one, and some tools try a few. */
const MAX_QUESTIONS = 4;
/** RFC 1035 §2.3.4. */
const MAX_LABEL = 63;

/** The header and what is asked, with other letters; the answers are left out. */
export function dnsMessage(r: Rewriting, from: number, end: number): void {
  if (end - from < DNS_HEADER) return;
  r.copy(from, DNS_HEADER);
  let at = from + DNS_HEADER;
  for (let questions = Math.min(r.u16(from + 4), MAX_QUESTIONS); questions > 0 && at < end; questions--) {
    for (;;) {
      const length = r.u8(at);
      if (length > MAX_LABEL || at + 1 + length > end) return;
      r.put(at, length);
      at += 1 + length;
      if (length === 0) break;
      const label = r.map.label(r.bytes.subarray(at - length, at));
      for (let i = 0; i < length; i++) r.put(at - length + i, label[i]!);
    }
    r.copy(at, Math.min(4, end - at)); // type and class
    at += 4;
  }
}
