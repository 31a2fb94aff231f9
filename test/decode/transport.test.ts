import { describe, expect, test } from 'vitest';
import { Decoder, decodeTcpOptions } from '../../src/decode/index.ts';
import { Layer, Packet, Stop } from '../../src/decode/packet.ts';
import { Flag } from '../../src/model/flags.ts';
import { concat, ethernet, hopByHop, icmp, icmpv6, ipv4, ipv6, tcp, tcpOption as opt, text, udp, vlan } from '../support/frames.ts';
import { decode, LINK, payloadOf } from './decoded.ts';

describe('TCP (RFC 9293 §3.1)', () => {
  test('gives every field of the fixed header', () => {
    const { packet } = decode(
      LINK.RAW,
      ipv4(
        {},
        tcp({ srcPort: 65535, dstPort: 1, seq: 0xfffffffe, ack: 0x80000000, flags: 0x1ff, window: 65535, urgent: 9, payload: text('abc') }),
      ),
    );
    expect(packet).toMatchObject({
      layer: Layer.TCP,
      srcPort: 65535,
      dstPort: 1,
      seq: -2,
      ack: -0x80000000,
      flags: 0x1ff,
      window: 65535,
      urgent: 9,
      headerLength: 20,
      payloadLength: 3,
    });
  });

  test.each(Object.entries(Flag))('flag %s stands in its own bit', (_name, bit) => {
    expect(decode(LINK.RAW, ipv4({}, tcp({ flags: bit }))).packet.flags).toBe(bit);
  });

  test('reserved bits are no flags', () => {
    const packet = ipv4({}, tcp({ flags: 0xe10 }));
    expect(decode(LINK.RAW, packet).packet).toMatchObject({ flags: 0x10, headerLength: 20 });
  });

  test('a data offset below 20 makes it no segment: the kernel drops it, whatever its flags (tcp_v4_rcv)', () => {
    const { packet } = decode(LINK.RAW, ipv4({}, tcp({ headerLength: 16, flags: Flag.SYN, payload: text('hello') })));
    expect(packet).toMatchObject({ layer: Layer.IP, stop: Stop.MALFORMED, srcPort: 40000, payloadLength: 0 });
  });

  test('a data offset past the segment is malformed, and the segment has no payload', () => {
    const { packet } = decode(LINK.RAW, ipv4({}, tcp({ headerLength: 60, flags: Flag.SYN, payload: text('hello') })));
    expect(packet).toMatchObject({ layer: Layer.TCP, stop: Stop.MALFORMED, flags: Flag.SYN, payloadLength: 0, headerLength: 60 });
    expect(packet.options.complete).toBe(false);
  });

  test.each([
    [3, 0, 0],
    [4, 1025, 0],
    [8, 1025, 42],
    [19, 1025, 42],
  ])('%i captured octets are no TCP segment, but keep what they tell', (octets, srcPort, seq) => {
    const frame = ethernet(ipv4({}, tcp({ srcPort: 1025, seq: 42, flags: Flag.SYN })));
    expect(decode(LINK.ETHERNET, frame, { cut: 34 + octets }).packet).toMatchObject({
      layer: Layer.IP,
      stop: Stop.TRUNCATED,
      srcPort,
      seq,
      flags: 0,
      payloadLength: 0,
    });
  });
});

