/** Fragments of IPv4 (RFC 791 §3.2) and IPv6 (RFC 8200 §4.5). */
import { describe, expect, test } from 'vitest';
import { Decoder } from '../../src/decode/index.ts';
import { Layer, Packet, Stop } from '../../src/decode/packet.ts';
import * as f from '../support/frames.ts';
import { LINK } from './decoded.ts';

const payload = Uint8Array.from({ length: 200 }, (_, i) => i);
const segment = f.tcp({ srcPort: 1025, dstPort: 443, flags: 0x18, seq: 77, payload });
const cuts = [64, 128];
const v4 = (id: number, at: readonly number[] = cuts): Uint8Array[] => f.ipv4Fragments({ id }, segment, at);
const v6 = (id: number, at: readonly number[] = cuts): Uint8Array[] => f.ipv6Fragments({ id }, segment, at);

/** A decoder with a clock that the test sets, and what each packet came to. */
function reader() {
  let now = 0;
  const decoder = new Decoder(() => now);
  const packet = new Packet();
  const read = (bytes: Uint8Array, linkType: number = LINK.RAW, onWire = bytes.length): Packet => {
    decoder.decode(packet, linkType, new DataView(bytes.slice().buffer), 0, bytes.length, onWire);
    return packet;
  };
  return { decoder, read, at: (seconds: number) => (now = seconds), stops: (all: readonly Uint8Array[]) => all.map((b) => read(b).stop) };
}

const bytesOf = (p: Packet): Uint8Array =>
  new Uint8Array(p.view.buffer, p.view.byteOffset + p.payloadAt, Math.min(p.payloadAt + p.payloadLength, p.end) - p.payloadAt);

const WHOLE = {
  layer: Layer.TCP,
  stop: Stop.NONE,
  srcPort: 1025,
  dstPort: 443,
  seq: 77,
  payloadLength: 200,
  moreFragments: false,
  fragmentOffset: 0,
};
const { FRAGMENT, NONE, OVERLAP, MALFORMED } = Stop;

describe.each([
  ['IPv4', v4, 240],
  ['IPv6', v6, 260],
])('%s', (_name, cut, ipLength) => {
  test.each([
    [[0, 1, 2]],
    [[2, 1, 0]], // Linux 2.4 sent the last one first
    [[1, 2, 0]],
  ])('the last to come, of %j, completes the segment', (order) => {
    const { decoder, read } = reader();
    const pieces = cut(1);
    expect(order.slice(0, -1).map((i) => read(pieces[i]!).stop)).toEqual([FRAGMENT, FRAGMENT]);
    const p = read(pieces[order.at(-1)!]!);
    expect(p).toMatchObject({ ...WHOLE, ipLength, fragments: 3, ttl: 64 });
    expect(bytesOf(p)).toEqual(payload);
    expect(p.view.getUint8(p.srcAt + (p.ipVersion === 4 ? 3 : 15))).toBe(1);
    expect(decoder.reassembly.loose).toBe(0);
  });

  test('pieces in between, and other datagrams, do no harm', () => {
    const { read, stops } = reader();
    const [a, b] = [cut(1), cut(2)];
    expect(stops([a[0]!, b[0]!, b[2]!, f.ipv4({}, segment), a[2]!, a[1]!])).toEqual([FRAGMENT, FRAGMENT, FRAGMENT, NONE, FRAGMENT, NONE]);
    expect(read(b[1]!)).toMatchObject(WHOLE);
  });

  test('a copy is ignored and counts as a frame of it', () => {
    const { decoder, read, stops } = reader();
    const pieces = cut(1);
    expect(stops([pieces[0]!, pieces[0]!, pieces[1]!])).toEqual([FRAGMENT, FRAGMENT, FRAGMENT]);
    expect(read(pieces[2]!)).toMatchObject({ ...WHOLE, fragments: 4 });
    expect(decoder.reassembly.loose).toBe(0);
  });

  test('overlap throws the datagram away', () => {
    const { decoder, stops } = reader();
    const pieces = cut(1);
    expect(stops([pieces[0]!, cut(1, [56, 128])[1]!])).toEqual([FRAGMENT, OVERLAP]);
    expect(stops([pieces[1]!, pieces[2]!])).toEqual([FRAGMENT, FRAGMENT]); // the first octets are gone
    expect(decoder.reassembly.loose).toBe(4);
  });

  test('what the snap length cut off counts, and what was captured in one piece from the start can be read', () => {
    const { read } = reader();
    const [first, second, third] = cut(1);
    for (const piece of [first!, third!]) read(piece.subarray(0, piece.length - 30), LINK.RAW, piece.length);
    const p = read(second!);
    expect(p).toMatchObject({ ...WHOLE, ipLength });
    expect(bytesOf(p)).toEqual(payload.subarray(0, 64 - 30 - 20));
  });

  test('a filter on ports passes first pieces alone: from the fifth in a row on, they are all there will be', () => {
    const { decoder, read } = reader();
    for (let id = 1; id <= 4; id++) expect(read(cut(id)[0]!).stop).toBe(FRAGMENT);
    expect(read(cut(5)[0]!)).toMatchObject({ layer: Layer.TCP, stop: NONE, payloadLength: 44, moreFragments: true, fragments: 1 });
    expect(decoder.reassembly.loose).toBe(4);
    // and when the rest does come, the segment is not counted again
    expect([read(cut(5)[1]!).layer, read(cut(5)[2]!).layer]).toEqual([Layer.IP, Layer.IP]);
    expect(read(cut(6)[0]!).stop).toBe(FRAGMENT);
  });
});

