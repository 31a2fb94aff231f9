/** Captures without addresses, names and payloads: nothing of them is left, and what is wrong in them is still found. */
import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readCaptures } from '../../src/capture/index.ts';
import { Decoder } from '../../src/decode/index.ts';
import { Packet } from '../../src/decode/packet.ts';
import { analyse } from '../../src/engine/analyse.ts';
import { AddressMap, ipText } from '../../src/engine/anonymize/addresses.ts';
import { Disguise } from '../../src/engine/anonymize/disguise.ts';
import { Anonymizer } from '../../src/engine/anonymize/frame.ts';
import type { Report } from '../../src/model/report.ts';
import {
  bytesOf,
  concat,
  ethernet,
  fragment,
  gre,
  icmp,
  icmpv6,
  ipv4,
  ipv4Bytes,
  ipv6,
  ipv6Bytes,
  MAC_A,
  sll2,
  tcp,
  text,
  udp,
  vlan,
  vxlan,
} from '../support/frames.ts';

/** Of the sample that comes with Crypto-PAn, and so are the addresses below. */
const KEY = Uint8Array.from([
  21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16, 216, 152, 143, 131, 121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34,
  2,
]);
const map = new AddressMap(KEY);
const mapped = (ip: string, by = map): string => ipText(by.ip(ip.includes(':') ? ipv6Bytes(ip) : ipv4Bytes(ip)));

