/**
 * Which container the bytes are in, by their first bytes and never by the file's name; and for everything else one sentence that helps.
 * A new container is one row of FORMATS. What has a magic number is known by it; only what has none is asked for its records.
 */
import { UnknownFormatError } from '../model/errors.ts';
import { sanitise, shellWord } from '../model/sanitise.ts';
import { ErfReader, isErf, octetsToTellErf } from './erf.ts';
import { PcapReader, refusePcap } from './pcap.ts';
import { PcapngReader, refusePcapng } from './pcapng.ts';
import type { CaptureReader } from './reader.ts';
import { refuseSnoop, SnoopReader } from './snoop.ts';
import { type PackingName, packingOf } from './unpack/index.ts';

export interface CaptureFormat {
  readonly name: string;
  /** What of it is read, for the documentation. */
  readonly reads: string;
  /** The first octets, as hex; none where `records` tells. */
  readonly magics: readonly string[];
  readonly records?: {
    /** Octets it takes to tell, at least; 0 when `head` is already known not to be of this format. */
    readonly octetsToTell: (head: Uint8Array) => number;
    /** `head`: as many octets, or the whole file. */
    readonly match: (head: Uint8Array) => boolean;
  };
  readonly create: () => CaptureReader;
  /** Why this file of the format cannot be read after all; null when it can. */
  readonly refuse: (head: Uint8Array) => string | null;
}

export const FORMATS: readonly CaptureFormat[] = [
  {
    name: 'pcap',
    reads:
      'both byte orders; microseconds, nanoseconds; versions 2.0 to 2.4, the lengths as each has them; Kuznetsov’s “modified” records; IXIA’s, AIX’s and DG/UX’s; files that were joined',
    magics: ['a1b2c3d4', 'd4c3b2a1', 'a1b23c4d', '4d3cb2a1', 'a1b2cd34', '34cdb2a1', '1c0001ab', 'ab01001c', '1c0001ac', 'ac01001c'],
    create: () => new PcapReader(),
    refuse: refusePcap,
  },
  {
    name: 'pcapng',
    reads:
      'sections in either byte order; any number of interfaces, each with its link type and clock; enhanced, simple and obsolete packet blocks; drops, directions, names, the end of the capture',
    magics: ['0a0d0d0a'],
    create: () => new PcapngReader(),
    refuse: refusePcapng,
  },
  {
    name: 'snoop',
    reads: 'version 2 (RFC 1761) with Ethernet, token ring, FDDI, Fibre Channel, ATM, ipnet; others are counted; drops',
    magics: ['736e6f6f70000000'],
    create: () => new SnoopReader(),
    refuse: refuseSnoop,
  },
  {
    name: 'ERF',
    reads: 'Ethernet, HDLC and IP records with their extension headers; others are counted; losses',
    magics: [],
    records: { octetsToTell: octetsToTellErf, match: isErf },
    create: () => new ErfReader(),
    refuse: () => null,
  },
];

/** Octets that decide: the longest header that a row's `refuse` looks at. */
export const HEAD_LENGTH = 28;
/** Octets looked at to tell text from binary. */
const TEXT_LENGTH = 512;

const SUPPORTED = 'tcpdiag reads pcap, pcapng, snoop and ERF, also compressed with gzip, zstd, lz4, xz or bzip2';

/** Not captures until somebody else unpacks them: magic, name, and what unpacks a file to standard output. */
export const PACKED: readonly (readonly [magic: string, name: string, unpack: string])[] = [
  ['504b0304', 'zip', 'unzip -p'],
  ['377abcaf271c', '7-Zip', '7z x -so'],
  ['1f9d', 'compress', 'uncompress -c'],
  ['02214c18', "lz4's old format", 'lz4 -dc'],
];

/** Captures that other tools can convert. Magic numbers: Wireshark wiretap/{netmon,peektagged,ngsniffer,5views}.c. */
export const FOREIGN: readonly (readonly [magic: string, name: string])[] = [
  ['474d4255', 'Microsoft Network Monitor'],
  ['52545353', 'Microsoft Network Monitor 1'],
  ['7f766572', 'EtherPeek'],
  ['54524e49464620646174612020202020', 'Sniffer'],
  ['aaaaaaaa', '5Views'],
];

/** What tcpdump prints: a line that starts with a time and what was seen, its spelling of TCP flags, or its own messages. */
const TCPDUMP_TEXT =
  /^(?:\s*\d+\s+)?(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d{6,9} (?:IP6? |ARP|[0-9a-f]{2}:|\S+ +(?:In|Out|B|M|P) )|Flags \[[^\]]*\], |^(?:reading from file|tcpdump: )/m;

