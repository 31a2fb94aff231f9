/**
 * zstd, by the reference decoder in WebAssembly (npm `zstddec`): the same on every version of Node, of which only the newest have
 * their own, and as fast (550 MB/s of headers, measured).
 *
 * That package pulls its input synchronously, at most one slice before each piece of output; so a slice is fetched before each
 * step. It does not tell errors: on one it returns nothing, again and again, without taking input, and that is how it is noticed.
 */
import { ZSTDDecoder } from 'zstddec/stream';
import { PackingError } from './packing.ts';
import { Passage, SLICE, type Streams } from './passage.ts';

/** Steps without output that one slice can take when nothing is wrong: empty frames are at least eight octets long. */
const MAX_IDLE = SLICE / 8;

/** RFC 8878 §3.1.1.1.1: octets of a frame's header, by fields of the first behind the magic number. */
const DICTIONARY_SIZES = [0, 1, 2, 4] as const;
const CONTENT_SIZES = [0, 2, 4, 8] as const;
const MAGIC = [0x28, 0xb5, 0x2f, 0xfd] as const;
/** §3.1.2: sixteen of them. */
const SKIPPABLE = [0x50, 0x2a, 0x4d, 0x18] as const;
const SKIPPABLE_MASK = [0xf0] as const;
const FRAME = 5; // octets, of its magic number and the next, at least
const Flag = { SINGLE_SEGMENT: 0x20, CHECKSUM: 0x04 } as const;
/** §3.1.1.2.2: types of blocks. */
const Block = { RLE: 1, RESERVED: 3 } as const;
const BLOCK_HEADER = 3; // octets
const LAST_BLOCK = 1;

export async function* unzstd(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, number> {
  const decoder = new ZSTDDecoder();
  await decoder.init();
  const input = frames(new Passage(chunks));
  let octets = 0;
  let next: Uint8Array | null = null;
  let ended = false;
  let idle = 0;
  function* taken(): Generator<Uint8Array, void> {
    while (next !== null) {
      const slice = next;
      next = null;
      idle = 0;
      yield slice;
    }
  }
  const pieces = decoder.decodeStreaming(taken());
  for (;;) {
    if (next === null && !ended) {
      const slice = await input.next();
      if (slice.done === true) {
        ended = true;
        octets = slice.value;
      } else next = slice.value;
    }
    const piece = step(pieces, ended);
    if (piece === null) return octets;
    if (piece.length > 0) yield piece;
    else if (++idle > MAX_IDLE) throw new PackingError('the zstd data is damaged, or wants more than 128 MiB of memory');
  }
}

/** RFC 8878 §3.1. */
async function* frames(packed: Passage): Streams {
  while (yield* packed.ready(FRAME)) {
    if (packed.isNext(SKIPPABLE, SKIPPABLE_MASK)) {
      packed.pass(SKIPPABLE.length);
      if (!(yield* packed.ready(4))) return yield* packed.rest();
      packed.pass(packed.number(4));
      continue;
    }
    if (!packed.isNext(MAGIC)) break;
    packed.pass(MAGIC.length);
    const flags = packed.octet();
    const single = (flags & Flag.SINGLE_SEGMENT) === 0 ? 0 : 1; // then no window's size, but the content's whatever its field says
    packed.pass(1 - single + DICTIONARY_SIZES[flags & 3]! + Math.max(single, CONTENT_SIZES[flags >>> 6]!));
    for (let last = false; !last;) {
      if (!(yield* packed.ready(BLOCK_HEADER))) return yield* packed.rest();
      const header = packed.number(BLOCK_HEADER);
      const type = (header >>> 1) & 3;
      if (type === Block.RESERVED) return yield* packed.rest();
      packed.pass(type === Block.RLE ? 1 : header >>> 3);
      last = (header & LAST_BLOCK) !== 0;
    }
    if ((flags & Flag.CHECKSUM) !== 0) packed.pass(4);
  }
  return yield* packed.end();
}

/** null: the end. */
function step(pieces: Generator<Uint8Array>, ended: boolean): Uint8Array | null {
  try {
    const piece = pieces.next();
    return piece.done === true ? null : piece.value;
  } catch (error) {
    // At the end it throws that more should come; anything else is the decoder's own failure.
    throw new PackingError(ended ? 'the zstd data is cut short' : 'the zstd data is damaged', { cause: error });
  }
}
