import { expect, test } from 'vitest';
import { dissect } from '../../src/decode/dissect.ts';
import { Decoder, decodeTcpOptions } from '../../src/decode/index.ts';
import { LINK_LAYERS } from '../../src/decode/link/index.ts';
import { Layer, Packet, Stop } from '../../src/decode/packet.ts';
import { concat, ethernet, ipv4Fragments, ipv6Fragments, vxlan } from '../support/frames.ts';
import { generator } from '../support/random.ts';
import { LINK } from './decoded.ts';
import { SAMPLES } from './sample-frames.ts';

/** Every offset that callers use must point into the frame, every length must be one. */
function complaints(p: Packet): string[] {
  const wrong: string[] = [];
  const check = (claim: boolean, what: string): void => {
    if (!claim) wrong.push(what);
  };
  if (p.ipVersion !== 0) {
    check(p.ipAt >= p.at && p.ipAt + (p.ipVersion === 4 ? 20 : 40) <= p.end, 'IP header');
    const size = p.ipVersion === 4 ? 4 : 16;
    check(p.srcAt > p.ipAt && p.srcAt + size <= p.end && p.dstAt > p.srcAt && p.dstAt + size <= p.end, 'addresses');
  }
  if (p.layer === Layer.TCP) {
    check(p.transportAt > p.ipAt && p.transportAt + 20 <= p.end, 'TCP header');
    check(p.stop === Stop.NONE || p.stop === Stop.MALFORMED, 'stop');
    check(p.headerLength >= 20, 'header length');
  }
  if (p.layer >= Layer.TCP) check(p.payloadAt >= p.transportAt && p.payloadAt <= p.end, 'payload offset');
  check(p.payloadLength >= 0 && p.ipLength >= 0, 'negative length');
  check(p.payloadLength <= p.ipLength, 'payload longer than the packet');
  check(p.options.sackBlocks >= 0 && p.options.sackBlocks <= 4, 'SACK blocks');
  check(p.quoted === null || (p.quoted.at >= p.transportAt && p.quoted.end <= p.end), 'quotation');
  return wrong;
}

/** A view that ends with the frame: reading one octet too many throws. */
function run(linkType: number, frame: Uint8Array, onWire: number): Packet {
  const exact = frame.slice();
  const packet = new Packet();
  new Decoder().decode(packet, linkType, new DataView(exact.buffer), 0, exact.length, onWire);
  decodeTcpOptions(packet);
  if (packet.quoted !== null) decodeTcpOptions(packet.quoted);
  return packet;
}

/** The screen and the analysis must not disagree about what a frame is. */
function sameView(linkType: number, frame: Uint8Array, onWire: number, packet: Packet): string[] {
  const layers = dissect(linkType, frame, frame.length, onWire);
  const wrong = layers
    .filter((l) => l.offset + l.length > frame.length || l.fields.some((x) => x.offset + x.length > frame.length))
    .map((l) => l.name);
  if (packet.stop === Stop.TOO_DEEP || packet.layer !== Layer.TCP) return wrong;
  const tcp = layers.findLast((l) => l.name === 'TCP');
  if (tcp?.offset !== packet.transportAt - packet.at) wrong.push('no TCP layer at the same place');
  const payload = layers.find((l) => l.name === 'Payload');
  const captured = Math.max(0, Math.min(packet.payloadAt + packet.payloadLength, packet.end) - packet.payloadAt);
  if (packet.stop === Stop.NONE && (payload?.length ?? 0) !== captured) wrong.push(`payload ${payload?.length} and not ${captured}`);
  return wrong;
}

test('the samples themselves decode to their end', () => {
  for (const [name, linkType, frame] of SAMPLES) {
    expect([name, run(linkType, frame, frame.length).stop], name).toEqual([name, Stop.NONE]);
  }
});

