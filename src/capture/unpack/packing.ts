/**
 * Which compression the bytes are in, by their first bytes and never by the file's name, and what unpacks it. A new one is one file
 * and one row here.
 *
 * Nothing is ever unpacked as a whole. An unpacker takes a slice, hands on what it held, and only then takes the next; so memory is
 * bounded by the format's own window (`memory`), whatever a file claims to unpack to.
 */

/**
 * A chunk, also one that is handed on, is good until the next is asked for. Returns how many octets of the input were in the format:
 * members (frames, streams) from the first to the last, and not what follows them.
 */
export type Unpack = (chunks: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array, number>;

export const PACKING_NAMES = ['gzip', 'zstd', 'lz4', 'xz', 'bzip2'] as const;
export type PackingName = (typeof PACKING_NAMES)[number];

export interface Packing {
  readonly name: PackingName;
  /** `head`: the first octets, at least 16 of them where the file has so many. */
  readonly begins: (head: Uint8Array) => boolean;
  /** What it unpacks by, for the documentation. */
  readonly by: string;
  /** The format's own name, what of it is read, and what is not, for the documentation. */
  readonly reads: string;
  /** What it holds of the data at most, for the documentation. */
  readonly memory: string;
  /** node's zlib has threads of its own; everything else is worth one of ours. */
  readonly threaded: boolean;
  readonly load: () => Promise<Unpack>;
}

/** The packed data end early or contradict themselves; `message` is the sentence for the user. What came before was handed on. */
export class PackingError extends Error {}

const beginsWith = (head: Uint8Array, ...octets: number[]): boolean => octets.every((octet, i) => head[i] === octet);

/** RFC 8878 §3.1.2, and the same in lz4's frame format. pzstd begins its files with such a frame, lz4 does not. */
const isSkippable = (head: Uint8Array): boolean => (head[0]! & 0xf0) === 0x50 && beginsWith(head.subarray(1), 0x2a, 0x4d, 0x18);

/** "BZh", the level, and the first block's mark (π) or, of nothing, the end's (√π). */
function isBzip2(head: Uint8Array): boolean {
  if (!beginsWith(head, 0x42, 0x5a, 0x68) || head[3]! < 0x31 || head[3]! > 0x39) return false;
  const rest = head.subarray(4);
  return beginsWith(rest, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59) || beginsWith(rest, 0x17, 0x72, 0x45, 0x38, 0x50, 0x90);
}

export const PACKINGS: readonly Packing[] = [
  {
    name: 'gzip',
    begins: (head) => beginsWith(head, 0x1f, 0x8b, 0x08), // RFC 1952 §2.3.1; 8: deflate
    by: '`node:zlib`',
    reads: 'RFC 1952; any number of members',
    memory: '32 KiB; 33 MiB of what a slice of 32 KiB may unpack to',
    threaded: false,
    load: async () => (await import('./gzip.ts')).gunzip,
  },
  {
    name: 'zstd',
    begins: (head) => beginsWith(head, 0x28, 0xb5, 0x2f, 0xfd) || isSkippable(head),
    by: 'npm `zstddec` (the reference decoder as WebAssembly)',
    reads: 'RFC 8878; any number of frames, skippable ones among them; no dictionaries',
    memory: '128 MiB, the largest window that the reference decoder takes unasked',
    threaded: true,
    load: async () => (await import('./zstd.ts')).unzstd,
  },
  {
    name: 'lz4',
    begins: (head) => beginsWith(head, 0x04, 0x22, 0x4d, 0x18),
    by: 'own code',
    reads: 'frame format 1.6; any number of frames, dependent blocks, checksums; no dictionaries',
    memory: '8 MiB: a block packed, and unpacked',
    threaded: true,
    load: async () => (await import('./lz4.ts')).unlz4,
  },
  {
    name: 'xz',
    begins: (head) => beginsWith(head, 0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00),
    by: 'npm `xz-decompress` (XZ Embedded as WebAssembly)',
    reads: 'version 1.2; any number of streams with padding between them; LZMA2 without other filters; no SHA-256',
    memory: '64 MiB, the dictionary of `xz -9`',
    threaded: true,
    load: async () => (await import('./xz.ts')).unxz,
  },
  {
    name: 'bzip2',
    begins: isBzip2,
    by: 'own code',
    reads: 'bzip2 0.9.5 and later; any number of streams; no randomised blocks, which older versions wrote',
    memory: '7 MiB: a block packed, and unpacked before runs',
    threaded: true,
    load: async () => (await import('./bzip2.ts')).bunzip2,
  },
];

export const packingOf = (head: Uint8Array): Packing | null => PACKINGS.find((packing) => packing.begins(head)) ?? null;
