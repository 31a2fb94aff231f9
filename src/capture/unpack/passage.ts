/**
 * Packed octets that are looked through on their way to a decoder, for where their last stream ends. A decoder that is not ours takes
 * what follows that for damage, and throws away what it unpacked before; so it is given the streams and no more.
 */
import { Feed } from './feed.ts';

/** Octets handed on at a time. */
export const SLICE = 64 * 1024;

/** Octets of streams, and at the end how many there were. */
export type Streams = AsyncGenerator<Uint8Array, number>;

export class Passage {
  readonly #feed: Feed;
  /** Of what is to come: looked at or passed over, and not handed on yet. */
  #seen = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#feed = new Feed(chunks);
  }

  /**
   * True when so many octets more can be looked at, false when the input ends before. What was seen is handed on once it is much, or
   * more has to come: a live capture's packets do not wait for the next.
   */
  async *ready(octets: number): AsyncGenerator<Uint8Array, boolean> {
    if (this.#seen >= SLICE || this.#feed.window.left < this.#seen + octets) yield* this.#handOn();
    return this.#feed.need(octets + this.#seen);
  }

  /** The next octet, which is `ready`. */
  octet(): number {
    const { bytes, at } = this.#feed.window;
    return bytes[at + this.#seen++]!;
  }

  /** The next octets as a number, least significant first; they are `ready`. */
  number(octets: number): number {
    let value = 0;
    for (let i = 0, unit = 1; i < octets; i++, unit *= 0x100) value += this.octet() * unit;
    return value;
  }

  /** Do octets of these values come next? They are `ready`, and stay to be looked at. */
  isNext(octets: readonly number[], mask: readonly number[] = []): boolean {
    const { bytes, at } = this.#feed.window;
    return octets.every((octet, i) => (bytes[at + this.#seen + i]! & (mask[i] ?? 0xff)) === octet);
  }

  pass(octets: number): void {
    this.#seen += octets;
  }

  /** The last stream has ended. */
  async *end(): Streams {
    yield* this.#handOn();
    return this.#feed.window.offset;
  }

  /** Nobody can say any more where a stream ends: the decoder has to. */
  rest(): Streams {
    this.#seen = Infinity;
    return this.end();
  }

  async *#handOn(): AsyncGenerator<Uint8Array, void> {
    const { window } = this.#feed;
    while (this.#seen > 0 && (await this.#feed.need(1))) {
      const length = Math.min(this.#seen, SLICE, window.end - window.at);
      this.#seen -= length;
      window.at += length;
      yield window.bytes.subarray(window.at - length, window.at);
    }
  }
}
