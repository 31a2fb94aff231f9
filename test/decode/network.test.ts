import { describe, expect, test } from 'vitest';
import { Layer, Stop } from '../../src/decode/packet.ts';
import {
  authentication,
  bridged,
  destinationOptions,
  ethernet,
  fragment,
  gre,
  hopByHop,
  inIpv4,
  ipv4,
  ipv6,
  routing,
  tcp,
  text,
  type Upper,
  vlan,
} from '../support/frames.ts';
import { decode, LINK, payloadOf } from './decoded.ts';

const segment = tcp({ srcPort: 1025, dstPort: 443, payload: text('hello') });

describe('IPv4 (RFC 791)', () => {
  test('gives addresses, TTL, identification and lengths', () => {
    const { packet } = decode(LINK.ETHERNET, ethernet(ipv4({ src: '192.0.2.1', dst: '255.0.0.1', ttl: 61, id: 0xbeef }, segment)));
    expect(packet).toMatchObject({ layer: Layer.TCP, ipVersion: 4, ttl: 61, ipId: 0xbeef, protocol: 6, ipLength: 45, payloadLength: 5 });
    expect([packet.src >>> 0, packet.dst >>> 0]).toEqual([0xc0000201, 0xff000001]);
    expect([packet.view.getUint32(packet.srcAt), packet.view.getUint32(packet.dstAt)]).toEqual([0xc0000201, 0xff000001]);
  });

  test('skips its options', () => {
    const decoded = decode(LINK.RAW, ipv4({ options: new Uint8Array(40).fill(1) }, segment));
    expect(decoded.packet).toMatchObject({ layer: Layer.TCP, srcPort: 1025, ipLength: 85 });
    expect(payloadOf(decoded)).toEqual(text('hello'));
  });

  test('Ethernet padding is not payload', () => {
    const { packet } = decode(LINK.ETHERNET, ethernet(ipv4({}, tcp({})), { padTo: 60 }));
    expect(packet).toMatchObject({ layer: Layer.TCP, payloadLength: 0, stop: Stop.NONE });
  });

  test('a snapped payload counts whole and shows what was captured', () => {
    const frame = ethernet(ipv4({}, tcp({ payload: new Uint8Array(1000).fill(65) })));
    const decoded = decode(LINK.ETHERNET, frame, { cut: 60 });
    expect(decoded.packet).toMatchObject({ layer: Layer.TCP, stop: Stop.NONE, payloadLength: 1000 });
    expect(payloadOf(decoded).length).toBe(60 - 54);
  });

  test('total length 0 (segmentation offload) takes the length on the wire', () => {
    const frame = ethernet(ipv4({ totalLength: 0 }, tcp({ payload: new Uint8Array(3000) })));
    expect(decode(LINK.ETHERNET, frame, { cut: 96 }).packet).toMatchObject({ layer: Layer.TCP, ipLength: 3040, payloadLength: 3000 });
  });

  test.each<[string, Uint8Array, Layer]>([
    ['a header length below 20', ipv4({ headerLength: 16 }, segment), Layer.LINK],
    ['a total length below the header', ipv4({ totalLength: 19 }, segment), Layer.IP],
    ['a header longer than the packet', ipv4({ headerLength: 60, totalLength: 45 }, segment), Layer.IP],
    [
      'no room for a TCP header although the frame is padded',
      ethernet(ipv4({ totalLength: 39 }, segment), { padTo: 80 }).subarray(14),
      Layer.IP,
    ],
  ])('%s is malformed', (_name, packet, layer) => expect(decode(LINK.IPV4, packet).packet).toMatchObject({ layer, stop: Stop.MALFORMED }));

  test('a snap length inside the header gives no addresses, inside the options it does', () => {
    const packet = ipv4({ options: new Uint8Array(8).fill(1) }, segment);
    expect(decode(LINK.RAW, packet, { cut: 19 }).packet).toMatchObject({ layer: Layer.LINK, stop: Stop.TRUNCATED, ipVersion: 0 });
    expect(decode(LINK.RAW, packet, { cut: 25 }).packet).toMatchObject({
      layer: Layer.IP,
      stop: Stop.TRUNCATED,
      ipVersion: 4,
      src: 0x0a000001,
    });
  });

  test('a fragment alone is no segment, neither the first nor a later one (reassembly.test.ts has whole ones)', () => {
    const first = decode(LINK.RAW, ipv4({ moreFragments: true, id: 9 }, tcp({ payload: new Uint8Array(12) }))).packet;
    expect(first).toMatchObject({ layer: Layer.IP, stop: Stop.FRAGMENT, moreFragments: true, fragmentOffset: 0, srcPort: 0, ipId: 9 });
    const later = decode(LINK.RAW, ipv4({ fragmentOffset: 1480 }, segment)).packet;
    expect(later).toMatchObject({ layer: Layer.IP, stop: Stop.FRAGMENT, fragmentOffset: 1480, srcPort: 0, protocol: 6 });
  });

  test.each([0, 2, 50, 132])('IP protocol %i ends as another protocol', (protocol) => {
    expect(decode(LINK.RAW, ipv4({ protocol }, segment)).packet).toMatchObject({ layer: Layer.IP, stop: Stop.OTHER_PROTOCOL, protocol });
  });
});

