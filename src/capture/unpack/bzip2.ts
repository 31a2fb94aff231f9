/**
 * bzip2, streaming, several streams in a row. Own code, because what the registry has holds a block of 900 kB unpacked in an array
 * of numbers, 45 MB of them where runs expand, or is native.
 *
 * A block is decoded as a whole, as the format wants it (`decodeBlock`), and then expanded into pieces; so what a block expands to
 * is in nobody's memory. Format: bzip2 1.0.8's decompress.c, there is no other specification.
 */
import { Feed } from './feed.ts';
import { PackingError } from './packing.ts';

const BLOCK_UNIT = 100_000; // octets, times the level
const MAX_CODE = 20; // bits
const GROUP = 50; // symbols with the same code
const MIN_CODES = 2;
const MAX_CODES = 6;
/** Symbols: two for runs, the positions 1 to 255, and the end. */
const MAX_SYMBOLS = 258;
const RUN_A = 0;
const RUN_B = 1;

/** π and √π, as far as 24 bits go; each mark has two words. */
const BLOCK_MARK = [0x314159, 0x265359] as const;
const END_MARK = [0x177245, 0x385090] as const;

/** Octets that a block takes at most: every symbol at MAX_CODE bits, and tables. */
const packedLimit = (size: number): number => Math.ceil((size * MAX_CODE) / 8) + 64 * 1024;

/** Octets handed on at a time. */
const PIECE = 256 * 1024;

