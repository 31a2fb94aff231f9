/** Link layers that are rare today: each leads to the same TCP segment, or says where it leads instead. Frames as tshark takes them. */
import { describe, expect, test } from 'vitest';
import { dissect } from '../../src/decode/dissect.ts';
import { Layer, Stop } from '../../src/decode/packet.ts';
import { bytesOf, concat, ethernet, ipv4, ipv6, juniper, llcSnap, mpls, ppp, pppoe, tcp, text } from '../support/frames.ts';
import { decode, payloadOf } from './decoded.ts';

const v4 = ipv4({}, tcp({ srcPort: 1025, dstPort: 443, payload: text('hello') }));
const v6 = ipv6({}, tcp({ srcPort: 1025, dstPort: 443, payload: text('hello') }));
const zeros = (count: number): Uint8Array => new Uint8Array(count);
const u32le = (n: number): Uint8Array => Uint8Array.of(n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24);

/** A data frame from an access point: frame control, duration, addresses, sequence; LLC. */
const wireless = concat(bytesOf('0802'), zeros(22), llcSnap(v4));
const bridged = concat(bytesOf('0080c20007'), ethernet(v4));
/** Length, next header, link type, interface, flags, protocol family, lengths, process … (xnu bsd/net/pktap.h). */
const pktap = (linkType: number, frame: Uint8Array, length = 108): Uint8Array =>
  concat(u32le(length), u32le(1), u32le(linkType), text('en0'), zeros(21), u32le(1), u32le(2), zeros(length - 44), frame);
const ppi = (linkType: number, frame: Uint8Array): Uint8Array => concat(bytesOf('00 00 2000'), u32le(linkType), zeros(24), frame);

const FRAMES: [name: string, linkType: number, frame: Uint8Array, encapsulation?: string][] = [
  ['token ring', 6, concat(bytesOf('1040'), zeros(12), llcSnap(v4))],
  ['token ring, source-routed', 6, concat(bytesOf('1040'), zeros(6), bytesOf('800000000000 0630 0011 0020'), llcSnap(v6))],
  ['SLIP', 8, concat(bytesOf('0040'), zeros(14), v4)],
  ['FDDI', 10, concat(bytesOf('54'), zeros(12), llcSnap(v4))],
  ['PPPoE without Ethernet', 51, pppoe(9, v6).bytes, 'pppoe:9'],
  ['ATM', 100, llcSnap(v4)],
  ['ATM, bridged', 100, concat(bytesOf('aaaa03 0080c20007 0000'), ethernet(v6))],
  ['Frame Relay, IPv4', 107, concat(bytesOf('1841 03 cc'), v4)],
  ['Frame Relay, IPv6 and an address of four', 107, concat(bytesOf('18400003 03 8e'), v6)],
  ['Frame Relay, SNAP', 107, concat(bytesOf('1841 03 00 80 000000 0800'), v4)],
  ['Frame Relay, bridged', 107, concat(bytesOf('1841 03 00 80'), bridged)],
  ['Frame Relay, PPP', 107, concat(bytesOf('1841 03 cf'), ppp(v4, { addressControl: false }))],
  ['Frame Relay, Cisco', 107, concat(bytesOf('1841 86dd'), v6)],
  ['IPsec interface', 109, concat(u32le(2), zeros(8), v4)],
  ['IPsec interface, OpenBSD IPv6', 109, concat(bytesOf('00000018'), zeros(8), v6)],
  ['packet filter log', 117, concat(bytesOf('3d 02'), zeros(62), v4)],
  ['packet filter log, FreeBSD IPv6', 117, concat(bytesOf('40 1c'), zeros(62), v6)],
  ['Prism', 119, concat(bytesOf('44000000 90000000'), zeros(136), wireless)],
  ['AVS among Prism', 119, concat(bytesOf('80211001 00000040'), zeros(56), wireless)],
  ['Fibre Channel', 122, concat(zeros(16), llcSnap(v4))],
  ['SunATM, LLC', 123, concat(bytesOf('02 00 0032'), llcSnap(v4))],
  ['SunATM, LAN emulation', 123, concat(bytesOf('01 00 0032 0007'), ethernet(v4))],
  ['FireWire', 138, concat(zeros(16), bytesOf('86dd'), v6)],
  ['PKTAP of old macOS', 149, pktap(1, ethernet(v4))],
  ['AVS', 163, concat(bytesOf('80211001 00000040'), zeros(56), wireless)],
  ['pppd', 166, concat(bytesOf('01 03'), ppp(v4, { addressControl: false }))],
  ['Juniper, PPPoE', 167, juniper(ethernet(pppoe(9, v4))), 'pppoe:9'],
  ['Juniper, PPP', 179, juniper(ppp(v6))],
  ['Juniper, Frame Relay', 180, juniper(concat(bytesOf('1841 03 cc'), v4), { extensions: bytesOf('030101') })],
  ['Juniper, Cisco HDLC', 181, juniper(concat(bytesOf('0f000800'), v4))],
  ['Frame Relay bundle', 182, concat(bytesOf('c001 1841 03 cc'), v4)],
  ['PPI, Ethernet', 192, ppi(1, ethernet(v4))],
  ['PPI, 802.11', 192, ppi(105, wireless)],
  ['PPP with direction', 204, concat(bytesOf('00'), ppp(v4))],
  ['Cisco HDLC with direction', 205, concat(bytesOf('01 0f000800'), v4)],
  ['Frame Relay with direction', 206, concat(bytesOf('01 1841 03 cc'), v4)],
  ['MPLS', 219, mpls([1000, 3], v6).bytes],
  ['IP over InfiniBand', 242, concat(zeros(40), bytesOf('0800 0000'), v4)],
  ['PKTAP, Ethernet', 258, pktap(1, ethernet(v6))],
  ['PKTAP, loopback, a longer header', 258, pktap(0, concat(u32le(2), v4), 156)],
  ['PKTAP, IP', 258, pktap(12, v4)],
];