describe('TCP options', () => {
  const optionsOf = (options: Uint8Array, cut?: number) =>
    decode(LINK.RAW, ipv4({}, tcp({ options, payload: text('x') })), cut === undefined ? {} : { cut: 40 + cut }).packet.options;

  test('of a Linux SYN', () => {
    const options = optionsOf(concat(opt.mss(1460), opt.sackPermitted(), opt.timestamps(0xfffffff0, 0), opt.nop(), opt.windowScale(7)));
    expect(options).toMatchObject({
      complete: true,
      mss: 1460,
      sackPermitted: true,
      hasTimestamp: true,
      tsVal: -16,
      tsEcr: 0,
      windowScale: 7,
    });
  });

  test('of an ordinary segment: NOP, NOP, timestamps', () => {
    const options = optionsOf(concat(opt.nop(), opt.nop(), opt.timestamps(5, 0x80000000)));
    expect(options).toMatchObject({
      complete: true,
      hasTimestamp: true,
      tsVal: 5,
      tsEcr: -0x80000000,
      mss: -1,
      windowScale: -1,
      sackBlocks: 0,
    });
  });

  test('timestamps in any other place', () => {
    expect(optionsOf(concat(opt.timestamps(5, 6), opt.nop(), opt.nop()))).toMatchObject({
      complete: true,
      hasTimestamp: true,
      tsVal: 5,
      tsEcr: 6,
    });
  });

  test('SACK blocks, three beside timestamps and four alone (RFC 2018 §3)', () => {
    const three = optionsOf(
      concat(opt.nop(), opt.nop(), opt.timestamps(1, 2), opt.nop(), opt.nop(), opt.sack(10, 20, 30, 40, 4294967295, 5)),
    );
    expect([three.sackBlocks, Array.from(three.sack.subarray(0, 6))]).toEqual([3, [10, 20, 30, 40, -1, 5]]);
    expect(optionsOf(concat(opt.nop(), opt.nop(), opt.sack(1, 2, 3, 4, 5, 6, 7, 8)))).toMatchObject({ complete: true, sackBlocks: 4 });
  });

  test.each([
    ['RFC 7413, cookie', opt.fastOpen(new Uint8Array(8)), 8],
    ['RFC 7413, request', opt.fastOpen(), 0],
    ['experiment, cookie', opt.fastOpenExperiment(new Uint8Array(4)), 4],
  ])('Fast Open (%s)', (_name, option, cookie) => {
    expect(optionsOf(option)).toMatchObject({ complete: true, fastOpen: true, fastOpenCookieLength: cookie });
  });

  test('another experiment is not Fast Open', () =>
    expect(optionsOf(opt.raw(254, 4, Uint8Array.of(0xe2, 0xd4)))).toMatchObject({ complete: true, fastOpen: false }));
  test('MPTCP (RFC 8684)', () => expect(optionsOf(opt.mptcp(2))).toMatchObject({ mptcp: true, mptcpSubtype: 2 }));
  test('TCP-MD5 (RFC 2385)', () => expect(optionsOf(opt.md5())).toMatchObject({ complete: true, authenticated: true }));
  test('unknown kinds are skipped', () =>
    expect(optionsOf(concat(opt.raw(77, 4, new Uint8Array(2)), opt.mss(99)))).toMatchObject({ complete: true, mss: 99 }));
  test('nothing counts behind the end of the list', () =>
    expect(optionsOf(concat(opt.end(), opt.mss(99)))).toMatchObject({ complete: true, mss: -1 }));

  test.each([
    ['length 0', opt.raw(77, 0, new Uint8Array(2))],
    ['length 1', opt.raw(77, 1, new Uint8Array(2))],
    ['a length past the header', opt.raw(77, 9, new Uint8Array(2))],
    ['a kind without a length', concat(opt.nop(), opt.nop(), opt.nop(), Uint8Array.of(8))],
    ['an MSS of three octets', opt.raw(2, 3, new Uint8Array(2))],
    ['half a SACK block', opt.raw(5, 6, new Uint8Array(6))],
  ])('%s makes the list incomplete', (_name, option) =>
    expect(optionsOf(option)).toMatchObject({ complete: false, mss: -1, sackBlocks: 0 }),
  );

  test('cut by the snap length they keep what was captured', () => {
    const options = concat(opt.mss(1460), opt.sackPermitted(), opt.timestamps(1, 2), opt.nop(), opt.windowScale(7));
    expect(optionsOf(options, 8)).toMatchObject({ complete: false, mss: 1460, sackPermitted: true, hasTimestamp: false, windowScale: -1 });
    const ordinary = concat(opt.nop(), opt.nop(), opt.timestamps(1, 2));
    expect(optionsOf(ordinary, 11)).toMatchObject({ complete: false, hasTimestamp: false });
  });

  test('of the segment before are forgotten', () => {
    const decoder = new Decoder();
    const packet = new Packet();
    for (const options of [concat(opt.mss(1460), opt.sack(1, 2)), new Uint8Array(0)]) {
      const bytes = ipv4({}, tcp({ options }));
      decoder.decode(packet, LINK.RAW, new DataView(bytes.buffer), 0, bytes.length, bytes.length);
      decodeTcpOptions(packet);
    }
    expect(packet.options).toMatchObject({ mss: -1, sackBlocks: 0 });
  });
});

describe('UDP (RFC 768)', () => {
  test('gives ports and length', () => {
    const decoded = decode(LINK.ETHERNET, ethernet(ipv4({}, udp({ srcPort: 5353, dstPort: 53, payload: text('dns') })), { padTo: 60 }));
    expect(decoded.packet).toMatchObject({ layer: Layer.UDP, srcPort: 5353, dstPort: 53, payloadLength: 3 });
    expect(payloadOf(decoded)).toEqual(text('dns'));
  });
  test('a length below the header is malformed', () => {
    expect(decode(LINK.RAW, ipv4({}, udp({ length: 7 }))).packet).toMatchObject({
      layer: Layer.UDP,
      stop: Stop.MALFORMED,
      payloadLength: 0,
    });
  });
  test('a length past the packet gives what there is room for', () => {
    expect(decode(LINK.RAW, ipv4({}, udp({ length: 3000, payload: text('dns') }))).packet).toMatchObject({
      layer: Layer.UDP,
      payloadLength: 3,
    });
  });
});

