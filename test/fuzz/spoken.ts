/**
 * Captures in which somebody speaks who wants to be read: what a finding's connection said last stands in every document, and mutants of
 * what honest applications sent hold nothing there that would break one.
 */
import { Decoder } from '../../src/decode/index.ts';
import { Layer, Packet } from '../../src/decode/packet.ts';
import { HOSTILE } from '../support/hostile.ts';
import { pick, type Random } from '../support/random.ts';
import type { Frame } from './captures.ts';

const TEXTS = Object.values(HOSTILE).filter((text) => text !== '');
const BEGINNINGS = [
  '',
  'GET / HTTP/1.1\r\nHost: ',
  'HTTP/1.1 500 ',
  'POST /',
  'HTTP/1.1 302 Found\r\nLocation: ',
  '*3\r\n$3\r\nSET\r\n$1000\r\n',
  '-ERR ',
  'SSH-2.0-',
  '220 ',
  '\u0003SELECT ',
  'Q\0\0\0\u0020SELECT ',
  'E\0\0\0\u0050SERROR\0M',
  '\u0016\u0003\u0001\u0002\0\u0001\0\u0001\u00fc\u0003\u0003',
];

const encoder = new TextEncoder();
const decoder = new Decoder();
const packet = new Packet();

/** What looks like an application's and is not meant well. */
export const words = (random: Random): Uint8Array =>
  encoder.encode(`${pick(random, BEGINNINGS)}${pick(random, TEXTS)}\r\n${pick(random, TEXTS)}`);

/** Payloads that begin with such words, as many as `share` says: one in so many. */
export function speaking(frames: readonly Frame[], share: number, random: Random): Frame[] {
  return frames.map((f) => {
    const { payloadAt } = decoded(f);
    if (packet.layer !== Layer.TCP || payloadAt >= f.bytes.length || random(share) > 0) return f;
    const bytes = f.bytes.slice();
    bytes.set(words(random).subarray(0, bytes.length - payloadAt), payloadAt);
    return { ...f, bytes };
  });
}

const decoded = ({ linkType, origLen, bytes }: Frame): Packet => {
  decoder.decode(packet, linkType, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length, origLen);
  return packet;
};
