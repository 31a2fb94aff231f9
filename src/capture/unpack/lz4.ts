/**
 * lz4 frames. Own code, because what the registry has takes a file as a whole or is native; the format is a page long.
 * Format: github.com/lz4/lz4 doc/lz4_Frame_format.md and lz4_Block_format.md.
 */
import { Feed } from './feed.ts';
import { PackingError } from './packing.ts';
import { Xxh32, xxh32 } from './xxhash.ts';

const MAGIC = 0x184d2204;
/** 16 of them, which differ in the last four bits: application data to be passed over. */
const SKIPPABLE = 0x184d2a50;

const Flag = { DICTIONARY: 0x01, CONTENT_CHECKSUM: 0x04, CONTENT_SIZE: 0x08, BLOCK_CHECKSUM: 0x10 } as const;
const VERSION = 0x40;
const VERSION_AND_RESERVED = 0xc2;
const RESERVED_OF_SIZE = 0x8f;
/** Of the block size: the block was stored as it is. */
const STORED = 0x8000_0000;

/** Octets that a match may reach back, also into the block before. */
const HISTORY = 64 * 1024;

interface Frame {
  readonly maxBlock: number;
  readonly blockChecksum: boolean;
  /** null: none will come. */
  readonly content: Xxh32 | null;
}

export async function* unlz4(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, number> {
  const feed = new Feed(chunks);
  let out = new Uint8Array(0);
  let frames = 0;
  while (await feed.need(4)) {
    const magic = uint32(feed);
    if (magic !== MAGIC && !isSkippable(magic)) {
      if (frames > 0) return feed.window.offset;
      throw damaged('no frame where one should be');
    }
    feed.window.at += 4;
    if (magic !== MAGIC) {
      const length = await word(feed);
      if (!(await feed.skip(length))) throw cutShort();
      continue;
    }
    frames++;
    const frame = await readHeader(feed);
    if (out.length !== HISTORY + frame.maxBlock) out = new Uint8Array(HISTORY + frame.maxBlock);
    let start = 0; // of the block in `out`: behind as much of those before as matches may reach
    for (let size = await word(feed); size !== 0; size = await word(feed)) {
      const end = await readBlock(feed, frame, size, out, start);
      const block = out.subarray(start, end);
      frame.content?.update(block);
      yield block;
      const kept = Math.min(end, HISTORY);
      out.copyWithin(0, end - kept, end);
      start = kept;
    }
    if (frame.content !== null && (await word(feed)) !== frame.content.digest()) throw damaged('its checksum is wrong');
  }
  if (frames === 0 && feed.window.left > 0) throw cutShort();
  return feed.window.offset;
}

const isSkippable = (magic: number): boolean => (magic & ~0xf) >>> 0 === SKIPPABLE;

async function readHeader(feed: Feed): Promise<Frame> {
  if (!(await feed.need(3))) throw cutShort();
  const { bytes, at } = feed.window;
  const flags = bytes[at]!;
  const size = bytes[at + 1]!;
  const code = size >>> 4;
  if ((flags & VERSION_AND_RESERVED) !== VERSION || (size & RESERVED_OF_SIZE) !== 0 || code < 4)
    throw damaged('its header is of no known version');
  const length = 3 + ((flags & Flag.CONTENT_SIZE) !== 0 ? 8 : 0) + ((flags & Flag.DICTIONARY) !== 0 ? 4 : 0);
  if (!(await feed.need(length))) throw cutShort();
  const { window } = feed;
  const header = window.bytes.subarray(window.at, window.at + length);
  if (((xxh32(header.subarray(0, -1)) >>> 8) & 0xff) !== header[length - 1]) throw damaged('the checksum of its header is wrong');
  if ((flags & Flag.DICTIONARY) !== 0) throw new PackingError('the lz4 data needs a dictionary that is not in the file');
  window.at += length;
  return {
    maxBlock: 1 << (8 + 2 * code), // 4: 64 KiB … 7: 4 MiB
    blockChecksum: (flags & Flag.BLOCK_CHECKSUM) !== 0,
    content: (flags & Flag.CONTENT_CHECKSUM) !== 0 ? new Xxh32() : null,
  };
}

/** Unpacks into `out` from `start`; returns where that ends. */
async function readBlock(feed: Feed, frame: Frame, size: number, out: Uint8Array, start: number): Promise<number> {
  const length = size & ~STORED;
  if (length > frame.maxBlock) throw damaged(`a block of ${length} bytes, of at most ${frame.maxBlock}`);
  if (!(await feed.need(length + (frame.blockChecksum ? 4 : 0)))) throw cutShort();
  const { window } = feed;
  const block = window.bytes.subarray(window.at, window.at + length);
  window.at += length;
  if (frame.blockChecksum && (await word(feed)) !== xxh32(block)) throw damaged('the checksum of a block is wrong');
  if (size >>> 31 === 0) return unpackBlock(block, out, start, start + frame.maxBlock);
  out.set(block, start);
  return start + length;
}

/** Sequences of literals and a match. Returns where the output ends. */
function unpackBlock(block: Uint8Array, out: Uint8Array, start: number, limit: number): number {
  const end = block.length;
  let at = 0;
  let to = start;
  while (at < end) {
    const token = block[at++]!;
    let literals = token >>> 4;
    if (literals === 15) {
      let more: number;
      do {
        more = at < end ? block[at++]! : -1;
        literals += more;
      } while (more === 255);
    }
    if (literals > end - at || literals > limit - to) throw damaged('a block runs past its end');
    if (literals < 16) for (let i = 0; i < literals; i++) out[to + i] = block[at + i]!;
    else out.set(block.subarray(at, at + literals), to);
    at += literals;
    to += literals;
    if (at === end) return to; // the last sequence has literals only
    if (end - at < 2) break;
    const offset = block[at]! | (block[at + 1]! << 8);
    at += 2;
    let length = (token & 15) + 4;
    if ((token & 15) === 15) {
      let more: number;
      do {
        more = at < end ? block[at++]! : -1;
        length += more;
      } while (more === 255);
    }
    if (offset === 0 || offset > to || length > limit - to) throw damaged('a match reaches out of its block');
    if (offset >= length && length >= 32) out.copyWithin(to, to - offset, to - offset + length);
    else for (let i = 0; i < length; i++) out[to + i] = out[to + i - offset]!; // a match may overlap itself
    to += length;
  }
  throw damaged('a block ends in the middle of a match');
}

const uint32 = ({ window: { view, at } }: Feed): number => view.getUint32(at, true);

async function word(feed: Feed): Promise<number> {
  if (!(await feed.need(4))) throw cutShort();
  const value = uint32(feed);
  feed.window.at += 4;
  return value;
}

const cutShort = (): PackingError => new PackingError('the lz4 data is cut short');
const damaged = (what: string): PackingError => new PackingError(`the lz4 data is damaged (${what})`);