describe('leads to the TCP segment', () => {
  test.each(FRAMES)('%s', (_name, linkType, frame, encapsulation) => {
    const decoded = decode(linkType, frame);
    expect(decoded.packet).toMatchObject({ layer: Layer.TCP, stop: Stop.NONE, srcPort: 1025, dstPort: 443, payloadLength: 5 });
    expect(payloadOf(decoded)).toEqual(text('hello'));
    expect(decoded.encapsulation).toEqual(encapsulation === undefined ? [] : [encapsulation]);
  });

  test.each(FRAMES)('%s, on the screen', (_name, linkType, frame) => {
    const names = dissect(linkType, frame, frame.length, frame.length).map((layer) => layer.name);
    expect(names.slice(-2)).toEqual(['TCP', 'Payload']);
  });

  test.each(FRAMES)('%s, cut anywhere before: no connection, no exception', (_name, linkType, frame) => {
    for (let cut = 0; cut < frame.length - 25; cut++) {
      expect(decode(linkType, frame, { cut }).packet.layer).not.toBe(Layer.TCP);
      dissect(linkType, frame.subarray(0, cut), cut, frame.length);
    }
  });
});

describe('leads elsewhere', () => {
  test.each<[string, number, Uint8Array, Stop]>([
    ['token ring management', 6, concat(bytesOf('1000'), zeros(12), llcSnap(v4)), Stop.OTHER_PROTOCOL],
    ['compressed SLIP', 8, concat(bytesOf('0080'), zeros(14), v4), Stop.OTHER_PROTOCOL],
    ['FDDI station management', 10, concat(bytesOf('41'), zeros(12), llcSnap(v4)), Stop.OTHER_PROTOCOL],
    ['Frame Relay without an end to its address', 107, concat(zeros(8), v4), Stop.MALFORMED],
    ['Frame Relay link management', 107, concat(bytesOf('0001 03 08'), v4), Stop.OTHER_PROTOCOL],
    ['a packet filter log of no length', 117, concat(bytesOf('00 02'), zeros(62), v4), Stop.MALFORMED],
    ['SunATM signalling', 123, concat(bytesOf('06 00 0005'), v4), Stop.OTHER_PROTOCOL],
    ['AVS without its magic number', 163, concat(zeros(64), wireless), Stop.MALFORMED],
    ['a fragment in a bundle', 182, concat(bytesOf('8001'), v4), Stop.FRAGMENT],
    ['PPI in PPI in PPI', 192, ppi(192, ppi(192, ppi(1, ethernet(v4)))), Stop.OTHER_PROTOCOL],
    ['PPI around Bluetooth', 192, ppi(201, v4), Stop.OTHER_PROTOCOL],
    ['PPI around a link type below zero', 192, ppi(-1, v4), Stop.OTHER_PROTOCOL],
    ['PPI shorter than itself', 192, concat(bytesOf('00 00 0400 01000000'), ethernet(v4)), Stop.MALFORMED],
    ['PKTAP of an absurd length', 258, concat(u32le(0x10000000), zeros(200), v4), Stop.MALFORMED],
    ['something else under USER2', 149, concat(v4, zeros(100)), Stop.MALFORMED],
  ])('%s', (_name, linkType, frame, stop) => {
    expect(decode(linkType, frame).packet).toMatchObject({ stop, ipVersion: 0 });
  });
});
