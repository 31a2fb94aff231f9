import { describe, expect, test } from 'vitest';
import { LINK_LAYERS } from '../../src/decode/link/index.ts';
import { Layer, Stop } from '../../src/decode/packet.ts';
import {
  bytesOf,
  concat,
  ethernet,
  ipnet,
  ipv4,
  ipv6,
  juniper,
  llcSnap,
  loopback,
  mpls,
  nflog,
  ppp,
  pppoe,
  sll,
  sll2,
  tcp,
  text,
  vlan,
} from '../support/frames.ts';
import { decode, LINK, payloadOf } from './decoded.ts';

const v4 = ipv4({}, tcp({ srcPort: 1025, dstPort: 443, payload: text('hello') }));
const v6 = ipv6({}, tcp({ srcPort: 1025, dstPort: 443, payload: text('hello') }));

/** IEEE 802.11 data frames as an access point forwards them, behind a radiotap header. */
function wireless(options: { qos?: boolean; fourAddresses?: boolean; padded?: boolean; flags?: number } = {}): Uint8Array {
  const radiotap =
    options.padded === true
      ? bytesOf('00 00 1100 03000000 0000000000000000 20') // TSFT, then flags: data pad
      : bytesOf('00 00 0900 02000000 00'); // flags
  const control = Uint8Array.of(options.qos === true ? 0x88 : 0x08, (options.fourAddresses === true ? 3 : 2) | (options.flags ?? 0));
  const header = concat(
    control,
    new Uint8Array(22),
    new Uint8Array(options.fourAddresses === true ? 6 : 0),
    new Uint8Array(options.qos === true ? 2 : 0),
  );
  return concat(radiotap, header, new Uint8Array(options.padded === true ? -header.length & 3 : 0), llcSnap(v4));
}

