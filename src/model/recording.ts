/**
 * What the records themselves say about how the capture was made: how the files end, what was cut from the frames, whether
 * checksums are right, and whether the clock ran evenly. Rules about the capture ask it; see `CaptureQuality.recording`.
 */
import type { ConnId, FrameNo, Nanos } from './units.ts';

export interface Recording {
  /** Files that break off; empty while they are still being read. */
  readonly damagedFiles: readonly DamagedFile[];
  readonly cuts: Cuts;
  readonly checksums: ChecksumFacts;
  readonly clock: ClockFacts;
}

/** A file that could not be read to its end. */
export interface DamagedFile {
  /** As the user named it, sanitised. */
  readonly path: string;
  /** What was met there, one clause. */
  readonly what: string;
  /** Octets from the beginning of the (unpacked) file, and packets that were read before. */
  readonly fileOffset: number;
  readonly packetsBefore: number;
}

/** What the snap length took. Segments with a whole fixed TCP header are a sample: the first ones, then one in 64. */
export interface Cuts {
  /** Frames of which the captured part ends before the fixed TCP (UDP, ICMP, IP) header does; all of them, no sample. */
  readonly headers: number;
  /** Segments looked at; of these, those cut in the TCP options, and those cut in the payload. */
  readonly looked: number;
  readonly options: number;
  readonly payload: number;
  /** Most octets captured of a frame that was cut in a header or in the options; 0 where none was. */
  readonly octets: number;
  /** Connections of segments cut in the options, ascending; a thousand at most. */
  readonly ids: readonly ConnId[];
}

/** What became of a segment whose checksum is wrong in the capture. */
export type Fate =
  /** Its octets were acknowledged: what the receiver got was right. */
  | 'taken'
  /** Its sender sent the octets again, and they had not been acknowledged before: the receiver dropped it. */
  | 'repeated'
  /** It carries nothing that is acknowledged, or neither followed. */
  | 'unknown';

export interface BadSegment {
  readonly connection: ConnId;
  readonly frame: FrameNo;
  readonly time: Nanos;
  readonly fate: Fate;
  /** It is the IPv4 header whose sum is wrong. */
  readonly ipHeader: boolean;
}

/** Checksums of one address's segments, from the first wrong one on. */
export interface BadSender {
  readonly ip: string;
  readonly bad: number;
  readonly good: number;
}

/** TCP and IPv4 header checksums of sampled segments that were captured whole. */
export interface ChecksumFacts {
  /** Verified; and sampled but cut, so that nothing can be verified. */
  readonly verified: number;
  readonly cut: number;
  /** Of those verified, with payload. */
  readonly verifiedPayload: number;
  /** Hold the sum of the pseudo-header alone: left to a network card that was yet to fill them in, or by receive offload. */
  readonly partial: number;
  /** Hold 0 where that is wrong: nobody filled them in, in the segment and in the IPv4 header. */
  readonly empty: number;
  readonly emptyIp: number;
  /** Wrong, TCP's or the IPv4 header's. */
  readonly bad: number;
  /** Of these, the IPv4 header's. */
  readonly badIp: number;
  /** By what became of them; `bad` is their sum. */
  readonly taken: number;
  readonly repeated: number;
  readonly unknown: number;
  /** The first of them. Bounded. */
  readonly segments: readonly BadSegment[];
  /** Most wrong ones first. Bounded. */
  readonly senders: readonly BadSender[];
}

/** One place where the time of the records does not go on as it should. */
export interface ClockStep {
  /** The first frame behind it, and its time. */
  readonly frame: FrameNo;
  readonly time: Nanos;
  /** Time of the frame before. */
  readonly before: Nanos;
  /**
   * set: TCP timestamps of connections that go on across it say that another time passed, so the clock was changed ·
   * unsorted: they went back as well, so the records are not in the order of capture · unknown: no connection with
   * timestamps goes on across it.
   */
  readonly kind: 'set' | 'unsorted' | 'unknown';
  /** By how much the clock was set on (negative: back), seconds; for the other kinds, by how much time falls back. */
  readonly seconds: number;
  /** Ends of connections whose timestamps say so. */
  readonly witnesses: number;
  /** A connection that goes on across it; null without one. */
  readonly connection: ConnId | null;
}

export interface ClockFacts {
  /** Records with a time before that of the record before them, and by how much at most, seconds. */
  readonly reversals: number;
  readonly largestReversalSeconds: number;
  /** Reversals of at least 0.1 s and changes of the clock that TCP timestamps prove, in the order of the frames. Bounded. */
  readonly steps: readonly ClockStep[];
}

/** Connections of which one end's segments are larger than the other end takes: they were joined or not yet cut by offload. */
export interface Oversized {
  /** Who sent them. */
  readonly ip: string;
  /** Octets of payload in the largest one, and the smallest MSS that its receivers announced. */
  readonly largest: number;
  readonly mss: number;
  readonly count: number;
  /** The first thousand, ascending. */
  readonly ids: readonly ConnId[];
}
