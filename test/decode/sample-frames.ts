import * as f from '../support/frames.ts';
import { LINK } from './decoded.ts';

const opt = f.tcpOption;
const syn = f.tcp({
  flags: 0x02,
  options: f.concat(opt.mss(1460), opt.sackPermitted(), opt.timestamps(1, 0), opt.nop(), opt.windowScale(7)),
});
const sack = f.tcp({ options: f.concat(opt.nop(), opt.nop(), opt.timestamps(1, 2), opt.nop(), opt.nop(), opt.sack(1, 2, 3, 4)) });
const odd = f.tcp({
  options: f.concat(
    opt.fastOpen(new Uint8Array(8)),
    opt.mptcp(0),
    opt.raw(254, 4, Uint8Array.of(0xe2, 0xd4)),
    opt.raw(28, 4, new Uint8Array(2)),
  ),
});
const data = f.tcp({ flags: 0x18, payload: f.text('GET / HTTP/1.1\r\nHost: example\r\n\r\n') });
const lost4 = f.ipv4({}, data);
const lost6 = f.ipv6({}, f.hopByHop(data));

/** One frame of every kind that the decoders know, for tests that bend them. */
export const SAMPLES: readonly (readonly [string, number, Uint8Array])[] = [
  ['Ethernet, IPv4, SYN', LINK.ETHERNET, f.ethernet(f.ipv4({}, syn))],
  ['Ethernet, IPv4 with options, SACK', LINK.ETHERNET, f.ethernet(f.ipv4({ options: new Uint8Array(8).fill(1) }, sack), { padTo: 120 })],
  ['Ethernet, QinQ, IPv6', LINK.ETHERNET, f.ethernet(f.vlan(100, f.vlan(7, f.ipv6({}, data)), { type: 0x88a8 }))],
  ['Ethernet, LLC', LINK.ETHERNET, f.ethernet({ type: 100, bytes: f.llcSnap(f.ipv4({}, odd)) })],
  ['Ethernet, PPPoE', LINK.ETHERNET, f.ethernet(f.pppoe(1, f.ipv4({}, data)))],
  ['Ethernet, MPLS', LINK.ETHERNET, f.ethernet(f.mpls([1, 2], f.ipv6({}, data)))],
  ['Cisco HDLC', LINK.PPP, f.concat(f.bytesOf('8f0086dd'), f.ipv6({}, data))],
  ['PPP', LINK.PPP, f.ppp(f.ipv6({}, syn))],
  ['Linux cooked', LINK.SLL, f.sll(f.ipv4({}, data))],
  ['Linux cooked v2, tag', LINK.SLL2, f.sll2(f.vlan(7, f.ipv4({}, sack)))],
  ['loopback', LINK.NULL, f.loopback(30, f.ipv6({}, data), { littleEndian: true })],
  ['radiotap', LINK.RADIOTAP, f.concat(f.bytesOf('00001100030000000000000000000000208802'), new Uint8Array(26), f.llcSnap(lost4))],
  ['802.11', LINK.IEEE802_11, f.concat(f.bytesOf('0802'), new Uint8Array(22), f.llcSnap(lost4))],
  ['Juniper', LINK.JUNIPER_ETHER, f.juniper(f.ethernet(f.vlan(7, lost4)), { extensions: f.bytesOf('030101 06010e 01028c00') })],
  ['Juniper, no link layer', LINK.JUNIPER_ETHER, f.juniper(lost6, { linkLayer: false })],
  ['Solaris ipnet', LINK.IPNET, f.ipnet(lost6)],
  ['netfilter log', LINK.NFLOG, f.nflog(lost4)],
  ['netfilter log, big-endian', LINK.NFLOG, f.nflog(lost6, { bigEndian: true })],
  ['IPv6 with extension headers', LINK.RAW, f.ipv6({}, f.hopByHop(f.routing(f.fragment(f.authentication(f.destinationOptions(data, 2))))))],
  ['UDP', LINK.RAW, f.ipv4({}, f.udp({ payload: f.text('dns') }))],
  ['ICMP error', LINK.RAW, f.ipv4({}, f.icmp(3, 4, lost4.subarray(0, 48), 1400))],
  ['ICMPv6 error', LINK.RAW, f.ipv6({}, f.icmpv6(2, 0, lost6, 1280))],
  ['VXLAN', LINK.RAW, f.ipv4({}, f.vxlan(42, f.ethernet(lost4)))],
  ['Geneve', LINK.RAW, f.ipv6({}, f.geneve(42, f.bridged(f.ethernet(lost6)), new Uint8Array(8)))],
  ['GTP-U', LINK.RAW, f.ipv4({}, f.gtp(1, lost4, { flags: 0x34, optional: f.bytesOf('00000085 01000500') }))],
  ['Teredo', LINK.RAW, f.ipv4({}, f.teredo(f.ipv6({ src: '2001:0:1::1' }, data), f.bytesOf('0000 ffff ffffffff')))],
  ['ERSPAN II', LINK.RAW, f.ipv4({}, f.erspan(2, 6, f.ethernet(lost4)))],
  ['ERSPAN III', LINK.RAW, f.ipv4({}, f.erspan(3, 6, f.ethernet(lost6), { subheader: true }))],
  ['VN-Tag, E-tag, I-tag', LINK.ETHERNET, f.ethernet(f.vnTag(f.eTag(f.iTag(5, f.ethernet(lost4)))))],
  [
    'tunnels',
    LINK.RAW,
    f.ipv4({}, f.inIpv4(f.ipv4({}, f.gre(f.bridged(f.ethernet(f.vlan(9, lost6))), { key: 3, checksum: true, sequence: 1 })))),
  ],
];