test.each(SAMPLES)('%s: cut at every length', (_name, linkType, frame) => {
  for (let length = 0; length <= frame.length; length++) {
    for (const onWire of [frame.length, length]) {
      const cut = frame.subarray(0, length);
      const packet = run(linkType, cut, onWire);
      expect([length, complaints(packet), sameView(linkType, cut, onWire, packet)]).toEqual([length, [], []]);
    }
  }
});

test.each(SAMPLES)('%s: 3,000 times bent', (name, linkType, frame) => {
  const random = generator(name.length * 7919 + linkType);
  for (let i = 0; i < 3000; i++) {
    const bent = frame.slice(0, random(4) === 0 ? random(frame.length + 1) : frame.length);
    for (let flips = 1 + random(4); flips > 0 && bent.length > 0; flips--) {
      const at = random(bent.length);
      bent[at] = random(2) === 0 ? bent[at]! ^ (1 << random(8)) : [0, 1, 4, 6, 0x45, 0x60, 0x7f, 0xff][random(8)]!;
    }
    const onWire = random(3) === 0 ? random(0x1_0000) : frame.length;
    const packet = run(linkType, bent, onWire);
    const wrong = [...complaints(packet), ...sameView(linkType, bent, onWire, packet)];
    if (wrong.length > 0) expect({ i, onWire, bent: Buffer.from(bent).toString('hex'), wrong }).toBeNull();
  }
});

test('noise under every link type', () => {
  const random = generator(1);
  for (let i = 0; i < 20_000; i++) {
    const noise = Uint8Array.from({ length: random(120) }, () => random(256));
    const linkType = LINK_LAYERS[random(LINK_LAYERS.length)]!.linkType;
    const packet = run(linkType, noise, noise.length);
    const wrong = [...complaints(packet), ...sameView(linkType, noise, noise.length, packet)];
    if (wrong.length > 0) expect({ i, linkType, noise: Buffer.from(noise).toString('hex'), wrong }).toBeNull();
  }
});

test('random fragments: nothing throws, nothing is read past an end, memory stays bounded', () => {
  const random = generator(2);
  let now = 0;
  const decoder = new Decoder(() => now);
  const packet = new Packet();
  const inner = SAMPLES.map(([, , bytes]) => bytes).filter((bytes) => bytes[0]! >>> 4 === 4 || bytes[0]! >>> 4 === 6);
  const waiting: Uint8Array[] = [];
  let whole = 0;
  for (let i = 0; i < 20_000; i++) {
    if (waiting.length < 60) {
      const carrier = vxlan(random(3), concat(ethernet(inner[random(inner.length)]!), new Uint8Array(random(80))));
      const cuts = Array.from({ length: random(5) }, () => 8 * (1 + random(12))).sort((a, b) => a - b);
      const cut = random(2) === 0 ? ipv4Fragments : ipv6Fragments;
      const payload = { ...carrier, protocol: [17, 17, 17, 6, 44, 41][random(6)]! };
      waiting.push(
        ...cut(
          { id: random(1000) },
          payload,
          [...new Set(cuts)].filter((at) => at < carrier.bytes.length),
        ),
      );
    }
    const [bytes] = waiting.splice(random(Math.min(6, waiting.length)), 1);
    if (random(20) === 0) waiting.push(bytes!);
    const bent = bytes!.slice(0, random(12) === 0 ? random(bytes!.length + 1) : bytes!.length);
    if (random(12) === 0 && bent.length > 0) bent[random(bent.length)] = random(256);
    now += random(3);
    decoder.decode(packet, LINK.RAW, new DataView(bent.buffer), 0, bent.length, bytes!.length);
    decodeTcpOptions(packet);
    if (packet.fragments > 1) whole++;
    const wrong = complaints(packet);
    if (wrong.length > 0) expect({ i, wrong, bent: Buffer.from(bent).toString('hex') }).toBeNull();
  }
  expect(whole).toBeGreaterThan(1000);
  expect(decoder.reassembly.held).toBeLessThanOrEqual(65 * (65_536 + 40));
  expect(decoder.reassembly.loose).toBeGreaterThanOrEqual(0);
});
