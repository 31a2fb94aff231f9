import { describe, expect, test } from 'vitest';
import { Decoder, decodeTcpOptions } from '../../src/decode/index.ts';
import { Layer, Packet } from '../../src/decode/packet.ts';
import { Flag } from '../../src/model/flags.ts';
import { DEFAULT_CLIENT_ISN, DEFAULT_SERVER_ISN, parseScript, scriptCapture, scriptFrames, type ScriptedTcp } from './script.ts';

const HANDSHAKE = `
  +0    > S  0:0(0) win 64240 <mss 1460,sackOK,TS val 10 ecr 0,nop,wscale 7>   # SYN_SENT / CLOSED
  +.010 < S. 0:0(0) ack 1 win 65160 <mss 1400>                                  # ESTABLISHED / SYN_RCVD
  +.010 > .  1:1(0) ack 1                                                       # ESTABLISHED / ESTABLISHED
  +1    > P. 1:11(10) ack 1                                                     # just a remark
`;

const tcpSegments = (script: string): ScriptedTcp[] => parseScript(script).filter((s) => s.kind === 'tcp');

function decoded(bytes: Uint8Array): Packet {
  const packet = new Packet();
  new Decoder().decode(packet, 1, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length, bytes.length);
  decodeTcpOptions(packet);
  return packet;
}

describe('the notation', () => {
  test('gives direction, flags, relative numbers, window and expected states', () => {
    const segments = tcpSegments(HANDSHAKE);
    expect(segments.map((s) => [s.line, s.at, s.from, s.flags, s.seq, s.length, s.ack, s.window])).toEqual([
      [2, 0, 'client', Flag.SYN, 0, 0, null, 64240],
      [3, 10_000_000, 'server', Flag.SYN | Flag.ACK, 0, 0, 1, 65160],
      [4, 20_000_000, 'client', Flag.ACK, 1, 0, 1, 65535],
      [5, 1_020_000_000, 'client', Flag.PSH | Flag.ACK, 1, 10, 1, 65535],
    ]);
    expect(segments.map((s) => s.expected)).toEqual([
      { client: 'SYN_SENT', server: 'CLOSED' },
      { client: 'ESTABLISHED', server: 'SYN_RCVD' },
      { client: 'ESTABLISHED', server: 'ESTABLISHED' },
      null,
    ]);
  });

  test('goes on with the next sequence number when none is written', () => {
    expect(tcpSegments('+0 > S\n+0 > P. 1:6(5) ack 1\n+0 > F. ack 1\n+0 > . ack 2').map((s) => s.seq)).toEqual([0, 1, 6, 7]);
  });

  test('a dash asserts nothing about that end', () => {
    expect(parseScript('+0 > S 0:0(0) # SYN_SENT / -')[0]!.expected).toEqual({ client: 'SYN_SENT', server: null });
  });

  test('text behind the states is a remark', () => {
    expect(parseScript('+0 > S 0:0(0) # SYN_SENT / CLOSED, lost on the way')[0]!.expected).toEqual({
      client: 'SYN_SENT',
      server: 'CLOSED',
    });
  });

  test.each([
    ['a length that does not fit', '+0 > P. 1:11(9) ack 1', 'line 1: 1 + 9 is not 11'],
    ['an unknown state', '\n+0 > S # SYN_SEND / CLOSED', 'line 2: no state is called SYN_SEND'],
    ['an ACK number without the flag', '+0 > S 0:0(0) ack 1', 'an ACK number goes with'],
    ['an unknown option', '+0 > S <mss 1460,foo>', 'unknown option foo'],
    ['no direction', '+0 S', 'expected +SECONDS'],
  ])('refuses %s', (_name, script, message) => expect(() => parseScript(script)).toThrow(message));
});

describe('the frames', () => {
  test.each([4, 6] as const)('decode to what the script says (IPv%i)', (family) => {
    const packets = scriptFrames(HANDSHAKE, { family }).map((f) => decoded(f.bytes));
    expect(packets.map((p) => [p.layer, p.ipVersion, p.srcPort, p.dstPort, p.seq >>> 0, p.flags, p.payloadLength])).toEqual([
      [Layer.TCP, family, 40000, 80, DEFAULT_CLIENT_ISN, 0x02, 0],
      [Layer.TCP, family, 80, 40000, DEFAULT_SERVER_ISN, 0x12, 0],
      [Layer.TCP, family, 40000, 80, DEFAULT_CLIENT_ISN + 1, 0x10, 0],
      [Layer.TCP, family, 40000, 80, DEFAULT_CLIENT_ISN + 1, 0x18, 10],
    ]);
    expect(packets[1]!.ack >>> 0).toBe(DEFAULT_CLIENT_ISN + 1);
    expect(packets[0]!.options).toMatchObject({ mss: 1460, windowScale: 7, sackPermitted: true, hasTimestamp: true, tsVal: 10 });
  });

  test('wrap at 2^32 within the first ten octets', () => {
    const frames = scriptFrames('+0 > S\n+0 > P. 1:11(10) ack 1\n+0 > . 11:11(0) ack 1');
    expect(decoded(frames[2]!.bytes).seq).toBe(5);
  });

  test('carry SACK edges relative to the other end', () => {
    const packet = decoded(scriptFrames('+0 < . 1:1(0) ack 1 <nop,nop,sack 11:21>')[0]!.bytes);
    expect(packet.options.sackBlocks).toBe(1);
    expect(Array.from(packet.options.sack.subarray(0, 2))).toEqual([5, 15]);
  });

  test('an ICMP error quotes the last segment of the other end', () => {
    const packet = decoded(scriptFrames('+0 > S\n+.1 < icmp 3/1')[1]!.bytes);
    expect([packet.layer, packet.icmpType, packet.icmpCode]).toEqual([Layer.ICMP, 3, 1]);
    expect(packet.quoted).toMatchObject({ protocol: 6, srcPort: 40000, dstPort: 80, seq: DEFAULT_CLIENT_ISN | 0 });
  });

  test('the same octets travel when the same sequence numbers are sent again', () => {
    const [first, again] = scriptFrames('+0 > P. 1:11(10) ack 1\n+.2 > P. 6:11(5) ack 1').map((f) => f.bytes);
    expect(again!.slice(-5)).toEqual(first!.slice(-5));
  });
});

test('a scripted capture is a nanosecond pcap with one record per line', () => {
  const file = scriptCapture('+0 > S\n+1.000000001 < S. ack 1');
  const view = new DataView(file.buffer);
  expect([view.getUint32(0, true), view.getUint32(20, true)]).toEqual([0xa1b23c4d, 1]); // draft-ietf-opsawg-pcap §4
  const second = 24 + 16 + view.getUint32(24 + 8, true);
  expect([view.getUint32(second, true) - view.getUint32(24, true), view.getUint32(second + 4, true)]).toEqual([1, 1]);
  expect(second + 16 + view.getUint32(second + 8, true)).toBe(file.length);
});
