/** Slots that are looked at before their segments are due are the right ones: those of connections that are known are taken. */
import { expect, test } from 'vitest';
import { Decoder } from '../../src/decode/index.ts';
import { Packet } from '../../src/decode/packet.ts';
import { Foresight } from '../../src/track/foresight.ts';
import { parseHostProfiles } from '../../src/track/host-profiles.ts';
import { Tracker } from '../../src/track/tracker.ts';
import { concat } from '../support/frames.ts';
import { type ScriptOptions, scriptFrames } from '../support/script.ts';

const HANDSHAKE = `
  +0    > S  0:0(0)
  +.010 < S. 0:0(0) ack 1
  +.010 > .  1:1(0) ack 1`;

function foreseen(frames: readonly Uint8Array[], known: readonly Uint8Array[]): number {
  const tracker = new Tracker(parseHostProfiles(undefined));
  const decoder = new Decoder();
  const packet = new Packet();
  known.forEach((bytes, i) => {
    decoder.decode(packet, 1, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.length, bytes.length);
    tracker.at(i);
    tracker.tcp(packet, i + 1);
  });
  const all = concat(...frames);
  const ends = frames.map(({ length }, i) => frames.slice(0, i).reduce((n, before) => n + before.length, 0) + length);
  const places = Int32Array.from(frames, ({ length }, i) => ends[i]! - length);
  const foresight = new Foresight(tracker.tables, frames.length);
  foresight.fetch(new DataView(all.buffer, all.byteOffset, all.byteLength), places, frames.length);
  return foresight.taken;
}

const framesOf = (options: ScriptOptions): Uint8Array[] => scriptFrames(HANDSHAKE, options).map(({ bytes }) => bytes);

test.each([
  ['a small address asks a large one', { clientIp: '10.0.0.1', serverIp: '10.0.0.2' }],
  ['a large one asks a small one', { clientIp: '203.0.113.9', serverIp: '10.0.0.2' }],
])('of either direction: %s', (_, ips) => {
  const frames = framesOf(ips);
  expect(foreseen(frames, frames.slice(0, 1))).toBe(3);
  expect(foreseen(frames, [])).toBe(0);
});

test('what is no segment over Ethernet and IPv4, or is cut short, is left alone', () => {
  const known = framesOf({ family: 6 });
  expect(foreseen(known, known)).toBe(0);
  const [syn] = framesOf({});
  expect(foreseen([syn!.slice(0, 30)], [syn!])).toBe(0);
  expect(foreseen([syn!.slice(0, 5)], [syn!])).toBe(0);
});