test('time runs out after 30 s (linux: IP_FRAG_TIME) and 60 s (RFC 8200 §4.5)', () => {
  const { at, read, stops } = reader();
  stops([v4(1)[0]!, v4(2)[0]!, v6(1)[0]!, v6(2)[0]!, v4(1)[1]!, v4(2)[1]!, v6(1)[1]!, v6(2)[1]!]);
  at(30);
  expect(read(v4(1)[2]!).layer).toBe(Layer.TCP);
  at(30.1);
  expect(read(v4(2)[2]!).stop).toBe(FRAGMENT);
  at(60);
  expect(read(v6(1)[2]!).layer).toBe(Layer.TCP);
  at(60.1);
  expect(read(v6(2)[2]!).stop).toBe(FRAGMENT);
});

test('the oldest datagram gives way to the 65th', () => {
  const { read } = reader();
  for (let id = 1; id <= 65; id++) {
    read(v4(id)[0]!);
    read(v4(id)[1]!);
  }
  expect(read(v4(2)[2]!).layer).toBe(Layer.TCP);
  expect(read(v4(1)[2]!).stop).toBe(FRAGMENT);
});

test('the same identification elsewhere is another datagram: address, protocol, VLAN', () => {
  const { read } = reader();
  const pieces = v4(1);
  const other = f.ipv4Fragments({ id: 1, src: '10.0.0.7' }, segment, cuts);
  const udp = f.ipv4Fragments({ id: 1 }, f.udp({ payload }), cuts);
  for (const bytes of [pieces[0]!, other[1]!, udp[1]!]) read(f.ethernet(bytes), LINK.ETHERNET);
  read(f.ethernet(f.vlan(7, pieces[1]!)), LINK.ETHERNET);
  expect(read(f.ethernet(pieces[2]!), LINK.ETHERNET).stop).toBe(FRAGMENT);
  expect(read(f.ethernet(pieces[1]!), LINK.ETHERNET)).toMatchObject(WHOLE);
});

test('RFC 8200 §4.5: an IPv6 first fragment without the whole TCP header is discarded; IPv4 has no such rule', () => {
  const { read, stops } = reader();
  expect(read(v6(7, [16])[0]!)).toMatchObject({ layer: Layer.IP, srcPort: 1025, dstPort: 443, seq: 77 });
  expect(stops(v6(1, [16]))).toEqual([FRAGMENT, FRAGMENT]);
  expect(stops(v4(1, [16]))).toEqual([FRAGMENT, NONE]);
});

