/**
 * The stretch of the stream that a reader looks at: the pushed chunk itself, or, for the one record that straddles chunks,
 * a carry buffer. So a record that lies inside a chunk is never copied, and memory is bounded by the largest record.
 *
 * The carry grows with the bytes that arrived, never with what a length field promises; readers bound `count` before they ask.
 */

const EMPTY = new Uint8Array(0);

/** Bytes. Holds nearly every record that straddles two chunks (TSO frames are at most 64 KiB) without growing. */
const FIRST_CARRY = 128 * 1024;

export class ByteWindow {
  /** Readable from `at` to `end`; all of these change with every `push`, `gather` and `skip`. */
  bytes: Uint8Array = EMPTY;
  view: DataView = new DataView(EMPTY.buffer);
  at = 0;
  end = 0;
  /** Stream offset of `bytes[0]`. */
  base = 0;

  #chunk: Uint8Array = EMPTY;
  /** While the carry is open: the first byte of the chunk that is not in it. */
  #chunkAt = 0;
  #chunkBase = 0;
  #carry: Uint8Array = EMPTY;
  #carryView: DataView = new DataView(EMPTY.buffer);
  #inCarry = false;
  #received = 0;
  /** Bytes that `skip` was asked to pass over and that have not come yet. */
  #owed = 0;

  /** Stream offset of the next unread byte. */
  get offset(): number {
    return this.base + this.at;
  }

  /** Unread bytes that are here. */
  get left(): number {
    return this.end - this.at + (this.#inCarry ? this.#chunk.length - this.#chunkAt : 0);
  }

  /** Bytes to be skipped that have not come. */
  get owed(): number {
    return this.#owed;
  }

  /** The next part of the stream. Normally `gather` has just said that it needs it; otherwise what is left is copied. */
  push(chunk: Uint8Array): void {
    if (this.#inCarry) this.#fill(this.left);
    else this.#saveRest();
    // A Buffer would be a second shape on the hot path, and its slice() does not copy, unlike that of the Uint8Array it poses as.
    this.#chunk = chunk.constructor === Uint8Array ? chunk : new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#chunkAt = 0;
    this.#chunkBase = this.#received;
    this.#received += chunk.length;
    if (this.at === this.end) this.#openChunk();
    if (this.#owed > 0) this.skip(0);
  }

  /** True when `count` bytes from `at` lie side by side. False: more must come, and nothing here refers to the chunk any more. */
  gather(count: number): boolean {
    if (this.#inCarry && this.at === this.end) this.#openChunk();
    if (this.end - this.at >= count) return true;
    if (this.#inCarry) this.#fill(count);
    else this.#saveRest();
    return this.end - this.at >= count;
  }

  /** Passes over bytes without keeping them; false when some have not come yet (they are owed). */
  skip(count: number): boolean {
    this.#owed += count;
    for (;;) {
      const step = Math.min(this.#owed, this.end - this.at);
      this.at += step;
      this.#owed -= step;
      if (this.#owed === 0) return true;
      if (!this.#inCarry) return false;
      this.#openChunk();
    }
  }

  /** Forgets what has come: the next chunk begins at this offset of the stream. */
  restart(offset: number): void {
    this.#inCarry = false;
    this.#owed = 0;
    this.#received = offset;
    this.#chunk = EMPTY;
    this.#chunkAt = 0;
    this.#chunkBase = offset;
    this.#openChunk();
  }

  #openChunk(): void {
    const chunk = this.#chunk;
    this.#inCarry = false;
    this.bytes = chunk;
    this.view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    this.at = this.#chunkAt;
    this.end = chunk.length;
    this.base = this.#chunkBase;
  }

  /** The unread end of the chunk moves to the carry. */
  #saveRest(): void {
    const have = this.end - this.at;
    if (have === 0) return;
    this.#reserve(have, 0);
    this.#carry.set(this.bytes.subarray(this.at, this.end));
    this.#chunkAt = this.#chunk.length;
    this.#inCarry = true;
    this.#openCarry(this.base + this.at, have);
  }

  /** The carry takes from the chunk until it holds `count` unread bytes, or all there are. */
  #fill(count: number): void {
    const have = this.end - this.at;
    const more = Math.min(count - have, this.#chunk.length - this.#chunkAt);
    if (this.at > 0) this.#carry.copyWithin(0, this.at, this.end);
    this.#reserve(have + more, have);
    this.#carry.set(this.#chunk.subarray(this.#chunkAt, this.#chunkAt + more), have);
    this.#chunkAt += more;
    this.#openCarry(this.base + this.at, have + more);
  }

  #openCarry(base: number, length: number): void {
    this.bytes = this.#carry;
    this.view = this.#carryView;
    this.base = base;
    this.at = 0;
    this.end = length;
  }

  #reserve(size: number, used: number): void {
    if (size <= this.#carry.length) return;
    let capacity = Math.max(FIRST_CARRY, this.#carry.length);
    while (capacity < size) capacity *= 2;
    const grown = new Uint8Array(capacity);
    grown.set(this.#carry.subarray(0, used));
    this.#carry = grown;
    this.#carryView = new DataView(grown.buffer);
  }
}
