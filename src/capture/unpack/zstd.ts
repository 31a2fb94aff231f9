/**
 * zstd, by the reference decoder in WebAssembly (npm `zstddec`): the same on every version of Node, of which only the newest have
 * their own, and as fast (550 MB/s of headers, measured).
 *
 * That package pulls its input synchronously, at most one slice before each piece of output; so a slice is fetched before each
 * step. It does not tell errors: on one it returns nothing, again and again, without taking input, and that is how it is noticed.
 */
import { ZSTDDecoder } from 'zstddec/stream';
import { slices } from './feed.ts';
import { PackingError } from './packing.ts';

/** Octets. */
const SLICE = 64 * 1024;
/** Steps without output that one slice can take when nothing is wrong: empty frames are at least eight octets long. */
const MAX_IDLE = SLICE / 8;

export async function* unzstd(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const decoder = new ZSTDDecoder();
  await decoder.init();
  const input = slices(chunks, SLICE);
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
      if (slice.done === true) ended = true;
      else next = slice.value;
    }
    const piece = step(pieces, ended);
    if (piece === null) return;
    if (piece.length > 0) yield piece;
    else if (++idle > MAX_IDLE) throw new PackingError('the zstd data is damaged, or wants more than 128 MiB of memory');
  }
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
