/**
 * What `ss -tan` printed, with or without -H, -o, -p, -e, -i, -m: sockets by both ends. Only the state and the two addresses are looked at;
 * a line that has none of the three is told of and left out. Format: iproute2 misc/ss.c.
 */
import { inPrefix, ipv4Text, ipv6Text, parsePrefix } from '../model/address.ts';
import { SS_NAMES, STATE_NAMES, type StateName } from '../model/state.ts';

export interface SsSocket {
  /** As a row of ours: `10.0.0.1:80`, `[2001:db8::1]:443`. */
  readonly local: string;
  readonly remote: string;
  readonly host: string;
  readonly state: StateName;
}

export interface SsText {
  /** Without those that listen, and without those of other protocols. */
  readonly sockets: readonly SsSocket[];
  /** Lines that say nothing that we understand; the first of them. */
  readonly unread: number;
  readonly firstUnread: string | null;
}

const BY_SS_NAME = new Map<string, StateName>(SS_NAMES.map((name, i) => [name, STATE_NAMES[i]!]));
/** States of ss that are none of TCP's: no connection has one. */
const NO_CONNECTION = ['LISTEN', 'UNCONN'];
const OTHER_PROTOCOLS = /^(udp|raw|u_\w+|nl|p_\w+|sctp|dccp|icmp6?|vsock|tipc|xdp|mptcp|\?\?\?)\s/;

export function parseSs(text: string): SsText {
  const sockets: SsSocket[] = [];
  let unread = 0;
  let firstUnread: string | null = null;
  for (const line of text.split(/\r?\n/)) {
    // Indented: the details of -i, -m and -e of the line before.
    if (line.trim() === '' || /^\s/.test(line) || /^(Netid\s+)?State\s/.test(line) || OTHER_PROTOCOLS.test(line)) continue;
    const words = line.trim().split(/\s+/);
    if (words[0] === 'tcp') words.shift();
    if (NO_CONNECTION.includes(words[0] ?? '')) continue;
    const state = BY_SS_NAME.get(words[0] ?? '');
    const [local, remote] = [endOf(words[3] ?? ''), endOf(words[4] ?? '')];
    if (state === undefined || local === null || remote === null) {
      unread++;
      firstUnread ??= line;
    } else sockets.push({ local: local.text, remote: remote.text, host: local.host, state });
  }
  return { sockets, unread, firstUnread };
}

const MAPPED = parsePrefix('::ffff:0:0/96')!;

/** `10.0.0.1%eth0:80`, `[fe80::1]%eth0:443`, `[fe80::1%eth0]:443`; null: no address and port. */
function endOf(word: string): { readonly text: string; readonly host: string } | null {
  const [, address = '', port = ''] = /^(.+):(\d{1,5})$/.exec(word) ?? [];
  const bare = address.replace(/%[^\]]*/, '').replace(/^\[(.*)\]$/, '$1');
  const prefix = parsePrefix(bare);
  if (prefix === null || bare.includes('/') || Number(port) > 65_535) return null;
  const { octets } = prefix;
  // A socket of IPv6 that speaks IPv4 (ipv6(7)): its packets are IPv4's.
  const v4 = octets.length === 4 ? octets : inPrefix(bare, MAPPED) ? octets.slice(12) : null;
  if (v4 === null) return { text: `[${ipv6Text(octets)}]:${String(Number(port))}`, host: ipv6Text(octets) };
  const host = ipv4Text(new DataView(v4.buffer, v4.byteOffset).getInt32(0));
  return { text: `${host}:${String(Number(port))}`, host };
}