/** Octets from the start that `detectFormat` must see; more than `head` has: read on and ask again. */
export function octetsToTell(head: Uint8Array): number {
  if (head.length < HEAD_LENGTH || packingOf(head) || hasName(head)) return HEAD_LENGTH;
  return Math.max(HEAD_LENGTH, ...FORMATS.map((f) => f.records?.octetsToTell(head) ?? 0));
}

/**
 * @param head as many octets as `octetsToTell` wants, or all there are
 * @param path how the user called the file
 * @param packed what the file is compressed with; `head` is what that unpacked to
 * @throws UnknownFormatError
 */
export function detectFormat(head: Uint8Array, path: string, packed?: PackingName): CaptureFormat {
  const file = path === '-' ? 'standard input' : sanitise(path);
  const name = packed === undefined ? file : `what ${file} unpacks to with ${packed}`;
  const start = startOf(head);
  const format = byMagic(start) ?? (hasName(head) ? undefined : FORMATS.find((f) => f.records?.match(head)));
  if (!format) throw unknown(head, start, name, packed === undefined ? shellWord(path) : 'FILE');
  const refused = format.refuse(head);
  if (refused !== null) throw new UnknownFormatError(`${name}: ${refused}`);
  return format;
}

const startOf = (head: Uint8Array): string => hex(head.subarray(0, 16));
const byMagic = (start: string): CaptureFormat | undefined => FORMATS.find((f) => f.magics.some((magic) => start.startsWith(magic)));

/** Nothing without a magic number is looked for in what has another's, and in text. */
function hasName(head: Uint8Array): boolean {
  const start = startOf(head);
  return (
    byMagic(start) !== undefined ||
    [...PACKED, ...FOREIGN].some(([magic]) => start.startsWith(magic)) ||
    textOf(head.subarray(0, TEXT_LENGTH)) !== null
  );
}

/** @param word the file in a command */
function unknown(head: Uint8Array, start: string, name: string, word: string): UnknownFormatError {
  if (head.length === 0)
    return new UnknownFormatError(`${name} is empty`, {
      hint: 'Not even a file header was written: did the capture start, and may it write there?',
    });
  const twice = packingOf(head);
  if (twice) {
    return new UnknownFormatError(`${name} is compressed again, with ${twice.name}`, {
      hint: 'Unpack one of the two on the way in: … | tcpdiag -',
    });
  }
  const packed = PACKED.find(([magic]) => start.startsWith(magic));
  if (packed) {
    const [, kind, unpack] = packed;
    return new UnknownFormatError(`${name} is compressed with ${kind}, which tcpdiag does not unpack`, {
      hint: `Unpack it on the way in: ${unpack} ${word} | tcpdiag -`,
    });
  }
  const foreign = FOREIGN.find(([magic]) => start.startsWith(magic));
  if (foreign) {
    return new UnknownFormatError(`${name} is a ${foreign[1]} capture, which tcpdiag does not read`, {
      hint: `Convert it with Wireshark's editcap: editcap -F pcapng ${word} out.pcapng`,
    });
  }
  const text = textOf(head.subarray(0, TEXT_LENGTH));
  if (text !== null && TCPDUMP_TEXT.test(text)) {
    return new UnknownFormatError(`${name} looks like the text that tcpdump prints, which leaves out most of each packet`, {
      hint: 'Let tcpdump write the packets themselves: tcpdump -w FILE',
    });
  }
  if (text !== null) {
    const first = sanitise(text.trim().split(/[\r\n]/, 1)[0] ?? '', 60);
    return new UnknownFormatError(`${name} is text, not a packet capture (it begins "${first}")`, { hint: `${SUPPORTED}.` });
  }
  if (head.length < 4)
    return new UnknownFormatError(`${name} is too short to be a capture: ${head.length} bytes`, { hint: `${SUPPORTED}.` });
  const shown = hex(head.subarray(0, 4)).replace(/(..)(?=.)/g, '$1 ');
  return new UnknownFormatError(`${name} is not a capture in a known format: it begins with ${shown}`, { hint: `${SUPPORTED}.` });
}

/** The bytes as text when every one of them could be. */
function textOf(bytes: Uint8Array): string | null {
  for (const byte of bytes) {
    if ((byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) || byte === 0x7f) return null;
  }
  const text = new TextDecoder().decode(bytes);
  // A replacement character away from the cut at the end: not UTF-8, hence not text as anyone writes it today.
  return text.slice(0, -1).includes('\ufffd') ? null : text;
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
