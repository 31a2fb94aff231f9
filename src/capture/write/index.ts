/**
 * Records out: a capture file, made piece by piece. The times, lengths and octets of a record are written as they were read.
 * What a reader does not hand over (options of its blocks, other people's comments, secrets) is not in the file.
 */
import type { CaptureInterface, RawRecord } from '../reader.ts';
import { PcapWriter } from './pcap.ts';
import { PcapngWriter } from './pcapng.ts';

export const CAPTURE_FORMATS = ['pcap', 'pcapng'] as const;
export type CaptureFormat = (typeof CAPTURE_FORMATS)[number];

/** What an input says of itself that its packets do not. */
export interface WrittenInput {
  /** As its reader calls it. */
  readonly format: string;
  readonly interfaces: readonly CaptureInterface[];
  /** Packets that its capturing program lost. */
  readonly reportedDrops: number;
}

export interface CaptureWriter {
  /** A record of input number `file`. @param comment for whoever opens the file; only pcapng holds one. @throws TcpdiagError what the format cannot hold */
  packet(record: RawRecord, file: number, comment: string | null): void;
  /** Nothing more comes. @param end when the capture had ended; only pcapng holds it. */
  end(end: EpochTime): void;
  /** What there is to write since the last time; empty when nothing is. */
  take(): Uint8Array;
}

export interface EpochTime {
  readonly seconds: number;
  readonly nanos: number;
}

/** @param comment what the file is, for whoever opens it; only pcapng holds one. */
export function captureWriter(format: CaptureFormat, inputs: readonly WrittenInput[], program: string, comment: string): CaptureWriter {
  return format === 'pcap' ? new PcapWriter(inputs) : new PcapngWriter(inputs, program, comment);
}