describe('every link layer leads to the same TCP segment', () => {
  test.each<[string, number, Uint8Array, string[]]>([
    ['Ethernet, IPv4', LINK.ETHERNET, ethernet(v4), []],
    ['Ethernet, IPv6', LINK.ETHERNET, ethernet(v6), []],
    ['802.3 with LLC and SNAP', LINK.ETHERNET, ethernet({ type: llcSnap(v4).length, bytes: llcSnap(v4) }), []],
    ['802.1Q', LINK.ETHERNET, ethernet(vlan(7, v4)), ['vlan:7']],
    ['802.1Q with a priority', LINK.ETHERNET, ethernet(vlan(4094, v4, { priority: 7 })), ['vlan:4094']],
    ['802.1Q priority tag (VLAN 0)', LINK.ETHERNET, ethernet(vlan(0, v4, { priority: 5 })), []],
    ['802.1ad QinQ', LINK.ETHERNET, ethernet(vlan(100, vlan(7, v6), { type: 0x88a8 })), ['vlan:100', 'vlan:7']],
    ['stacked tags of type 0x9100', LINK.ETHERNET, ethernet(vlan(100, vlan(7, v4), { type: 0x9100 })), ['vlan:100', 'vlan:7']],
    ['PPPoE', LINK.ETHERNET, ethernet(pppoe(0x11, v4)), ['pppoe:17']],
    ['PPPoE in a VLAN', LINK.ETHERNET, ethernet(vlan(7, pppoe(1, v6))), ['vlan:7', 'pppoe:1']],
    ['MPLS, two labels', LINK.ETHERNET, ethernet(mpls([1000, 0xfffff], v4)), []],
    ['MPLS in a VLAN', LINK.ETHERNET, ethernet(vlan(7, mpls([3], v6))), ['vlan:7']],
    ['Linux cooked', LINK.SLL, sll(v4), []],
    ['Linux cooked with a tag', LINK.SLL, sll(vlan(7, v6)), ['vlan:7']],
    ['Linux cooked v2', LINK.SLL2, sll2(v6), []],
    ['Linux cooked v2 with a tag', LINK.SLL2, sll2(vlan(7, v4)), ['vlan:7']],
    ['NULL, big-endian', LINK.NULL, loopback(2, v4), []],
    ['NULL, little-endian', LINK.NULL, loopback(2, v4, { littleEndian: true }), []],
    ['NULL, Linux AF_INET6', LINK.NULL, loopback(10, v6, { littleEndian: true }), []],
    ['NULL, NetBSD and Npcap AF_INET6', LINK.NULL, loopback(24, v6, { littleEndian: true }), []],
    ['NULL, FreeBSD AF_INET6', LINK.NULL, loopback(28, v6), []],
    ['NULL, macOS AF_INET6', LINK.NULL, loopback(30, v6, { littleEndian: true }), []],
    ['LOOP', LINK.LOOP, loopback(24, v6), []],
    ['RAW, IPv4', LINK.RAW, v4, []],
    ['RAW, IPv6', LINK.RAW, v6, []],
    ['DLT_RAW 12', 12, v6, []],
    ['OpenBSD DLT_RAW 14', 14, v4, []],
    ['IPV4', LINK.IPV4, v4, []],
    ['IPV6', LINK.IPV6, v6, []],
    ['PPP in HDLC-like framing', LINK.PPP, ppp(v4), []],
    ['PPP without address and control', LINK.PPP, ppp(v6, { addressControl: false }), []],
    ['PPP with a compressed protocol field', LINK.PPP, ppp(v4, { compressed: true }), []],
    ['Cisco HDLC among PPP', LINK.PPP, concat(bytesOf('0f000800'), v4), []],
    ['PPP_HDLC, PPP', LINK.PPP_HDLC, ppp(v6), []],
    ['PPP_HDLC, Cisco', LINK.PPP_HDLC, concat(bytesOf('0f000800'), v4), []],
    ['C_HDLC', LINK.C_HDLC, concat(bytesOf('8f0086dd'), v6), []],
    ['Juniper', LINK.JUNIPER_ETHER, juniper(ethernet(v4)), []],
    ['Juniper with extensions', LINK.JUNIPER_ETHER, juniper(ethernet(vlan(7, v6)), { extensions: bytesOf('030101 06010e') }), ['vlan:7']],
    ['Juniper without link layer', LINK.JUNIPER_ETHER, juniper(v6, { linkLayer: false, extensions: bytesOf('030101') }), []],
    ['Solaris ipnet, IPv4', LINK.IPNET, ipnet(v4), []],
    ['Solaris ipnet, IPv6', LINK.IPNET, ipnet(v6), []],
    ['netfilter log, IPv4', LINK.NFLOG, nflog(v4), []],
    ['netfilter log of a big-endian machine, IPv6', LINK.NFLOG, nflog(v6, { bigEndian: true }), []],
    ['802.11 without radiotap', LINK.IEEE802_11, wireless().subarray(9), []],
    ['802.11 data', LINK.RADIOTAP, wireless(), []],
    ['802.11 QoS data', LINK.RADIOTAP, wireless({ qos: true }), []],
    ['802.11 QoS data, padded', LINK.RADIOTAP, wireless({ qos: true, padded: true }), []],
    ['802.11 data between access points', LINK.RADIOTAP, wireless({ fourAddresses: true }), []],
  ])('%s', (_name, linkType, frame, encapsulation) => {
    const decoded = decode(linkType, frame);
    expect(decoded.packet).toMatchObject({ layer: Layer.TCP, stop: Stop.NONE, srcPort: 1025, dstPort: 443, payloadLength: 5 });
    expect(payloadOf(decoded)).toEqual(text('hello'));
    expect(decoded.encapsulation).toEqual(encapsulation);
  });
});

