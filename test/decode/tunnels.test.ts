/** Tunnels over UDP and GRE, and tags that hide a frame: header layouts from the standards cited in test/support/frames.ts. */
import { describe, expect, test } from 'vitest';
import { dissect } from '../../src/decode/dissect.ts';
import { Layer, Stop } from '../../src/decode/packet.ts';
import * as f from '../support/frames.ts';
import { decode, LINK, payloadOf } from './decoded.ts';

const segment = f.tcp({ srcPort: 1025, dstPort: 443, payload: f.text('hello') });
const inner4 = f.ipv4({ src: '172.16.0.1', ttl: 5 }, segment);
const inner6 = f.ipv6({ src: '2001:0:5ef5::1', hopLimit: 5 }, segment);
const frame = f.ethernet(inner4);
const raw = (upper: f.Upper): Uint8Array => f.ipv4({ src: '192.0.2.1', dst: '192.0.2.2' }, upper);

describe('the inner segment is the packet, and the tunnel a part of its identity', () => {
  test.each<[string, Uint8Array, string[]]>([
    ['VXLAN (RFC 7348)', raw(f.vxlan(42, frame)), ['vxlan:42']],
    ['VXLAN at the port of old Linux kernels', raw(f.vxlan(0xffffff, frame, { dstPort: 8472 })), ['vxlan:16777215']],
    ['VXLAN with a group policy', raw(f.vxlan(1, frame, { flags: 0x88 })), ['vxlan:1']],
    ['VXLAN over IPv6, tagged inside', f.ipv6({}, f.vxlan(42, f.ethernet(f.vlan(9, inner6)))), ['vxlan:42', 'vlan:9']],
    ['Geneve (RFC 8926) with a frame', raw(f.geneve(42, f.bridged(frame))), ['geneve:42']],
    ['Geneve with a packet and options', raw(f.geneve(7, inner6, new Uint8Array(16))), ['geneve:7']],
    ['GTP-U (TS 29.281)', raw(f.gtp(0xdeadbeef, inner4)), ['gtp']],
    ['GTP-U with a sequence number', raw(f.gtp(1, inner6, { flags: 0x32, optional: f.bytesOf('00070000') })), ['gtp']],
    // TS 29.281 §5.2.2.7: a PDU session container, one word, and a second extension of two words behind it
    [
      'GTP-U with extension headers',
      raw(f.gtp(1, inner4, { flags: 0x34, optional: f.bytesOf('00000085 01000540 0200000000000000') })),
      ['gtp'],
    ],
    ['Teredo (RFC 4380)', raw(f.teredo(inner6)), ['teredo']],
    [
      'Teredo with authentication and origin',
      raw(f.teredo(inner6, f.bytesOf('00010000 0011223344556677 00 0000 ffff ffffffff'))),
      ['teredo'],
    ],
    ['ERSPAN type I', raw(f.erspan(1, 0, frame)), ['erspan']],
    ['ERSPAN type II', raw(f.erspan(2, 6, frame)), ['erspan:6']],
    ['ERSPAN type III', raw(f.erspan(3, 1023, frame)), ['erspan:1023']],
    ['ERSPAN type III with a subheader', raw(f.erspan(3, 6, frame, { subheader: true })), ['erspan:6']],
    ['ERSPAN type III with a bare packet', raw(f.erspan(3, 6, inner6, { frameType: 2 })), ['erspan:6']],
    ['VXLAN in ERSPAN', raw(f.erspan(2, 20, f.ethernet(raw(f.vxlan(3, frame))))), ['erspan:20', 'vxlan:3']],
    ['AH in IPv4 (RFC 4302)', raw(f.authentication({ ...segment })), []],
  ])('%s', (_name, packet, encapsulation) => {
    const decoded = decode(LINK.RAW, packet);
    expect(decoded.packet).toMatchObject({ layer: Layer.TCP, stop: Stop.NONE, srcPort: 1025, payloadLength: 5, protocol: 6 });
    expect(decoded.encapsulation).toEqual(encapsulation);
    expect(payloadOf(decoded)).toEqual(f.text('hello'));
    expect(dissect(LINK.RAW, packet, packet.length, packet.length).map((l) => l.name)).toContain('TCP');
  });

  test.each<[string, Uint8Array, string[]]>([
    ['VN-Tag', f.ethernet(f.vlan(250, f.vnTag(f.vlan(250, inner4)))), ['vlan:250', 'vlan:250']],
    ['E-tag (802.1BR)', f.ethernet(f.eTag(inner6)), []],
    ['I-tag (802.1ah)', f.ethernet(f.iTag(0x123456, frame)), ['pbb:1193046']],
  ])('%s', (_name, bytes, encapsulation) => {
    const decoded = decode(LINK.ETHERNET, bytes);
    expect(decoded.packet).toMatchObject({ layer: Layer.TCP, srcPort: 1025 });
    expect(decoded.encapsulation).toEqual(encapsulation);
  });

  test('the two directions of a GTP tunnel, whose identifiers differ, share one identity', () => {
    expect(decode(LINK.RAW, raw(f.gtp(1, inner4))).packet.encap).toBe(decode(LINK.RAW, raw(f.gtp(2, inner4))).packet.encap);
  });

  test('an ICMP error about a tunnel is about the segment in it', () => {
    const { packet } = decode(LINK.RAW, raw(f.icmp(3, 4, raw(f.vxlan(42, frame)), 1400)));
    expect(packet.quoted).toMatchObject({ srcPort: 1025, dstPort: 443, encap: 1 });
  });
});

