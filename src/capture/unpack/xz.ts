/** xz, by XZ Embedded in WebAssembly (npm `xz-decompress`), which also takes streams that follow each other. */
import { slices } from './feed.ts';
import { PackingError } from './packing.ts';

/** Octets; the package's own buffer is of this size. */
const SLICE = 64 * 1024;

/** Octets of a stream's header and of its first block's, at most. */
const HEADERS = 12 + 1024;

/** The .xz file format 1.2, §2.1.1.2 and §5.3: checks and filters that XZ Embedded was built without. */
const CHECK_SHA256 = 10;
const LZMA2 = 0x21;
const FILTERS: Readonly<Record<number, string>> = {
  3: 'delta',
  4: 'x86',
  5: 'PowerPC',
  6: 'IA-64',
  7: 'ARM',
  8: 'ARM Thumb',
  9: 'SPARC',
  10: 'ARM64',
  11: 'RISC-V',
};

/** xz.h of XZ Embedded. */
const Code = { MEMORY: '3', MEMORY_LIMIT: '4', OPTIONS: '6', NO_PROGRESS: '8' } as const;

export async function* unxz(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const { default: xz } = await import('xz-decompress'); // CommonJS: a bundle gives it no named exports
  // Otherwise the second of two files that are read side by side waits for the first to end, for ever.
  xz.XzReadableStream._contextMutex = { acquire: () => Promise.resolve(), release: () => undefined };
  let failed: { readonly error: unknown } | null = null;
  const input = slices(chunks, SLICE);
  let head: Uint8Array | null = null;
  const packed = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const slice = await input.next();
          if (slice.done === true) controller.close();
          else {
            head ??= slice.value.slice(0, HEADERS);
            controller.enqueue(slice.value);
          }
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
    throw new PackingError(sentence(error, head ?? new Uint8Array(0)), { cause: error });
  } finally {
    await unpacked.cancel().catch(() => undefined); // frees the package's one context
  }
}

/** @param head the first octets of the file */
function sentence(error: unknown, head: Uint8Array): string {
  switch (/code (\d+)$/.exec(error instanceof Error ? error.message : '')?.[1]) {
    case Code.MEMORY:
    case Code.MEMORY_LIMIT:
      return 'the xz data wants more than 64 MiB of memory';
    case Code.OPTIONS:
      return `the xz data ${beyondUs(head)}, which tcpdiag does not read; xz -dc FILE | tcpdiag - does`;
    case Code.NO_PROGRESS:
      return 'the xz data is cut short';
    default:
      return 'the xz data is damaged';
  }
}

/** What the first stream has that XZ Embedded has not. */
function beyondUs(head: Uint8Array): string {
  if (head[7] === CHECK_SHA256) return 'is checked by SHA-256';
  // The first block's flags: how many filters, and which lengths stand before them as numbers of up to nine octets.
  const flags = head[13] ?? 0;
  let at = 14;
  for (const given of [flags & 0x40, flags & 0x80]) {
    if (given === 0) continue;
    while ((head[at] ?? 0) >= 0x80) at++;
    at++;
  }
  const filter = head[at] ?? LZMA2;
  // What begins without a filter has one in a stream or block further on.
  return filter === LZMA2 ? 'goes on with a filter or with SHA-256' : `uses the ${FILTERS[filter] ?? 'unknown'} filter`;
}