describe('where a link layer leads elsewhere', () => {
  test.each<[string, number, Uint8Array, Layer, Stop]>([
    ['ARP', LINK.ETHERNET, ethernet({ type: 0x0806, bytes: new Uint8Array(28) }), Layer.LINK, Stop.OTHER_PROTOCOL],
    [
      'spanning tree over LLC',
      LINK.ETHERNET,
      ethernet({ type: 38, bytes: concat(bytesOf('424203'), new Uint8Array(43)) }),
      Layer.LINK,
      Stop.OTHER_PROTOCOL,
    ],
    [
      'AppleTalk over SNAP',
      LINK.ETHERNET,
      ethernet({ type: 20, bytes: bytesOf('aaaa03080007809b 000000000000000000000000') }),
      Layer.LINK,
      Stop.OTHER_PROTOCOL,
    ],
    ['an MPLS pseudowire', LINK.ETHERNET, ethernet(mpls([16], bytesOf('00000000 0200'))), Layer.LINK, Stop.OTHER_PROTOCOL],
    ['PPP LCP', LINK.PPP, bytesOf('ff03c0210101'), Layer.LINK, Stop.OTHER_PROTOCOL],
    ['an address family that is not IP', LINK.NULL, loopback(7, v4), Layer.LINK, Stop.OTHER_PROTOCOL],
    ['an encrypted 802.11 frame', LINK.RADIOTAP, wireless({ flags: 0x40 }), Layer.LINK, Stop.OTHER_PROTOCOL],
    ['a frame of no length', LINK.ETHERNET, new Uint8Array(0), Layer.NONE, Stop.MALFORMED],
    ['IPv6 under LINKTYPE_IPV4', LINK.IPV4, v6, Layer.LINK, Stop.MALFORMED],
    ['Juniper without its magic number', LINK.JUNIPER_ETHER, concat(bytesOf('4d474200'), ethernet(v4)), Layer.NONE, Stop.MALFORMED],
    ['Juniper extensions longer than the frame', LINK.JUNIPER_ETHER, bytesOf('4d474380 ffff 0301'), Layer.NONE, Stop.MALFORMED],
    ['a Solaris family that is not IP', LINK.IPNET, ipnet(v4, { family: 3 }), Layer.LINK, Stop.OTHER_PROTOCOL],
    ['a bridged frame in a netfilter log', LINK.NFLOG, nflog(v4, { family: 7 }), Layer.LINK, Stop.OTHER_PROTOCOL],
    ['a netfilter log without the packet', LINK.NFLOG, bytesOf('02000005 08000100 08000100'), Layer.NONE, Stop.OTHER_PROTOCOL],
    ['a netfilter attribute shorter than its header', LINK.NFLOG, bytesOf('02000005 03000100 08000900'), Layer.NONE, Stop.MALFORMED],
    ['Bluetooth', 201, v4, Layer.NONE, Stop.UNKNOWN_LINK],
  ])('%s', (_name, linkType, frame, layer, stop) => {
    expect(decode(linkType, frame).packet).toMatchObject({ layer, stop, ipVersion: 0 });
  });

  test('a snap length inside the Ethernet header', () => {
    expect(decode(LINK.ETHERNET, ethernet(v4), { cut: 10 }).packet).toMatchObject({ layer: Layer.NONE, stop: Stop.TRUNCATED });
  });

  test('a snap length inside the second tag', () => {
    const { packet, encapsulation } = decode(LINK.ETHERNET, ethernet(vlan(100, vlan(7, v4))), { cut: 20 });
    expect(packet).toMatchObject({ layer: Layer.LINK, stop: Stop.TRUNCATED });
    expect(encapsulation).toEqual(['vlan:100']);
  });

  test('more tags than anybody stacks', () => {
    let tagged = vlan(1, v4);
    for (let i = 0; i < 40; i++) tagged = vlan(1, tagged);
    expect(decode(LINK.ETHERNET, ethernet(tagged)).packet).toMatchObject({ layer: Layer.LINK, stop: Stop.TOO_DEEP });
  });
});

test('link types have one row each', () => {
  expect(new Set(LINK_LAYERS.map((row) => row.linkType)).size).toBe(LINK_LAYERS.length);
});
