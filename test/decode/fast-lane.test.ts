/** The fast lane says what the walk says, or leaves the frame to it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeFast } from '../../src/decode/fast-lane.ts';
import { Decoder } from '../../src/decode/index.ts';
import { Packet } from '../../src/decode/packet.ts';
import { ethernet, ipv4, ipv6, tcp } from '../support/frames.ts';

const segment = tcp({ srcPort: 54_200, dstPort: 443, flags: 0x18, seq: 4_294_967_290, ack: 7, payload: new Uint8Array(40) });
const FRAMES = {
  IPv4: ethernet(ipv4({ src: '10.0.0.1', dst: '10.0.0.2' }, segment)),
  IPv6: ethernet(ipv6({ src: '2001:db8::1', dst: '2001:db8::2' }, segment)),
};

/** Every field but the buffer and the options, which are nobody's before they are asked for. */
function fields(p: Packet): Record<string, unknown> {
  return Object.fromEntries(Object.entries(p).filter(([key]) => key !== 'view' && key !== 'options'));
}

/** The walk's word on the same bytes: behind one VLAN tag of id 0, which adds nothing but four bytes, the fast lane is closed. */
function walked(bytes: Uint8Array, capLen: number, origLen: number): Packet {
  const tagged = new Uint8Array(bytes.length + 4);
  tagged.set(bytes.subarray(0, 12));
  tagged.set([0x81, 0, 0, 0], 12);
  tagged.set(bytes.subarray(12), 16);
  const p = new Packet();
  new Decoder().decode(p, 1, new DataView(tagged.buffer), 0, capLen + 4, origLen + 4);
  for (const key of ['at', 'end', 'ipAt', 'srcAt', 'dstAt', 'transportAt', 'payloadAt'] as const) p[key] -= key === 'at' ? 0 : 4;
  return p;
}

describe.each(Object.entries(FRAMES))('the fast lane of %s', (_version, frame) => {
  test('takes an ordinary segment', () => {
    const p = new Packet();
    expect(decodeFast(p, new DataView(frame.buffer, frame.byteOffset), 0, frame.length, frame.length)).toBe(true);
    expect(p).toMatchObject({ srcPort: 54_200, dstPort: 443, payloadLength: 40, seq: 4_294_967_290 | 0, ack: 7 });
  });

  test('agrees with the walk on every field, whatever is bent or cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(frame.length - 1), fc.nat(255)), { maxLength: 4 }),
        fc.integer({ min: 14, max: frame.length }),
        fc.integer({ min: 0, max: 20 }),
        (bends, capLen, more) => {
          const bytes = frame.slice();
          for (const [at, value] of bends) if (at < 12 || at > 13) bytes[at] = value;
          const origLen = capLen + more;
          const p = new Packet();
          if (!decodeFast(p, new DataView(bytes.buffer), 0, capLen, origLen)) return;
          expect(fields(p)).toEqual(fields(walked(bytes, capLen, origLen)));
        },
      ),
      { numRuns: 3_000 },
    );
  });
});