describe('UDP that is no tunnel stays UDP', () => {
  const dns = f.bytesOf('1a2b 0100 0001 0000 0000 0000 076578616d706c65 03636f6d 00 0001 0001');
  const ipv6 = f.ipv6({}, segment);
  test.each<[string, f.Upper]>([
    ...[4789, 4790, 8472, 6081, 2152, 3544].map((port): [string, f.Upper] => [
      `DNS at port ${port}`,
      f.udp({ dstPort: port, payload: dns }),
    ]),
    ...[4789, 8472, 6081, 2152, 3544].map((port): [string, f.Upper] => [`nothing at port ${port}`, f.udp({ dstPort: port })]),
    ['VXLAN that says that its network does not count', f.vxlan(42, frame, { flags: 0 })],
    ['VXLAN around something that is no frame', f.vxlan(42, f.text('GET / HTTP/1.1'))],
    ['VXLAN from 4789 to elsewhere', f.udp({ srcPort: 4789, dstPort: 53, payload: f.vxlan(42, frame).bytes.subarray(8) })],
    ['Geneve around a protocol of no use', f.geneve(1, { type: 0x0806, bytes: new Uint8Array(28) })],
    ['GTP-U that is an echo request', f.gtp(0, inner4, { type: 1 })],
    ['GTP-U of version 2', f.gtp(1, inner4, { flags: 0x48 })],
    ['GTP-U whose extension header has no length', f.gtp(1, inner4, { flags: 0x34, optional: f.bytesOf('00000085 00000000') })],
    ['IPv6 at the port of Teredo without a Teredo address', f.teredo(ipv6)],
  ])('%s', (_name, upper) => {
    const decoded = decode(LINK.RAW, raw(upper));
    expect(decoded.packet).toMatchObject({ layer: Layer.UDP, stop: Stop.NONE });
    expect(decoded.encapsulation).toEqual([]);
  });

  test('random payload is never taken for a tunnel', () => {
    let state = 1;
    const random = (): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff) >>> 16;
    for (let i = 0; i < 4_000; i++) {
      const payload = Uint8Array.from({ length: 64 }, random);
      const dstPort = [4789, 6081, 2152, 3544][i % 4]!;
      expect(decode(LINK.RAW, raw(f.udp({ dstPort, payload }))).packet.encap).toBe(0);
    }
  });
});

test.each<[string, Uint8Array, number, Stop]>([
  ['ERSPAN II cut inside its header', raw(f.erspan(2, 6, frame)), 20 + 8 + 7, Stop.TRUNCATED],
  ['ERSPAN III cut inside its subheader', raw(f.erspan(3, 6, frame, { subheader: true })), 20 + 8 + 13, Stop.TRUNCATED],
  ['ERSPAN II of another version', raw(f.gre({ type: 0x88be, bytes: new Uint8Array(40) }, { sequence: 1 })), 200, Stop.OTHER_PROTOCOL],
  ['VXLAN cut inside the inner packet', raw(f.vxlan(42, frame)), 20 + 8 + 8 + 14 + 25, Stop.TRUNCATED],
])('%s', (_name, packet, cut, stop) =>
  expect(decode(LINK.RAW, packet, { cut: Math.min(cut, packet.length) }).packet).toMatchObject({ stop }),
);

test('tunnels in tunnels without end are given up', () => {
  let packet = inner4;
  for (let i = 0; i < 20; i++) packet = raw(f.vxlan(i, f.ethernet(packet)));
  expect(decode(LINK.RAW, packet).packet.stop).toBe(Stop.TOO_DEEP);
});
