/**
 * A second opinion on a capture file: the same bytes read by npm's pcap-parser, which shares no code with our reader, packet by packet.
 *
 * Only what that parser can read is compared: classic pcap in microseconds, its first 64 MiB, since it wants them as one
 * (given in pieces it copies everything it has with each piece). Link types and clocks are not compared: it does not look at them.
 */
import type { PcapInput } from 'pcap-parser';
import { UnknownFormatError } from '../model/errors.ts';
import { detectFormat } from './format.ts';
import { PcapReader } from './pcap.ts';
import { RawRecord } from './reader.ts';
import { openSource } from './source.ts';
import { packingOf, UnpackedChunks } from './unpack/index.ts';

export type CrossReadResult =
  /** `whole`: all there are; false: as many as fit into what is compared at most. */
  | { readonly verdict: 'agrees'; readonly packets: number; readonly whole: boolean }
  /** `packet` is 1-based. */
  | { readonly verdict: 'differs'; readonly packet: number; readonly what: string }
  | { readonly verdict: 'not-comparable'; readonly because: string };

/** Octets that are compared at most, from the first on; the parser takes about a second for so many. */
const MAX_SIZE = 64 * 1024 * 1024;

/** @throws UnreadableError, UnknownFormatError */
export async function crossRead(path: string): Promise<CrossReadResult> {
  if (path === '-') return notComparable('standard input can be read only once');
  const { bytes, whole } = await readFirst(path);
  return crossReadBytes(bytes, path, whole);
}

/** The same for bytes in memory. @param wholeFile false: it goes on behind them */
export async function crossReadBytes(file: Uint8Array, name: string, wholeFile = true): Promise<CrossReadResult> {
  const packing = packingOf(file);
  const unpacking = packing && new UnpackedChunks(packing, only(file), file.length);
  const unpacked = unpacking ? await firstOf(unpacking) : { bytes: file, whole: true };
  const { bytes } = unpacked;
  const whole = unpacked.whole && wholeFile;
  // Where the file itself was cut by us, its last block is, too.
  if (whole && unpacking && unpacking.damage !== null) return notComparable(unpacking.damage);
  const format = detectFormat(bytes, name);
  const ours = format.create();
  if (!(ours instanceof PcapReader)) return notComparable(`pcap-parser does not read ${format.name}`);
  ours.push(bytes);
  const record = new RawRecord();
  let more = ours.next(record);
  if (ours.format !== 'pcap') return notComparable(`pcap-parser does not read ${ours.format}`);

  const { default: pcapParser } = await import('pcap-parser'); // CommonJS: a bundle gives it no named exports
  return new Promise((resolve, reject) => {
    let packets = 0;
    let difference: string | null = null;
    const parser = pcapParser.parse(oneChunk(bytes));
    parser.on('packet', ({ header, data }) => {
      if (difference !== null) return;
      packets++;
      difference = more ? compare(record, header, data) : `pcap-parser sees packet ${packets}, tcpdiag ends before it`;
      if (difference === null) more = ours.next(record);
    });
    parser.on('error', (error) => reject(new UnknownFormatError(`pcap-parser cannot read it: ${error.message}`)));
    parser.on('end', () => {
      if (difference === null && more) {
        packets++;
        difference = `tcpdiag sees packet ${packets}, pcap-parser ends before it`;
      }
      resolve(difference === null ? { verdict: 'agrees', packets, whole } : { verdict: 'differs', packet: packets, what: difference });
    });
  });
}

/** The least that the parser asks of a stream: everything at once, when it says that it is ready. */
function oneChunk(bytes: Uint8Array): PcapInput {
  const listeners = new Map<string, (data: Buffer) => void>();
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    pause: () => undefined,
    on: (event, listener) => void listeners.set(event, listener),
    resume: () => {
      listeners.get('data')?.(data);
      listeners.get('end')?.(data);
    },
  };
}

const notComparable = (because: string): CrossReadResult => ({ verdict: 'not-comparable', because });

interface ParsedHeader {
  readonly timestampSeconds: number;
  readonly timestampMicroseconds: number;
  readonly capturedLength: number;
  readonly originalLength: number;
}

/** What differs first, as a sentence; null when nothing does. */
function compare(ours: RawRecord, theirs: ParsedHeader, data: Uint8Array): string | null {
  const micros = (seconds: number, fraction: number): number => seconds * 1_000_000 + fraction; // exact: below 2^53
  const ourTime = micros(ours.seconds, ours.nanos / 1_000);
  const theirTime = micros(theirs.timestampSeconds, theirs.timestampMicroseconds);
  if (ourTime !== theirTime) return `time: ${ourTime} µs for tcpdiag, ${theirTime} µs for pcap-parser`;
  if (ours.capLen !== theirs.capturedLength) return `captured length: ${ours.capLen} for tcpdiag, ${theirs.capturedLength} for pcap-parser`;
  // Where a header says that fewer bytes passed than were captured, we believe the captured ones.
  const original = Math.max(theirs.originalLength, theirs.capturedLength);
  if (ours.origLen !== original) return `original length: ${ours.origLen} for tcpdiag, ${original} for pcap-parser`;
  const unlike = data.findIndex((byte, i) => byte !== ours.bytes[ours.at + i]);
  return unlike < 0 ? null : `byte ${unlike} of the frame`;
}

async function readFirst(path: string): Promise<First> {
  const source = await openSource(path);
  try {
    return await firstOf(source.chunks);
  } finally {
    await source.close();
  }
}

interface First {
  readonly bytes: Uint8Array;
  /** false: there is more. */
  readonly whole: boolean;
}

/** Up to MAX_SIZE octets. */
async function firstOf(chunks: AsyncIterable<Uint8Array>): Promise<First> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    parts.push(new Uint8Array(chunk)); // buffers are used again
    size += chunk.length;
    if (size > MAX_SIZE) return { bytes: Buffer.concat(parts).subarray(0, MAX_SIZE), whole: false };
  }
  return { bytes: Buffer.concat(parts), whole: true };
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield await Promise.resolve(bytes);
}
