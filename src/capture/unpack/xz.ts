/** xz, by XZ Embedded in WebAssembly (npm `xz-decompress`), which also takes streams that follow each other. */
import { PackingError } from './packing.ts';
import { Passage, type Streams } from './passage.ts';

/** Octets of a stream's header and of its first block's, at most. */
const HEADERS = 12 + 1024;

const MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] as const;
const STREAM_HEADER = 12; // octets
const PADDING = [0, 0, 0, 0] as const; // between streams, and behind the last
/** Octets of a block's check, by its number. */
const CHECK_SIZES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64] as const;
const INDEX_CHECKSUM = 4; // octets
const FOOTER = 12; // octets
/** The first octet of a chunk: up to STORED its data are as they were, from LZMA on packed, from PROPERTIES on behind an octet of those. */
const STORED = 2;
const LZMA = 0x80;
const PROPERTIES = 0xc0;

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

export async function* unxz(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, number> {
  const { default: xz } = await import('xz-decompress'); // CommonJS: a bundle gives it no named exports
  // Otherwise the second of two files that are read side by side waits for the first to end, for ever.
  xz.XzReadableStream._contextMutex = { acquire: () => Promise.resolve(), release: () => undefined };
  let failed: { readonly error: unknown } | null = null;
  const input = streams(new Passage(chunks));
  let octets = 0;
  let head: Uint8Array | null = null;
  const packed = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const slice = await input.next();
          if (slice.done === true) {
            octets = slice.value;
            controller.close();
          } else {
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
      if (piece.done) return octets;
      if (piece.value.length > 0) yield piece.value;
    }
  } catch (error) {
    if (failed !== null) throw (failed as { readonly error: unknown }).error; // the source's, not the data's
    throw new PackingError(sentence(error, head ?? new Uint8Array(0)), { cause: error });
  } finally {
    await unpacked.cancel().catch(() => undefined); // frees the package's one context
  }
}

/** §2 to §4 of the format. */
async function* streams(packed: Passage): Streams {
  while ((yield* packed.ready(STREAM_HEADER)) && packed.isNext(MAGIC)) {
    packed.pass(MAGIC.length + 1);
    const check = CHECK_SIZES[packed.octet() & 0xf]!;
    packed.pass(STREAM_HEADER - MAGIC.length - 2);
    for (;;) {
      if (!(yield* packed.ready(1))) return yield* packed.rest();
      const size = packed.octet(); // of the block's header, in words, without the first; 0: this is the index
      if (size === 0) break;
      packed.pass(4 * size + 3);
      const length = yield* chunksOf(packed);
      if (length === null) return yield* packed.rest();
      packed.pass((-length & 3) + check);
    }
    const length = yield* numbersOf(packed);
    if (length === null) return yield* packed.rest();
    packed.pass((-length & 3) + INDEX_CHECKSUM + FOOTER);
    while ((yield* packed.ready(PADDING.length)) && packed.isNext(PADDING)) packed.pass(PADDING.length);
  }
  return yield* packed.end();
}

/** A block's data; returns their length, null where they make no sense. Only XZ Embedded's xz_dec_lzma2.c specifies LZMA2's chunks. */
async function* chunksOf(packed: Passage): AsyncGenerator<Uint8Array, number | null> {
  for (let length = 1; ;) {
    if (!(yield* packed.ready(1))) return null;
    const control = packed.octet();
    if (control === 0) return length;
    if ((control > STORED && control < LZMA) || !(yield* packed.ready(4))) return null;
    if (control >= LZMA) packed.pass(2); // what it unpacks to
    const data = (control >= PROPERTIES ? 2 : 1) + packed.octet() * 0x100 + packed.octet();
    packed.pass(data);
    length += (control >= LZMA ? 5 : 3) + data;
  }
}

/** The index up to its padding: how many records follow, and two numbers for each. Returns its length with the octet before, null where it is cut. */
async function* numbersOf(packed: Passage): AsyncGenerator<Uint8Array, number | null> {
  let length = 1;
  for (let left = 1, records = true; left > 0; left--) {
    let value = 0;
    for (let unit = 1, more = true; more; unit *= 0x80, length++) {
      if (!(yield* packed.ready(1))) return null;
      const octet = packed.octet();
      value += (octet & 0x7f) * unit;
      more = octet >= 0x80;
    }
    if (records) left += 2 * value;
    records = false;
  }
  return length;
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
