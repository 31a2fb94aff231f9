/**
 * How connections went on here that had begun before the capture did: the first segments of each. Where the capture goes on with another
 * one, they are told again to the machine as that one had left it (continuation.ts): mostly they are all that there was.
 *
 * Without what a segment carried. Bounded; a segment of a connection that began here costs one comparison.
 */
import { Flag } from '../model/flags.ts';
import { Layer, Packet } from '../decode/packet.ts';
import { TCP_FIXED_HEADER } from '../decode/transport/tcp.ts';
import type { Context } from './context.ts';

/** Segments kept of a connection. */
const KEPT_SEGMENTS = 32;
/** Segments kept in all, 10.5 MiB: a capture that begins in more open connections is joined with less detail. */
const MAX_SEGMENTS = 131_072;
/** Connections behind these are joined with less detail: one octet for each. */
const MAX_IDS = 2 ** 22;
const INITIAL = 64;

/** Words of a segment. */
export const Beginning = {
  ID: 0,
  FRAME: 1,
  SEQ: 2,
  ACK: 3,
  /** flags (16 bits) | side << 16 */
  FLAGS: 4,
  PAYLOAD: 5,
  /** window | TTL << 16 */
  WINDOW_TTL: 6,
  /** IP length (16 bits) | IPv4 identification << 16 */
  LENGTH_ID: 7,
  /** Octets of options that were captured | of the TCP header << 16 */
  OPTIONS_LENGTH: 8,
  /** The options as they came, 40 octets at most. */
  OPTIONS: 9,
} as const;
export const BEGINNING_WORDS = 19;
const MOST_OPTIONS = 40;

/** Columns: the words of all segments, and their times. */
export interface BeginningsState {
  readonly words: Int32Array;
  readonly times: Float64Array;
}

export interface FirstSegment {
  readonly side: number;
  readonly frame: number;
  readonly time: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly payload: number;
  readonly window: number;
  readonly ttl: number;
  readonly ipLength: number;
  readonly ipId: number;
  /** Of the TCP header, octets. */
  readonly headerLength: number;
  /** As far as they were captured. */
  readonly options: Uint8Array;
}

export class Beginnings {
  #words = new Int32Array(INITIAL * BEGINNING_WORDS);
  /** The same memory, for options. */
  #octets = new Uint8Array(this.#words.buffer);
  #times = new Float64Array(INITIAL);
  #length = 0;
  /** By connection that began before the capture: segments that may still be kept. */
  #left = new Uint8Array(0);

  /** Connection `id` was not seen to begin. */
  begin(id: number): void {
    if (id >= MAX_IDS || this.#length === MAX_SEGMENTS) return;
    if (id >= this.#left.length) {
      const left = new Uint8Array(Math.max(INITIAL, 2 ** Math.ceil(Math.log2(id + 1))));
      left.set(this.#left);
      this.#left = left;
    }
    this.#left[id] = KEPT_SEGMENTS;
  }

  /** Is this segment of a connection one to keep? */
  wants(id: number): boolean {
    return id < this.#left.length && this.#left[id] !== 0;
  }

  /** One that is wanted, and no copy. */
  add(x: Context, k: Packet, id: number, side: number): void {
    this.#left[id] = this.#left[id]! - 1;
    if (this.#length === MAX_SEGMENTS) return;
    if (this.#length === this.#times.length) this.#grow();
    const words = this.#words;
    const at = this.#length * BEGINNING_WORDS;
    words[at + Beginning.ID] = id;
    words[at + Beginning.FRAME] = x.frame;
    words[at + Beginning.SEQ] = k.seq;
    words[at + Beginning.ACK] = (k.flags & Flag.ACK) === 0 ? 0 : k.ack;
    words[at + Beginning.FLAGS] = k.flags | (side << 16);
    words[at + Beginning.PAYLOAD] = k.payloadLength;
    words[at + Beginning.WINDOW_TTL] = k.window | (k.ttl << 16);
    words[at + Beginning.LENGTH_ID] = Math.min(0xffff, k.ipLength) | ((k.ipId & 0xffff) << 16);
    const from = k.transportAt + TCP_FIXED_HEADER;
    const captured = Math.max(0, Math.min(k.headerLength - TCP_FIXED_HEADER, k.end - from, MOST_OPTIONS));
    words[at + Beginning.OPTIONS_LENGTH] = captured | (k.headerLength << 16);
    const to = (at + Beginning.OPTIONS) * 4;
    for (let i = 0; i < captured; i++) this.#octets[to + i] = k.view.getUint8(from + i);
    this.#times[this.#length++] = x.now;
  }

  /** Connections were folded, and have other ids: this is of use to nobody any more. */
  clear(): void {
    this.#length = 0;
    this.#left = new Uint8Array(0);
  }

  get state(): BeginningsState {
    return { words: this.#words.slice(0, this.#length * BEGINNING_WORDS), times: this.#times.slice(0, this.#length) };
  }

  #grow(): void {
    const words = new Int32Array(this.#words.length * 2);
    words.set(this.#words);
    this.#words = words;
    this.#octets = new Uint8Array(words.buffer);
    const times = new Float64Array(this.#times.length * 2);
    times.set(this.#times);
    this.#times = times;
  }
}

/** By connection, in the order in which they passed. */
export function firstSegments({ words, times }: BeginningsState): ReadonlyMap<number, readonly FirstSegment[]> {
  const out = new Map<number, FirstSegment[]>();
  times.forEach((time, i) => {
    const word = (at: number): number => words[i * BEGINNING_WORDS + at]!;
    const segment = {
      time,
      frame: word(Beginning.FRAME),
      seq: word(Beginning.SEQ),
      ack: word(Beginning.ACK),
      flags: word(Beginning.FLAGS) & 0xffff,
      side: word(Beginning.FLAGS) >>> 16,
      payload: word(Beginning.PAYLOAD),
      window: word(Beginning.WINDOW_TTL) & 0xffff,
      ttl: word(Beginning.WINDOW_TTL) >>> 16,
      ipLength: word(Beginning.LENGTH_ID) & 0xffff,
      ipId: word(Beginning.LENGTH_ID) >>> 16,
      headerLength: word(Beginning.OPTIONS_LENGTH) >>> 16,
      options: optionsOf(words, i * BEGINNING_WORDS),
    };
    const known = out.get(word(Beginning.ID));
    if (known === undefined) out.set(word(Beginning.ID), [segment]);
    else known.push(segment);
  });
  return out;
}

const optionsOf = (words: Int32Array, at: number): Uint8Array =>
  new Uint8Array(words.buffer, words.byteOffset + (at + Beginning.OPTIONS) * 4, words[at + Beginning.OPTIONS_LENGTH]! & 0xffff);

/** Makes `k` that segment, as far as it was kept: nothing is captured of its payload. */
export function becomeSegment(k: Packet, segment: FirstSegment, ipv6: boolean): void {
  const { seq, ack, flags, window, ttl, ipLength, headerLength, options } = segment;
  const octets = new Uint8Array(TCP_FIXED_HEADER + options.length);
  octets.set(options, TCP_FIXED_HEADER);
  const payloadLength = segment.payload;
  Object.assign(k, { layer: Layer.TCP, ipVersion: ipv6 ? 6 : 4, headerLength, payloadLength, seq, ack, flags, window, ttl, ipLength });
  Object.assign(k, { view: new DataView(octets.buffer), transportAt: 0, payloadAt: headerLength, end: octets.length });
  k.ipId = ipv6 ? -1 : segment.ipId;
}