describe('ICMP errors', () => {
  const lost = ipv4(
    { src: '10.9.8.7', dst: '10.0.0.2', ttl: 1 },
    tcp({ srcPort: 4242, dstPort: 80, seq: 7, payload: new Uint8Array(1000) }),
  );

  test('quote eight octets of the segment (RFC 792): ports and sequence number, no flags', () => {
    const { packet } = decode(LINK.RAW, ipv4({ src: '10.0.0.254' }, icmp(3, 4, lost.subarray(0, 28), 1400)));
    expect(packet).toMatchObject({ layer: Layer.ICMP, icmpType: 3, icmpCode: 4, protocol: 1 });
    expect(packet.quoted).toMatchObject({
      layer: Layer.IP,
      stop: Stop.TRUNCATED,
      protocol: 6,
      src: 0x0a090807,
      srcPort: 4242,
      dstPort: 80,
      seq: 7,
      ipLength: 1040,
    });
  });

  test('quote the whole header when the sender is generous (RFC 1812 §4.3.2.3)', () => {
    const { packet } = decode(LINK.RAW, ipv4({}, icmp(11, 0, lost.subarray(0, 100))));
    expect(packet.quoted).toMatchObject({ layer: Layer.TCP, stop: Stop.NONE, flags: Flag.ACK, payloadLength: 1000 });
  });

  test('quote a packet of the same VLAN', () => {
    const { packet, encapsulation } = decode(LINK.ETHERNET, ethernet(vlan(7, ipv4({}, icmp(3, 1, lost.subarray(0, 28))))));
    expect(packet.quoted!.encap).toBe(packet.encap);
    expect(encapsulation).toEqual(['vlan:7']);
  });

  test('of ICMPv6 quote as much as fits (RFC 4443)', () => {
    const lost6 = ipv6({ src: '2001:db8::7' }, hopByHop(tcp({ srcPort: 4242, seq: 7 })));
    const { packet } = decode(LINK.RAW, ipv6({}, icmpv6(2, 0, lost6, 1280)));
    expect(packet).toMatchObject({ layer: Layer.ICMP, icmpType: 2, protocol: 58 });
    expect(packet.quoted).toMatchObject({ layer: Layer.TCP, ipVersion: 6, srcPort: 4242, seq: 7 });
  });

  test.each<[string, Uint8Array]>([
    ['an echo request', ipv4({}, icmp(8, 0, lost.subarray(0, 28)))],
    ['a neighbour solicitation', ipv6({}, icmpv6(135, 0, new Uint8Array(16)))],
    ['an error without a quotation', ipv4({}, icmp(3, 1))],
    ['an error that quotes noise', ipv4({}, icmp(3, 1, new Uint8Array(28).fill(0xff)))],
  ])('%s quotes nothing', (_name, packet) => expect(decode(LINK.RAW, packet).packet).toMatchObject({ layer: Layer.ICMP, quoted: null }));

  test('an error about an error is not followed', () => {
    const inner = ipv4({}, icmp(3, 1, lost.subarray(0, 28)));
    const { packet } = decode(LINK.RAW, ipv4({}, icmp(3, 1, inner)));
    expect(packet.quoted).toMatchObject({ layer: Layer.ICMP, icmpType: 3, quoted: null });
  });
});

test('nothing of the packet before remains', () => {
  const decoder = new Decoder();
  const reused = new Packet();
  const run = (packet: Packet, bytes: Uint8Array): void =>
    decoder.decode(packet, LINK.ETHERNET, new DataView(bytes.buffer, bytes.byteOffset), 0, bytes.length, bytes.length);
  const rich = [
    ethernet(vlan(7, ipv4({ id: 5, moreFragments: true }, tcp({ flags: 0x1ff, seq: 1, ack: 2, urgent: 3, payload: text('abc') })))),
    ethernet(ipv4({}, icmp(3, 1, ipv4({}, tcp({})).subarray(0, 28)))),
    ethernet(ipv6({}, udp({ payload: text('abc') }))),
  ];
  const poor = [
    ethernet({ type: 0x0806, bytes: new Uint8Array(28) }),
    new Uint8Array(3),
    ethernet(ipv4({ fragmentOffset: 8 }, tcp({}))),
    ethernet(ipv6({}, icmpv6(128, 0))),
    ethernet(ipv4({ protocol: 132 }, tcp({}))),
  ];
  for (const before of rich) {
    for (const bytes of poor) {
      const fresh = new Packet();
      run(fresh, bytes);
      run(reused, before);
      run(reused, bytes);
      expect(reused).toEqual(fresh);
    }
  }
});