describe('addresses', () => {
  test.each([
    ['128.11.68.132', '135.242.180.132'],
    ['129.118.74.4', '134.136.186.123'],
    ['130.132.252.244', '133.68.164.234'],
    ['141.223.7.43', '141.167.8.160'],
    ['152.163.225.39', '151.140.114.167'],
    ['192.102.249.13', '252.138.62.131'],
    ['24.5.0.80', '100.9.15.210'],
  ])('without special ranges it is Crypto-PAn: %s becomes %s', (ip, other) => {
    expect(mapped(ip, new AddressMap(KEY, []))).toBe(other);
  });

  const address = (octets: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: octets, maxLength: octets });
  const shared = (a: Uint8Array, b: Uint8Array): number => {
    const bits = (x: Uint8Array): string => Array.from(x, (o) => o.toString(2).padStart(8, '0')).join('');
    const [x, y] = [bits(a), bits(b)];
    let n = 0;
    while (n < x.length && x[n] === y[n]) n++;
    return n;
  };

  test.each([4, 16])('of %i octets share as many first bits as before', (octets) => {
    fc.assert(
      fc.property(address(octets), address(octets), fc.nat(octets * 8), (a, b, n) => {
        for (let bit = 0; bit < n; bit++) b[bit >>> 3] = (b[bit >>> 3]! & ~(0x80 >>> (bit & 7))) | (a[bit >>> 3]! & (0x80 >>> (bit & 7)));
        fc.pre(!isKept(a) && !isKept(b)); // addresses of a range that stays are not permuted
        expect(shared(map.ip(a), map.ip(b))).toBe(shared(a, b));
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  test.each([4, 16])('of %i octets: none comes into a range that means something, or out of it', (octets) => {
    fc.assert(
      fc.property(address(octets), (a) => {
        expect(rangeOf(ipText(map.ip(a)))).toBe(rangeOf(ipText(a)));
      }),
      { numRuns: 1_000, seed: 2 },
    );
  });

  test.each(['0.0.0.0', '127.0.0.1', '224.0.0.251', '239.1.2.3', '255.255.255.255', '::', '::1', 'ff02::1'])('%s stays', (ip) => {
    expect(mapped(ip)).toBe(ip);
  });

  test.each([
    ['10.1.2.3', /^10\./],
    ['172.20.1.1', /^172\.(1[6-9]|2\d|3[01])\./],
    ['192.168.1.7', /^192\.168\./],
    ['169.254.7.7', /^169\.254\./],
    ['fe80::1234', /^fe80::/],
    ['fd00::1', /^f[cd]/],
    ['::ffff:c0a8:107', new RegExp(`^::ffff:${mapped('192.168.1.7').replaceAll('.', '\\.')}$`)],
  ])('%s stays of its kind and becomes another', (ip, kind) => {
    expect(mapped(ip)).toMatch(kind);
    expect(mapped(ip)).not.toBe(ip);
  });

  test('of a card: another card, and a group stays the group', () => {
    const other = map.mac(MAC_A);
    expect(Buffer.from(other).equals(MAC_A)).toBe(false);
    expect(other[0]! & 3).toBe(MAC_A[0]! & 3);
    for (const kept of ['ff ff ff ff ff ff', '01 00 5e 00 00 fb', '33 33 00 00 00 01', '00 00 00 00 00 00'])
      expect(Buffer.from(map.mac(bytesOf(kept)))).toEqual(Buffer.from(bytesOf(kept)));
  });

  test('the group in which a neighbour is asked for names it no more, in its address and in its MAC alike', () => {
    const group = map.ip(ipv6Bytes('ff02::1:ff12:3456'));
    expect(ipText(group)).toMatch(/^ff02::1:ff/);
    expect(ipText(group)).not.toBe('ff02::1:ff12:3456');
    expect([...map.mac(bytesOf('3333ff123456'))]).toEqual([0x33, 0x33, 0xff, ...group.subarray(13)]);
  });

  test('of another key are others', () => expect(mapped('10.1.2.3', new AddressMap(new Uint8Array(32)))).not.toBe(mapped('10.1.2.3')));
});

const isKept = (a: Uint8Array): boolean => (a.length === 4 ? a[0] === 0 || a[0] === 127 || a[0]! >= 224 : a[0] === 0xff || a[0] === 0);

function rangeOf(ip: string): string {
  const kinds: readonly (readonly [string, RegExp])[] = [
    ['private', /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/],
    ['no source', /^(0\.|127\.|22[4-9]\.|23\d\.|24\d\.|25[0-5]\.|::1$|::$|ff[\da-f]{2}:)/],
    ['link-local', /^(169\.254\.|fe[89ab][\da-f]:)/],
    ['local', /^f[cd][\da-f]{2}:/],
    ['documentation', /^(192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|2001:db8:)/],
  ];
  return kinds.find(([, pattern]) => pattern.test(ip))?.[0] ?? 'public';
}

const A = '93.184.216.34';
const B = '151.101.1.69';
const SIX_A = '2a00:1450:4001:82b::200e';
const SIX_B = '2606:2800:220:1:248:1893:25c8:1946';
const SECRETS = [ipv4Bytes(A), ipv4Bytes(B), ipv6Bytes(SIX_A), ipv6Bytes(SIX_B), MAC_A, text('secret')];

const anonymized = (frame: Uint8Array, linkType = 1): Uint8Array =>
  new Anonymizer(map).frame(linkType, frame, 0, frame.length, frame.length);
const v4 = { src: A, dst: B };
const v6 = { src: SIX_A, dst: SIX_B };
const segment = tcp({ srcPort: 40000, dstPort: 443, seq: 7, payload: text('my secret') });

describe('a frame', () => {
  const tunnelled = ethernet(ipv4({ src: B, dst: A }, tcp({ payload: text('secret') })));
  const arp = concat(bytesOf('0001 0800 06 04 0001'), MAC_A, ipv4Bytes(A), bytesOf('000000000000'), ipv4Bytes(B));
  const target = concat(ipv6Bytes(SIX_A), bytesOf('0201'), MAC_A);
  const nlri = text('secret of a routing protocol');
  const frames: [name: string, frame: Uint8Array, linkType?: number][] = [
    ['TCP over IPv4', ethernet(ipv4(v4, segment))],
    ['TCP over IPv6', ethernet(ipv6(v6, segment))],
    ['a padded frame', ethernet(concat(ipv4(v4, tcp()), text('secret')))],
    ['VLAN tags', ethernet(vlan(7, ipv4(v4, segment)))],
    ['a cooked frame', sll2(ipv4(v4, segment)), 276],
    ['VXLAN', ethernet(ipv4(v4, vxlan(5, tunnelled)))],
    ['GRE with a checksum', ethernet(ipv4(v4, gre(ipv4({ src: B, dst: A }, segment), { checksum: true })))],
    ['an ICMP error', ethernet(ipv4(v4, icmp(3, 1, ipv4({ src: B, dst: A }, segment))))],
    ['an ICMP redirect', ethernet(ipv4(v4, icmp(5, 1, ipv4({ src: B, dst: A }, segment), Buffer.from(ipv4Bytes(B)).readInt32BE())))],
    ['an ICMPv6 error', ethernet(ipv6(v6, icmpv6(1, 4, ipv6({ src: SIX_B, dst: SIX_A }, segment))))],
    ['an echo', ethernet(ipv4(v4, icmp(8, 0, text('secret of ping'))))],
    ['a neighbour solicitation', ethernet(ipv6(v6, icmpv6(135, 0, target)))],
    ['ARP', ethernet({ type: 0x0806, bytes: arp })],
    ['a fragment', ethernet(ipv6(v6, fragment({ protocol: 6, bytes: text('secret octets of 24....') }, { offset: 24, more: true })))],
    ['a protocol that is not understood', ethernet(ipv4(v4, { protocol: 89, bytes: nlri }))],
    ['an EtherType that is not understood', ethernet({ type: 0x88cc, bytes: concat(MAC_A, text('secret')) })],
    ['options of MPTCP', ethernet(ipv4(v4, tcp({ options: concat(bytesOf('1e08 3001'), ipv4Bytes(A), bytesOf('01010101')) })))],
    [
      'DNS',
      ethernet(
        ipv4(
          v4,
          udp({ dstPort: 53, payload: concat(bytesOf('1234 0100 0001 0000 0000 0000 06'), text('secret'), bytesOf('00 0001 0001')) }),
        ),
      ),
    ],
    ['HTTP', ethernet(ipv4(v4, tcp({ payload: text('GET /secret HTTP/1.1\r\nHost: secret\r\n\r\n') })))],
    ['a link layer that is not understood', concat(MAC_A, text('secret')), 105],
  ];

  test.each(frames)('%s: no address, name or payload is left, and no octet is more or less', (_, frame, linkType = 1) => {
    const out = anonymized(frame, linkType);
    expect(out.length).toBe(frame.length);
    for (const secret of SECRETS) expect(Buffer.from(out).indexOf(secret)).toBe(-1);
  });

  test.each(frames)('%s: the same wherever it is cut off', (_, frame, linkType = 1) => {
    for (let length = 0; length < frame.length; length++) {
      const out = new Anonymizer(map).frame(linkType, frame, 0, length, frame.length);
      expect(out.length).toBe(length);
      for (const secret of SECRETS) expect(Buffer.from(out).indexOf(secret)).toBe(-1);
    }
  });

  test.each(frames.filter(([, , linkType]) => linkType !== 105))('%s: is decoded as before', (_, frame, linkType = 1) => {
    const shape = (bytes: Uint8Array): unknown => {
      const p = new Packet();
      const decoder = new Decoder();
      decoder.decode(p, linkType, new DataView(bytes.buffer, bytes.byteOffset), 0, bytes.length, bytes.length);
      const { layer, stop, ipVersion, ttl, ipId, protocol, srcPort, dstPort, seq, flags, payloadLength, icmpType, encap } = p;
      const quoted = p.quoted === null ? null : [p.quoted.srcPort, p.quoted.dstPort, p.quoted.seq];
      return {
        layer,
        stop,
        ipVersion,
        ttl,
        ipId,
        protocol,
        srcPort,
        dstPort,
        seq,
        flags,
        payloadLength,
        icmpType,
        quoted,
        tunnel: decoder.encapsulations.texts(encap),
      };
    };
    expect(shape(anonymized(frame, linkType))).toEqual(shape(frame));
  });

  test('the same addresses at all depths', () => {
    const out = anonymized(ethernet(ipv4(v4, icmp(3, 1, ipv4({ src: B, dst: A }, segment)))));
    expect(ipText(out.subarray(26, 30))).toBe(mapped(A));
    expect(ipText(out.subarray(54, 58))).toBe(mapped(B));
  });

  test('the same name becomes the same name, whatever the case of its letters', () => {
    expect(Buffer.from(map.label(text('Example'))).toString()).toBe(Buffer.from(map.label(text('eXAMPLE'))).toString());
    expect(map.label(text('example')).length).toBe(7);
  });

  describe('checksums', () => {
    const ip = ipv4(v4, segment);
    const at = 14 + 20 + 16;
    /** RFC 1071 over the pseudo-header and the segment: 0xffff where it is right. */
    const sum = (frame: Uint8Array): number => {
      const s = frame.subarray(34);
      const words = concat(frame.subarray(26, 34), Uint8Array.of(0, 6, s.length >>> 8, s.length & 255), s, new Uint8Array(s.length & 1));
      let total = 0;
      for (let i = 0; i < words.length; i += 2) total += (words[i]! << 8) | words[i + 1]!;
      while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
      return total;
    };
    const withSum = (value: number): Uint8Array => {
      const frame = ethernet(ip).slice();
      new DataView(frame.buffer).setUint16(at, value);
      return frame;
    };
    const right = ((): number => 0xffff ^ sum(withSum(0)))();

    test('a right one stays right', () => expect(sum(anonymized(withSum(right)))).toBe(0xffff));
    test('a wrong one stays as wrong as it was', () => expect(sum(anonymized(withSum(right ^ 0x0101)))).toBe(sum(withSum(right ^ 0x0101))));
    test('one that nobody filled in stays empty', () => expect([...anonymized(withSum(0)).subarray(at, at + 2)]).toEqual([0, 0]));
    test('what is left for the card to finish is what it would be for these addresses', () => {
      const pseudo = (frame: Uint8Array): number => {
        const only = concat(frame.subarray(0, 34), new Uint8Array(frame.length - 34));
        return sum(only);
      };
      const out = anonymized(withSum(pseudo(withSum(0))));
      expect(new DataView(out.buffer).getUint16(at)).toBe(pseudo(out));
    });
    test('of a segment that was cut off, too', () => {
      const whole = anonymized(withSum(right));
      const cut = new Anonymizer(map).frame(1, withSum(right), 0, 60, withSum(right).length);
      // The payload behind the cut is not known, so that only what was captured is mended.
      expect(cut.subarray(0, at)).toEqual(whole.subarray(0, at));
    });
  });
});

const FIXTURES = new URL('../../fixtures/', import.meta.url).pathname;
const captures = readdirSync(FIXTURES).filter((name) => name.includes('.pcap'));

describe('of every fixture the same is found', () => {
  const facts = ({ capture, series, rules }: Report): unknown => ({
    caveats: capture.caveats.map(({ code, count }) => [code, count]),
    vantage: capture.vantage.kind,
    connections: capture.connections,
    series,
    rules: rules.map(({ id, verdict }) => [id, verdict]),
  });

  test.each(captures)('%s', { timeout: 60_000 }, async (name) => {
    const before = await analyse([FIXTURES + name], { payload: false }, { said: false });
    const after = await analyse([FIXTURES + name], {}, { anonymize: KEY });
    const disguise = new Disguise(KEY);
    const found = (report: Report, id: (f: Report['findings'][number]) => string): unknown =>
      report.findings
        .map((f) => [id(f), f.severity, f.confidence, f.count, f.connections.length, f.evidence.map((e) => e.frame).length])
        .sort();
    expect(found(after.report, (f) => f.id)).toEqual(found(before.report, (f) => disguise.idOf(f)));
    expect(facts(after.report)).toEqual(facts(before.report));
    expect(JSON.stringify(after.report)).not.toContain(name);
  });
});

/** Four octets are found by chance among millions: where there are more addresses than this (a flood), they are. */
const FEW = 100;

describe('of every fixture no address is in any octet that is left', () => {
  test.each(captures)('%s', { timeout: 60_000 }, async (name) => {
    const anonymizer = new Anonymizer(map);
    const addresses = new Map<string, Buffer>();
    const others = new Set<string>();
    const note = (octets: Uint8Array, other: Uint8Array): void => {
      addresses.set(Buffer.from(octets).toString('hex'), Buffer.from(octets));
      others.add(Buffer.from(other).toString('hex'));
    };
    const decoder = new Decoder();
    const packet = new Packet();
    const frames: Uint8Array[] = [];
    await readCaptures([FIXTURES + name], {
      record: ({ linkType, view, bytes, at, capLen, origLen }) => {
        decoder.decode(packet, linkType, view, at, capLen, origLen);
        const octets = packet.ipVersion === 6 ? 16 : 4;
        if (packet.ipVersion !== 0 && packet.fragments === 1)
          for (const from of [packet.srcAt, packet.dstAt]) note(bytes.slice(from, from + octets), map.ip(bytes.slice(from, from + octets)));
        if (linkType === 1) for (const from of [at, at + 6]) note(bytes.slice(from, from + 6), map.mac(bytes.slice(from, from + 6)));
        frames.push(anonymizer.frame(linkType, bytes, at, capLen, origLen));
        return true;
      },
    });
    const left = Buffer.concat(frames);
    // An address of this capture may be what another becomes: in a network of 256 it often is.
    const gone = [...addresses].filter(([hex]) => !others.has(hex)).map(([, octets]) => octets);
    const searched = gone.filter((octets) => octets.length > 4 || gone.length <= FEW);
    expect(searched.filter((octets) => left.includes(octets)).map(ipText)).toEqual([]);
    expect(anonymizer.blank).toBe(0);
  });
});
