import { describe, expect, test } from 'vitest';
import { dissect, LINKS } from '../../src/decode/dissect.ts';
import { LINK_LAYERS } from '../../src/decode/link/index.ts';
import type { PacketLayer } from '../../src/model/dissection.ts';
import {
  concat,
  ethernet,
  gre,
  hopByHop,
  icmp,
  inIpv4,
  ipv4,
  ipv6,
  llcSnap,
  ppp,
  pppoe,
  routing,
  sll,
  sll2,
  tcp,
  tcpOption as opt,
  text,
  udp,
  vlan,
} from '../support/frames.ts';
import { LINK } from './decoded.ts';

const whole = (linkType: number, frame: Uint8Array): PacketLayer[] => dissect(linkType, frame, frame.length, frame.length);
const cut = (linkType: number, frame: Uint8Array, captured: number): PacketLayer[] =>
  dissect(linkType, frame.subarray(0, captured), captured, frame.length);
const summaries = (layers: readonly PacketLayer[]): string[] => layers.map((l) => `${l.name}: ${l.summary}`);
const fieldsOf = (layers: readonly PacketLayer[], name: string): Record<string, string> =>
  Object.fromEntries(layers.find((l) => l.name === name)!.fields.map((f) => [f.name, f.value]));

const syn = tcp({
  srcPort: 54200,
  dstPort: 3306,
  seq: 4294967290,
  flags: 0x02,
  window: 64240,
  options: concat(opt.mss(1460), opt.sackPermitted(), opt.timestamps(4294967295, 0), opt.nop(), opt.windowScale(7)),
});

describe('a SYN in a VLAN', () => {
  const frame = ethernet(
    vlan(7, ipv4({ src: '10.0.0.1', dst: '10.0.0.9', id: 0x1234, dontFragment: true, tos: 0xb9 }, syn), { priority: 3 }),
  );
  const layers = whole(LINK.ETHERNET, frame);

  test('reads from the outside in', () => {
    expect(summaries(layers)).toEqual([
      'Ethernet: 02:00:00:00:00:01 → 02:00:00:00:00:02',
      '802.1Q VLAN: ID 7',
      'IPv4: 10.0.0.1 → 10.0.0.9',
      'TCP: 54200 → 3306 [SYN] seq 4294967290 win 64240 len 0',
    ]);
  });

  test('has the fields of RFC 791 with their meaning', () => {
    expect(fieldsOf(layers, 'IPv4')).toMatchObject({
      Version: '4',
      'Header length': '20 bytes',
      DSCP: '46', // expedited forwarding
      ECN: 'ECT(1) (1)',
      'Total length': '60',
      Identification: '0x1234 (4660)',
      Flags: "0x2 (don't fragment)",
      'Time to live': '64',
      Protocol: 'TCP (6)',
    });
    expect(fieldsOf(layers, '802.1Q VLAN')).toMatchObject({ Priority: '3', 'VLAN ID': '7', Type: 'IPv4 (0x0800)' });
  });

  test('has every flag and every option in words', () => {
    expect(fieldsOf(layers, 'TCP')).toMatchObject({
      Flags: '0x002 (SYN)',
      'Flag: SYN': 'set (synchronize)',
      'Flag: ACK': 'not set (acknowledgment)',
      'Header length': '40 bytes',
      'Option: maximum segment size': '1460 bytes',
      'Option: SACK permitted': '',
      'Option: timestamps': 'value 4294967295, echo reply 0',
      'Option: window scale': '7 (multiply by 128)',
    });
  });

  test('points at the bytes of each field', () => {
    const view = new DataView(frame.buffer, frame.byteOffset);
    const field = (name: string) => layers.find((l) => l.name === 'TCP')!.fields.find((f) => f.name === name)!;
    expect(view.getUint16(field('Destination port').offset)).toBe(3306);
    expect(view.getUint32(field('Sequence number').offset)).toBe(4294967290);
    expect([field('Option: timestamps').offset, field('Option: timestamps').length]).toEqual([14 + 4 + 20 + 20 + 6, 10]);
    expect(layers.map((l) => [l.offset, l.length])).toEqual([
      [0, 14],
      [14, 4],
      [18, 20],
      [38, 40],
    ]);
  });
});