test('a piece behind the end, or a second end, throws the datagram away', () => {
  const { stops } = reader();
  const long = f.ipv4Fragments({ id: 1 }, f.tcp({ payload: new Uint8Array(600) }), [64, 256, 400]);
  expect(stops([v4(1)[2]!, long[2]!])).toEqual([FRAGMENT, OVERLAP]);
  expect(stops([long[2]!, v4(1)[2]!])).toEqual([FRAGMENT, OVERLAP]);
  expect(stops([v4(1)[2]!, long[3]!])).toEqual([FRAGMENT, OVERLAP]);
});

test('lengths that no fragment has', () => {
  const { decoder, stops } = reader();
  const odd = (bytes: number, offset: number, more = true): f.Upper =>
    f.fragment({ protocol: 6, bytes: new Uint8Array(bytes) }, { offset, more });
  expect(stops([f.ipv6({}, odd(20, 64)), f.ipv6({}, odd(0, 64)), f.ipv6({}, odd(64, 65_528))])).toEqual([MALFORMED, MALFORMED, MALFORMED]);
  expect(stops([f.ipv4({ fragmentOffset: 65_528 }, { protocol: 6, bytes: new Uint8Array(64) })])).toEqual([MALFORMED]);
  expect(decoder.reassembly.loose).toBe(0);
});

describe('tunnels', () => {
  const inner = f.ethernet(f.ipv4({ src: '172.16.0.1' }, segment));

  test('the outer packet in fragments', () => {
    const { decoder, read } = reader();
    const [first, last] = f.ipv4Fragments({ id: 9 }, f.vxlan(42, inner), [160]);
    expect(read(first!).stop).toBe(FRAGMENT);
    const p = read(last!);
    expect(p).toMatchObject({ ...WHOLE, fragments: 2 });
    expect(decoder.encapsulations.texts(p.encap)).toEqual(['vxlan:42']);
    expect(bytesOf(p)).toEqual(payload);
  });

  test('fragments of fragments: outer and inner packet are both cut', () => {
    const { read } = reader();
    const outer = v4(5).flatMap((piece, i) => f.ipv4Fragments({ id: 100 + i }, f.inIpv4(piece), [48]));
    const stops = outer.map((piece) => read(piece).stop);
    expect(stops).toEqual([FRAGMENT, FRAGMENT, FRAGMENT, FRAGMENT, FRAGMENT, NONE]);
    const again = outer.map((piece) => read(piece)).at(-1)!;
    expect(again).toMatchObject({ ...WHOLE, fragments: 3 });
    expect(bytesOf(again)).toEqual(payload);
  });
});

test('a quoted fragment is not put together with anything', () => {
  const { read } = reader();
  const [first, ...rest] = v4(1);
  expect(read(f.ipv4({}, f.icmp(11, 1, first))).quoted).toMatchObject({ layer: Layer.TCP, srcPort: 1025 });
  expect(rest.map((piece) => read(piece).stop)).toEqual([FRAGMENT, FRAGMENT]);
});

test('another pass has the same numbers for tunnels, and fragments of its own', () => {
  const { decoder, read } = reader();
  const tagged = v4(1).map((piece) => f.ethernet(f.vlan(7, piece)));
  read(tagged[0]!, LINK.ETHERNET);
  const p = new Packet();
  const again = decoder.again(() => 0);
  for (const bytes of tagged) again.decode(p, LINK.ETHERNET, new DataView(bytes.buffer), 0, bytes.length, bytes.length);
  expect(p).toMatchObject(WHOLE);
  read(tagged[1]!, LINK.ETHERNET);
  expect(read(tagged[2]!, LINK.ETHERNET)).toMatchObject({ ...WHOLE, encap: p.encap });
});

test('RFC 1858: first fragments that end inside the TCP header are counted', () => {
  const { decoder, stops } = reader();
  expect(stops(v4(1, [8, 64]))).toEqual([FRAGMENT, FRAGMENT, NONE]);
  stops(v4(2, [24]));
  stops(v6(3, [16]));
  expect(decoder.reassembly.tiny).toBe(2);
});
