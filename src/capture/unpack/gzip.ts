/**
 * gzip, streaming, several members in a row. Each member's deflated data go to an engine of their own, because zlib's for the whole
 * format takes what follows the last member for damage, and throws away what the same slice held before it.
 *
 * Fed in small slices, each awaited: so at most two slices' worth of output is in memory whatever the file claims to unpack to
 * (deflate reaches 1032:1), and when the data turns bad, what the slices before it held has already been handed on.
 * zlib works on its own thread; the next slice is under way while the consumer works on the last.
 */
import { crc32, createInflateRaw, type InflateRaw, inflateRawSync } from 'node:zlib';
import { Feed } from './feed.ts';
import { PackingError } from './packing.ts';

/** Octets. At 1032:1 this is 33 MiB of output. */
const MAX_SLICE = 32 * 1024;
/** When zlib finds damage, what the same slice held before it is lost: so no slice is more than an eighth of what came before it. */
const MIN_SLICE = 512;
const sliceAfter = (octets: number): number => Math.min(MAX_SLICE, Math.max(MIN_SLICE, Math.floor(octets / 8)));

/** Octets. node's default of 16 KiB makes inflating 2.5 times slower (measured on Node 20). */
const OUTPUT_CHUNK = 1024 * 1024;

/** Octets, packed or not. To begin with a member takes a tenth of a millisecond, in which as much is unpacked; bgzip's are that short. */
const SHORT = 64 * 1024;

/** RFC 1952 §2.3: what a member's header has behind its first ten octets, and the checksum and length at its end. */
const Flag = { CHECKSUM: 0x02, EXTRA: 0x04, NAME: 0x08, COMMENT: 0x10, RESERVED: 0xe0 } as const;
const DEFLATE = 8;
const HEADER = 10; // octets
const TRAILER = 8; // octets

export async function* gunzip(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, number> {
  const feed = new Feed(chunks);
  for (let last = Infinity; await isMember(feed);) {
    await passHeader(feed);
    const short = last <= SHORT ? shortMember(feed) : null;
    if (short !== null && short.length > 0) yield short;
    const sum = short === null ? yield* longMember(feed) : { checksum: crc32(short), length: short.length };
    await passTrailer(feed, sum);
    last = sum.length;
  }
  return feed.window.offset;
}

const isMember = async (feed: Feed): Promise<boolean> =>
  (await feed.need(2)) && feed.window.bytes[feed.window.at] === 0x1f && feed.window.bytes[feed.window.at + 1] === 0x8b;

async function passHeader(feed: Feed): Promise<void> {
  if (!(await feed.need(HEADER))) throw cutShort();
  const { bytes, at } = feed.window;
  const flags = bytes[at + 3]!;
  if (bytes[at + 2] !== DEFLATE || (flags & Flag.RESERVED) !== 0) throw damaged('its header is of no known version');
  feed.window.at += HEADER;
  if ((flags & Flag.EXTRA) !== 0) {
    if (!(await feed.need(2))) throw cutShort();
    const length = feed.window.view.getUint16(feed.window.at, true);
    if (!(await feed.skip(2 + length))) throw cutShort();
  }
  for (const text of [Flag.NAME, Flag.COMMENT]) {
    if ((flags & text) === 0) continue;
    do if (!(await feed.need(1))) throw cutShort();
    while (feed.window.bytes[feed.window.at++] !== 0);
  }
  if ((flags & Flag.CHECKSUM) !== 0 && !(await feed.skip(2))) throw cutShort();
}

interface Sum {
  readonly checksum: number;
  readonly length: number;
}

async function passTrailer(feed: Feed, { checksum, length }: Sum): Promise<void> {
  if (!(await feed.need(TRAILER))) throw cutShort();
  const { view, at } = feed.window;
  if (view.getUint32(at, true) !== checksum) throw damaged('its checksum is wrong');
  if (view.getUint32(at + 4, true) !== length % 2 ** 32) throw damaged('its length is wrong');
  feed.window.at += TRAILER;
}

/** The data of a member that is all here; null where more of it has to come, it is long, or damaged. */
function shortMember({ window }: Feed): Uint8Array | null {
  try {
    const packed = window.bytes.subarray(window.at, Math.min(window.end, window.at + SHORT));
    const { buffer, engine } = inflateRawSync(packed, { info: true, maxOutputLength: SHORT }) as unknown as Unpacked;
    window.at += engine.bytesWritten;
    return buffer;
  } catch {
    return null;
  }
}

/** What `info` makes of zlib's results (https://nodejs.org/docs/latest-v20.x/api/zlib.html#class-options); its types do not say so. */
interface Unpacked {
  readonly buffer: Uint8Array;
  readonly engine: InflateRaw;
}

async function* longMember(feed: Feed): AsyncGenerator<Uint8Array, Sum> {
  const engine = new Engine();
  const { window } = feed;
  let checksum = 0;
  let length = 0;
  function* unpacked(): Generator<Uint8Array, void> {
    for (const piece of engine.take()) {
      checksum = crc32(piece, checksum);
      length += piece.length;
      yield piece;
    }
  }
  try {
    while (!engine.over) {
      if (!(await feed.need(1))) {
        yield* unpacked();
        throw cutShort();
      }
      const slice = window.bytes.subarray(window.at, Math.min(window.end, window.at + sliceAfter(window.offset)));
      const written = engine.write(slice);
      yield* unpacked();
      window.at += await written;
    }
    yield* unpacked();
    if (engine.error !== null) throw damaged(engine.error.message);
  } finally {
    engine.close();
  }
  return { checksum, length };
}

/** An inflate whose every step has an end: written, failed, or finished because the deflated data are at theirs. */
class Engine {
  error: Error | null = null;
  over = false;
  readonly #inflate: InflateRaw = createInflateRaw({ chunkSize: OUTPUT_CHUNK });
  #ready: Uint8Array[] = [];
  #wake: () => void = () => undefined;

  constructor() {
    this.#inflate.on('data', (bytes: Uint8Array) => void this.#ready.push(bytes));
    this.#inflate.once('error', (error) => {
      this.error = error;
      this.#finish();
    });
    this.#inflate.once('end', () => this.#finish());
  }

  /** What was unpacked since the last time. */
  take(): Uint8Array[] {
    const taken = this.#ready;
    this.#ready = [];
    return taken;
  }

  /** Returns how many of the octets were taken: all, but for where the data end. */
  async write(bytes: Uint8Array): Promise<number> {
    const before = this.#inflate.bytesWritten;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#inflate.write(bytes, () => resolve());
    });
    return this.#inflate.bytesWritten - before;
  }

  close(): void {
    this.#inflate.destroy();
  }

  #finish(): void {
    this.over = true;
    this.#wake();
  }
}

const cutShort = (): PackingError => new PackingError('the gzip data is cut short');
const damaged = (what: string): PackingError => new PackingError(`the gzip data is damaged (${what})`);