test.each<[string, number, Uint8Array, string[]]>([
  ['Linux cooked', LINK.SLL, sll(ipv4({}, syn)), ['Linux cooked capture', 'IPv4', 'TCP']],
  ['Linux cooked v2', LINK.SLL2, sll2(ipv6({}, syn)), ['Linux cooked capture v2', 'IPv6', 'TCP']],
  ['PPP', LINK.PPP, ppp(ipv4({}, syn)), ['PPP', 'IPv4', 'TCP']],
  ['PPPoE', LINK.ETHERNET, ethernet(pppoe(1, ipv4({}, syn))), ['Ethernet', 'PPPoE session', 'PPP', 'IPv4', 'TCP']],
  ['LLC', LINK.ETHERNET, ethernet({ type: 60, bytes: llcSnap(ipv4({}, syn)) }), ['Ethernet', 'Logical link control', 'IPv4', 'TCP']],
  ['extension headers', LINK.RAW, ipv6({}, hopByHop(routing(syn))), ['IPv6', 'IPv6 hop-by-hop options', 'IPv6 routing', 'TCP']],
  ['tunnels', LINK.RAW, ipv4({}, inIpv4(ipv6({}, gre(ipv4({}, syn))))), ['IPv4', 'IPv6', 'GRE', 'IPv4', 'TCP']],
  ['UDP', LINK.RAW, ipv4({}, udp({ payload: text('dns') })), ['IPv4', 'UDP', 'Payload']],
  ['a later fragment', LINK.RAW, ipv4({ fragmentOffset: 8 }, syn), ['IPv4', 'Payload']],
  ['padding', LINK.ETHERNET, ethernet(ipv4({}, tcp({})), { padTo: 60 }), ['Ethernet', 'IPv4', 'TCP', 'Padding']],
  ['Bluetooth', 201, new Uint8Array(9), ['Payload']],
])('%s', (_name, linkType, frame, names) => expect(whole(linkType, frame).map((l) => l.name)).toEqual(names));

test('an ICMP error shows what it quotes', () => {
  const lost = ipv4({ src: '10.0.0.1', dst: '10.0.0.9' }, tcp({ srcPort: 54200, dstPort: 3306, payload: new Uint8Array(1000) }));
  expect(summaries(whole(LINK.RAW, ipv4({ src: '10.0.0.254', dst: '10.0.0.1' }, icmp(3, 4, lost.subarray(0, 28), 1400))))).toEqual([
    'IPv4: 10.0.0.254 → 10.0.0.1',
    'ICMP: destination unreachable, fragmentation needed, MTU 1400',
    'IPv4 (quoted): 10.0.0.1 → 10.0.0.9',
    'TCP (quoted): 54200 → 3306, 8 of 20 bytes quoted',
  ]);
});

describe('packets that end early', () => {
  const frame = ethernet(ipv4({}, tcp({ payload: text('hello world') })));
  test.each([
    [10, 'Ethernet: cut: 10 of 14 bytes captured'],
    [26, 'IPv4: cut: 12 of 20 bytes captured'],
    [46, 'TCP: 40000 → 80, cut: 12 of 20 bytes captured'],
    [54, 'Payload: 11 bytes, 0 captured'],
    [57, 'Payload: 11 bytes, 3 captured'],
  ])('%i bytes captured', (captured, last) => expect(summaries(cut(LINK.ETHERNET, frame, captured)).at(-1)).toBe(last));

  test('show the fields that are there', () => {
    expect(fieldsOf(cut(LINK.ETHERNET, frame, 46), 'TCP')).toEqual({
      'Source port': '40000',
      'Destination port': '80',
      'Sequence number': '0',
      'Acknowledgment number': '0',
    });
  });

  test('options cut in the middle', () => {
    const layers = cut(LINK.RAW, ipv4({}, syn), 46);
    expect(summaries(layers).at(-1)).toBe('TCP: 54200 → 3306 [SYN] seq 4294967290 win 64240 len 0, cut: 26 of 40 bytes captured');
    expect(fieldsOf(layers, 'TCP')).toMatchObject({ 'Option: maximum segment size': '1460 bytes', 'Option: SACK permitted': '' });
  });
});

test.each([
  ['header length', ipv4({ headerLength: 16 }, syn), 'malformed: header length 16 is below 20'],
  ['total length', ipv4({ totalLength: 10 }, syn), 'malformed: total length 10 is below the header length 20'],
  ['data offset', ipv4({}, tcp({ headerLength: 60 })), 'malformed: header of 60 bytes in a segment of 20'],
  ['option length', ipv4({}, tcp({ options: opt.raw(8, 20) })), 'TCP'],
])('a malformed %s is named', (_name, packet, message) => {
  expect(summaries(whole(LINK.RAW, packet)).join('\n')).toContain(message);
});

test('an option whose length makes no sense ends the list', () => {
  const layers = whole(LINK.RAW, ipv4({}, tcp({ options: concat(opt.mss(1460), opt.raw(8, 20, new Uint8Array(2))) })));
  expect(fieldsOf(layers, 'TCP')).toMatchObject({ 'Option: unreadable': 'kind 8, length 20, 4 bytes left' });
});

test('the payload shows its first line, and nothing in it can steer a terminal', () => {
  const layers = whole(LINK.RAW, ipv4({}, tcp({ payload: text('GET /\u001b[2J\u202e HTTP/1.1\r\nHost: x\r\n') })));
  const payload = layers.at(-1)!;
  expect(payload.fields).toEqual([{ name: 'First line', value: 'GET /\\x1b[2J\\u{202e} HTTP/1.1', offset: 40, length: 21 }]);
});

test('the screen knows every link layer that the analysis knows', () => {
  expect([...LINKS.keys()]).toEqual(LINK_LAYERS.map((row) => row.linkType));
});