describe('IPv6 (RFC 8200)', () => {
  test('gives offsets of addresses, hop limit and lengths', () => {
    const { packet } = decode(LINK.ETHERNET, ethernet(ipv6({ src: '2001:db8::a', dst: 'fe80::b', hopLimit: 3 }, segment)));
    expect(packet).toMatchObject({ layer: Layer.TCP, ipVersion: 6, ttl: 3, ipId: -1, ipLength: 65, payloadLength: 5, protocol: 6 });
    expect(packet.view.getUint8(packet.srcAt + 15)).toBe(0x0a);
    expect(packet.view.getUint16(packet.dstAt)).toBe(0xfe80);
  });

  test.each<[string, Upper]>([
    ['hop-by-hop and destination options', hopByHop(destinationOptions(segment, 3))],
    ['routing', routing(segment)],
    ['authentication', authentication(segment)],
    ['an atomic fragment (RFC 6946)', fragment(segment)],
    ['all of them', hopByHop(destinationOptions(routing(fragment(authentication(destinationOptions(segment))))), 2)],
  ])('walks %s', (_name, payload) => {
    const decoded = decode(LINK.RAW, ipv6({}, payload));
    expect(decoded.packet).toMatchObject({
      layer: Layer.TCP,
      stop: Stop.NONE,
      srcPort: 1025,
      protocol: 6,
      payloadLength: 5,
      moreFragments: false,
    });
    expect(payloadOf(decoded)).toEqual(text('hello'));
  });

  test('a fragment alone is no segment, neither the first nor a later one', () => {
    const first = decode(LINK.RAW, ipv6({}, fragment(tcp({ payload: new Uint8Array(12) }), { more: true }))).packet;
    expect(first).toMatchObject({ layer: Layer.IP, stop: Stop.FRAGMENT, moreFragments: true });
    const later = decode(LINK.RAW, ipv6({}, fragment(segment, { offset: 1448 }))).packet;
    expect(later).toMatchObject({ layer: Layer.IP, stop: Stop.FRAGMENT, fragmentOffset: 1448, protocol: 6, srcPort: 0 });
  });

  test('payload length 0 (offload, jumbogram) takes the length on the wire', () => {
    const packet = ipv6({ payloadLength: 0 }, tcp({ payload: new Uint8Array(70_000) }));
    expect(decode(LINK.RAW, packet, { cut: 200 }).packet).toMatchObject({ layer: Layer.TCP, payloadLength: 70_000 });
  });

  test.each<[string, Uint8Array, number | undefined, Stop]>([
    ['a snap length inside an extension header', ipv6({}, hopByHop(segment, 4)), 60, Stop.TRUNCATED],
    ['an extension header longer than the packet', ipv6({ payloadLength: 16 }, hopByHop(segment, 4)), undefined, Stop.MALFORMED],
    ['no next header', ipv6({ nextHeader: 59 }, segment), undefined, Stop.OTHER_PROTOCOL],
    ['ESP', ipv6({ nextHeader: 50 }, segment), undefined, Stop.OTHER_PROTOCOL],
  ])('%s', (_name, packet, cut, stop) => {
    expect(decode(LINK.RAW, packet, cut === undefined ? {} : { cut }).packet).toMatchObject({ layer: Layer.IP, stop });
  });

  test('an endless chain of extension headers is given up', () => {
    let chain: Upper = segment;
    for (let i = 0; i < 100; i++) chain = destinationOptions(chain);
    expect(decode(LINK.RAW, ipv6({}, chain)).packet.stop).toBe(Stop.TOO_DEEP);
  });
});

describe('tunnels', () => {
  const inner4 = ipv4({ src: '172.16.0.1', ttl: 5 }, segment);
  const inner6 = ipv6({ hopLimit: 5 }, segment);
  const outer = { src: '192.0.2.1', dst: '192.0.2.2' };
  test.each<[string, Uint8Array, string[]]>([
    ['IP in IP (RFC 2003)', ipv4(outer, inIpv4(inner4)), ['ipip']],
    ['6in4 (RFC 4213)', ipv4(outer, inIpv4(inner6)), ['6in4']],
    ['4in6 (RFC 2473)', ipv6({}, inIpv4(inner4)), ['4in6']],
    ['GRE (RFC 2784)', ipv4(outer, gre(inner4)), ['gre']],
    ['GRE with checksum and sequence', ipv4(outer, gre(inner6, { checksum: true, sequence: 7 })), ['gre']],
    ['GRE with a key (RFC 2890)', ipv4(outer, gre(inner4, { checksum: true, key: 0xffffffff, sequence: 1 })), ['gre:4294967295']],
    ['Ethernet with a tag in GRE', ipv6({}, gre(bridged(ethernet(vlan(9, inner4))), { key: 3 })), ['gre:3', 'vlan:9']],
    ['one tunnel in another', ipv4(outer, inIpv4(ipv4(outer, gre(inner6)))), ['ipip', 'gre']],
  ])('%s shows the inner segment', (_name, packet, encapsulation) => {
    const decoded = decode(LINK.RAW, packet);
    expect(decoded.packet).toMatchObject({ layer: Layer.TCP, srcPort: 1025, ttl: 5, payloadLength: 5, protocol: 6 });
    expect(decoded.encapsulation).toEqual(encapsulation);
    expect(payloadOf(decoded)).toEqual(text('hello'));
  });

  test('PPTP and source-routed GRE are left alone', () => {
    const pptp: Upper = { protocol: 47, bytes: Uint8Array.of(0x30, 0x01, 0x88, 0x0b, 0, 0, 0, 0, 0, 0, 0, 0) };
    expect(decode(LINK.RAW, ipv4({}, pptp)).packet).toMatchObject({ layer: Layer.IP, stop: Stop.OTHER_PROTOCOL });
  });

  test('the inner identification does not survive from the outer header', () => {
    expect(decode(LINK.RAW, ipv4({ id: 77 }, inIpv4(inner6))).packet).toMatchObject({
      ipId: -1,
      moreFragments: false,
      src: 0,
    });
  });
});
