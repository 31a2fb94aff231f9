/** XXH32, the checksum of lz4 frames. Format: github.com/Cyan4973/xxHash doc/xxhash_spec.md, "XXH32". */

const PRIME1 = 0x9e3779b1;
const PRIME2 = 0x85ebca77;
const PRIME3 = 0xc2b2ae3d;
const PRIME4 = 0x27d4eb2f;
const PRIME5 = 0x165667b1;

const STRIPE = 16; // octets

const rotated = (x: number, by: number): number => (x << by) | (x >>> (32 - by));
const round = (lane: number, word: number): number => Math.imul(rotated((lane + Math.imul(word, PRIME2)) | 0, 13), PRIME1);

/** Of octets that come in pieces; seed 0. */
export class Xxh32 {
  readonly #lanes = Int32Array.of((PRIME1 + PRIME2) | 0, PRIME2 | 0, 0, -PRIME1 | 0);
  readonly #rest = new Uint8Array(STRIPE);
  readonly #restView = new DataView(this.#rest.buffer);
  #held = 0;
  #length = 0;

  update(bytes: Uint8Array): this {
    let at = 0;
    this.#length += bytes.length;
    if (this.#held > 0) {
      at = Math.min(STRIPE - this.#held, bytes.length);
      this.#rest.set(bytes.subarray(0, at), this.#held);
      this.#held += at;
      if (this.#held < STRIPE) return this;
      this.#stripes(this.#restView, 0, STRIPE);
    }
    const whole = at + Math.floor((bytes.length - at) / STRIPE) * STRIPE;
    this.#stripes(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), at, whole);
    this.#rest.set(bytes.subarray(whole));
    this.#held = bytes.length - whole;
    return this;
  }

  /** Unsigned. */
  digest(): number {
    const [a, b, c, d] = this.#lanes as unknown as readonly [number, number, number, number];
    const seen = this.#length >= STRIPE;
    let hash = seen ? (rotated(a, 1) + rotated(b, 7) + rotated(c, 12) + rotated(d, 18)) | 0 : PRIME5;
    hash = (hash + this.#length) | 0;
    let at = 0;
    for (; at + 4 <= this.#held; at += 4) {
      hash = Math.imul(rotated((hash + Math.imul(this.#restView.getUint32(at, true), PRIME3)) | 0, 17), PRIME4);
    }
    for (; at < this.#held; at++) hash = Math.imul(rotated((hash + Math.imul(this.#rest[at]!, PRIME5)) | 0, 11), PRIME1);
    hash = Math.imul(hash ^ (hash >>> 15), PRIME2);
    hash = Math.imul(hash ^ (hash >>> 13), PRIME3);
    return (hash ^ (hash >>> 16)) >>> 0;
  }

  #stripes(view: DataView, from: number, to: number): void {
    let [a, b, c, d] = this.#lanes as unknown as readonly [number, number, number, number];
    for (let at = from; at < to; at += STRIPE) {
      a = round(a, view.getInt32(at, true));
      b = round(b, view.getInt32(at + 4, true));
      c = round(c, view.getInt32(at + 8, true));
      d = round(d, view.getInt32(at + 12, true));
    }
    this.#lanes.set([a, b, c, d]);
  }
}

export const xxh32 = (bytes: Uint8Array): number => new Xxh32().update(bytes).digest();
