/** xz, by XZ Embedded in WebAssembly (npm `xz-decompress`), which also takes streams that follow each other. */
import { slices } from './feed.ts';
import { PackingError } from './packing.ts';

/** Octets; the package's own buffer is of this size. */
const SLICE = 64 * 1024;

/** xz.h of XZ Embedded. */
const Code = { MEMORY: '3', MEMORY_LIMIT: '4', OPTIONS: '6', NO_PROGRESS: '8' } as const;

export async function* unxz(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const { default: xz } = await import('xz-decompress'); // CommonJS: a bundle gives it no named exports
  // Otherwise the second of two files that are read side by side waits for the first to end, for ever.
  xz.XzReadableStream._contextMutex = { acquire: () => Promise.resolve(), release: () => undefined };
  let failed: { readonly error: unknown } | null = null;
  const input = slices(chunks, SLICE);
  const packed = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const slice = await input.next();
          if (slice.done === true) controller.close();
          else controller.enqueue(slice.value);
        } catch (error) {
          failed = { error };
          throw error;
        }
      },
    },
    { highWaterMark: 0 }, // a slice is good until the next is asked for
  );
  const unpacked = new xz.XzReadableStream(packed).getReader();
  try {
    for (;;) {
      const piece = await unpacked.read();
      if (piece.done) return;
      if (piece.value.length > 0) yield piece.value;
    }
  } catch (error) {
    if (failed !== null) throw (failed as { readonly error: unknown }).error; // the source's, not the data's
    throw new PackingError(sentence(error), { cause: error });
  } finally {
    await unpacked.cancel().catch(() => undefined); // frees the package's one context
  }
}

function sentence(error: unknown): string {
  switch (/code (\d+)$/.exec(error instanceof Error ? error.message : '')?.[1]) {
    case Code.MEMORY:
    case Code.MEMORY_LIMIT:
      return 'the xz data wants more than 64 MiB of memory';
    case Code.OPTIONS:
      return 'the xz data uses a filter other than LZMA2, or SHA-256';
    case Code.NO_PROGRESS:
      return 'the xz data is cut short';
    default:
      return 'the xz data is damaged';
  }
}