export async function* bunzip2(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, number> {
  const feed = new Feed(chunks);
  const block = new Block();
  const piece = new Uint8Array(PIECE);
  for (let streams = 0; ; streams++) {
    const whole = await feed.need(4);
    const size = whole ? blockSize(feed.window.bytes, feed.window.at) : 0;
    if (size === 0) {
      if (streams === 0) throw whole ? damaged('no stream where one should be') : cutShort();
      return feed.window.offset;
    }
    feed.window.at += 4;
    block.reserve(size);
    const bits = new Bits();
    let checksum = 0;
    for (;;) {
      await feed.need(packedLimit(size));
      bits.open(feed);
      const mark = [bits.read(24), bits.read(24)];
      const expected = bits.word();
      if (mark[0] === END_MARK[0] && mark[1] === END_MARK[1]) {
        bits.close(feed);
        if (expected !== checksum >>> 0) throw damaged('its checksum is wrong');
        break;
      }
      if (mark[0] !== BLOCK_MARK[0] || mark[1] !== BLOCK_MARK[1]) throw damaged('no block where one should be');
      decodeBlock(bits, block);
      bits.close(feed);
      for (let length = block.expand(piece); length > 0; length = block.expand(piece)) yield piece.subarray(0, length);
      if (block.checksum !== expected) throw damaged('the checksum of a block is wrong');
      checksum = ((checksum << 1) | (checksum >>> 31)) ^ expected;
    }
  }
}

/** 0: this is no stream's beginning. */
function blockSize(bytes: Uint8Array, at: number): number {
  const level = bytes[at + 3]! - 0x30;
  return bytes[at] === 0x42 && bytes[at + 1] === 0x5a && bytes[at + 2] === 0x68 && level >= 1 && level <= 9 ? level * BLOCK_UNIT : 0;
}

/** Most significant bit first. What a byte has left over stays here from block to block; a stream ends at a whole byte. */
class Bits {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  /** The lowest `#held` bits are the next ones. */
  #buffer = 0;
  #held = 0;

  open({ window }: Feed): void {
    this.#bytes = window.bytes;
    this.#at = window.at;
    this.#end = window.end;
  }

  close({ window }: Feed): void {
    window.at = this.#at;
  }

  /** At most 24. */
  read(count: number): number {
    while (this.#held < count) this.#byte();
    this.#held -= count;
    return (this.#buffer >>> this.#held) & ((1 << count) - 1);
  }

  /** 32 bits, unsigned. */
  word(): number {
    const high = this.read(16);
    return high * 0x1_0000 + this.read(16);
  }

  /** The next symbol in a prefix code. */
  symbol({ limits, offsets, symbols, shortest }: PrefixCode): number {
    let length = shortest;
    while (this.#held < length) this.#byte();
    let code = (this.#buffer >>> (this.#held - length)) & ((1 << length) - 1);
    while (code > limits[length]!) {
      if (++length > MAX_CODE) throw damaged('a code that no symbol has');
      if (this.#held < length) this.#byte();
      code = (this.#buffer >>> (this.#held - length)) & ((1 << length) - 1);
    }
    this.#held -= length;
    const index = code - offsets[length]!;
    if (index < 0 || index >= MAX_SYMBOLS) throw damaged('a code that no symbol has');
    return symbols[index]!;
  }

  #byte(): void {
    if (this.#at === this.#end) throw cutShort();
    this.#buffer = (this.#buffer << 8) | this.#bytes[this.#at++]!;
    this.#held += 8;
  }
}

/** Canonical: codes of one length are consecutive, and symbols stand in their order. */
interface PrefixCode {
  /** By length: the greatest code, -1 without one. */
  readonly limits: Int32Array;
  /** By length: code minus position in `symbols`. */
  readonly offsets: Int32Array;
  readonly symbols: Uint16Array;
  readonly shortest: number;
}

function prefixCode(lengths: Uint8Array): PrefixCode {
  const limits = new Int32Array(MAX_CODE + 1).fill(-1);
  const offsets = new Int32Array(MAX_CODE + 1);
  const symbols = new Uint16Array(MAX_SYMBOLS);
  let shortest = 0;
  let code = 0;
  let position = 0;
  for (let length = 1; length <= MAX_CODE; length++) {
    const first = position;
    for (let symbol = 0; symbol < lengths.length; symbol++) if (lengths[symbol] === length) symbols[position++] = symbol;
    offsets[length] = code - first;
    code += position - first;
    if (position > first) {
      limits[length] = code - 1;
      if (shortest === 0) shortest = length;
    }
    code <<= 1;
  }
  return { limits, offsets, symbols, shortest: Math.max(1, shortest) };
}

/** A block before its runs are expanded, as the inverse of the Burrows-Wheeler transform walks through it. */
class Block {
  /** Low eight bits: an octet; the others: where the next one is. */
  links = new Uint32Array(0);
  length = 0;
  #at = 0;
  #left = 0;
  #previous = -1;
  #repeats = 0;
  /** Of the octet in `#previous`, still to be handed on. */
  #run = 0;
  #crc = 0;

  reserve(size: number): void {
    if (this.links.length !== size) this.links = new Uint32Array(size);
  }

  /** Of what was expanded, unsigned. */
  get checksum(): number {
    return ~this.#crc >>> 0;
  }

  /** `origin`: which of the sorted rotations is the block. */
  begin(origin: number): void {
    this.#at = this.links[origin]! >>> 8;
    this.#left = this.length;
    this.#previous = -1;
    this.#repeats = 0;
    this.#run = 0;
    this.#crc = -1;
  }

  /** Fills `out` with what comes next; returns how much that is, 0 at the end. Four equal octets are followed by how many more there are. */
  expand(out: Uint8Array): number {
    const { links } = this;
    let to = 0;
    while (to < out.length) {
      if (this.#run > 0) {
        const count = Math.min(this.#run, out.length - to);
        out.fill(this.#previous, to, to + count);
        this.#run -= count;
        to += count;
        continue;
      }
      if (this.#left === 0) break;
      this.#left--;
      const link = links[this.#at]!;
      this.#at = link >>> 8;
      const octet = link & 0xff;
      if (this.#repeats === 4) {
        this.#run = octet;
        this.#repeats = 0;
        continue;
      }
      this.#repeats = octet === this.#previous ? this.#repeats + 1 : 1;
      this.#previous = octet;
      out[to++] = octet;
    }
    let crc = this.#crc;
    for (let i = 0; i < to; i++) crc = (crc << 8) ^ CRC_TABLE[(crc >>> 24) ^ out[i]!]!;
    this.#crc = crc;
    return to;
  }
}

/** Everything behind the block's mark and checksum. */
function decodeBlock(bits: Bits, block: Block): void {
  if (bits.read(1) !== 0) throw new PackingError('the bzip2 data has randomised blocks, which only versions before 0.9.5 wrote');
  const origin = bits.read(24);
  const octets = usedOctets(bits);
  const { selectors, codes } = codeTables(bits, octets.length + 2);
  const end = octets.length + 1;
  const { links } = block;
  const counts = new Int32Array(256);
  const order = octets; // most recently used first
  let length = 0;
  let run = 0;
  let runBit = 1;
  let selector = 0;
  let left = 0;
  let code = codes[0]!;
  for (;;) {
    if (left === 0) {
      if (selector === selectors.length) throw damaged('a block that goes on behind its last group');
      code = codes[selectors[selector++]!]!;
      left = GROUP;
    }
    left--;
    const symbol = bits.symbol(code);
    if (symbol === RUN_A || symbol === RUN_B) {
      // A number in bijective base two, least digit first.
      run += symbol === RUN_A ? runBit : 2 * runBit;
      if (run > links.length) throw damaged('a block longer than it may be');
      runBit *= 2;
      continue;
    }
    if (run > 0) {
      if (run > links.length - length) throw damaged('a block longer than it may be');
      const octet = order[0]!;
      links.fill(octet, length, length + run);
      counts[octet]! += run;
      length += run;
      run = 0;
    }
    runBit = 1;
    if (symbol === end) break;
    if (length === links.length) throw damaged('a block longer than it may be');
    const position = symbol - 1;
    const octet = order[position]!;
    order.copyWithin(1, 0, position);
    order[0] = octet;
    links[length++] = octet;
    counts[octet]!++;
  }
  if (origin >= length) throw damaged('a block that begins behind its end');
  block.length = length;
  link(links, length, counts);
  block.begin(origin);
}

/** The inverse of the Burrows-Wheeler transform: the octets sorted, each linked to the one that follows it. */
function link(links: Uint32Array, length: number, counts: Int32Array): void {
  let sum = 0;
  for (let octet = 0; octet < 256; octet++) {
    const count = counts[octet]!;
    counts[octet] = sum;
    sum += count;
  }
  for (let i = 0; i < length; i++) {
    const to = counts[links[i]! & 0xff]!++;
    links[to]! |= i << 8;
  }
}

/** Two levels of bit maps: which octets there are in the block. */
function usedOctets(bits: Bits): Uint8Array {
  const groups = bits.read(16);
  const octets = new Uint8Array(256);
  let count = 0;
  for (let group = 0; group < 16; group++) {
    if ((groups & (0x8000 >>> group)) === 0) continue;
    const members = bits.read(16);
    for (let i = 0; i < 16; i++) if ((members & (0x8000 >>> i)) !== 0) octets[count++] = group * 16 + i;
  }
  if (count === 0) throw damaged('a block without octets');
  return octets.subarray(0, count);
}

/** Two to six prefix codes, and which of them each group of symbols is in. */
function codeTables(bits: Bits, symbols: number): { selectors: Uint8Array; codes: readonly PrefixCode[] } {
  const count = bits.read(3);
  if (count < MIN_CODES || count > MAX_CODES) throw damaged(`${count} code tables`);
  const selectors = new Uint8Array(bits.read(15));
  const order = Uint8Array.from({ length: count }, (_, i) => i);
  for (let i = 0; i < selectors.length; i++) {
    let position = 0;
    while (bits.read(1) === 1) if (++position === count) throw damaged('a code table that is not there');
    const selected = order[position]!;
    order.copyWithin(1, 0, position);
    order[0] = selected;
    selectors[i] = selected;
  }
  const codes = Array.from({ length: count }, () => {
    const lengths = new Uint8Array(symbols);
    let length = bits.read(5);
    for (let symbol = 0; symbol < symbols; symbol++) {
      for (;;) {
        if (length < 1 || length > MAX_CODE) throw damaged(`a code of ${length} bits`);
        if (bits.read(1) === 0) break;
        length += bits.read(1) === 0 ? 1 : -1;
      }
      lengths[symbol] = length;
    }
    return prefixCode(lengths);
  });
  return { selectors, codes };
}

/** CRC-32 as in IEEE 802.3, most significant bit first. */
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, octet) => {
  let crc = octet << 24;
  for (let i = 0; i < 8; i++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

const cutShort = (): PackingError => new PackingError('the bzip2 data is cut short');
const damaged = (what: string): PackingError => new PackingError(`the bzip2 data is damaged (${what})`);
