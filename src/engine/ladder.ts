/**
 * One connection, segment by segment, with the states of both ends between the segments: composed from a second pass over the
 * capture (the segments) and the connection's row (the transitions). One pass serves several connections.
 *
 * Bounded: of a long connection the beginning and the end are kept, because that is where it opens and where it breaks; or, when
 * asked for, the segments around one of its frames.
 */
import type { RawRecord } from '../capture/reader.ts';
import { type Decoder, decodeTcpOptions } from '../decode/index.ts';
import { Layer, Packet } from '../decode/packet.ts';
import { Clock } from '../model/clock.ts';
import type { Finding } from '../model/finding.ts';
import { Flag, flagsText } from '../model/flags.ts';
import type { ConnectionRow } from '../model/report.ts';
import type { Words } from '../model/said.ts';
import { SIDE_NAMES, type Side, otherSide } from '../model/state.ts';
import { type Nanos, nanos, NANOS_PER_SECOND, secondsOf } from '../model/units.ts';
import { sourceOf } from '../track/copies.ts';
import { StateTimeline } from './state-timeline.ts';
import type { FrameReader } from './packet-detail.ts';
import type { Ladder, LadderRow } from './protocol.ts';
import { RelativeSequence } from './relative-sequence.ts';
import type { SecondPass, Visit } from './second-pass.ts';
import { Repeats, withRepeat, type Repeat } from './repeats.ts';
import { SegmentNotes } from './segment-notes.ts';
import { SegmentWords } from './segment-words.ts';
import { TupleMatch } from './tuple-match.ts';

/** Segments kept at either end of a long connection; a person scrolls through a few hundred. */
export const KEPT_SEGMENTS = 5_000;

/** A segment before the states are put beside it. */
interface Step {
  readonly frame: number;
  readonly time: Nanos;
  readonly delta: number;
  readonly side: Side;
  readonly flags: number;
  readonly seq: number;
  readonly ack: number | null;
  readonly length: number;
  readonly window: number;
  /** As Wireshark has it, and as the connection's counters have it where it came again: `notesOf`. */
  readonly analysis: readonly string[];
  readonly repeat: Repeat | null;
  readonly said: Words | null;
}

/** What the segment is, in words. Call it after the last segment was read: a later one may tell more of this one. */
export const notesOf = ({ analysis, repeat }: Step): readonly string[] => withRepeat(analysis, repeat);

export interface Segments {
  readonly clock: Clock;
  readonly head: readonly Step[];
  readonly tail: readonly Step[];
  /** Between head and tail. */
  readonly omitted: number;
  /** Behind the tail. */
  readonly omittedAfter: number;
}

/** How much of each connection is read. */
export interface Extent {
  /** Segments kept at either end. */
  readonly kept?: number;
  /** Last frame looked at; default: each connection's last. */
  readonly until?: number;
  /** Kept are the segments around this frame, not those at either end. */
  readonly around?: number | undefined;
}

/** The segments of these connections, each between its first and its last frame, in one pass. */
export async function readSegments(
  pass: SecondPass,
  reader: FrameReader,
  rows: readonly ConnectionRow[],
  { kept = KEPT_SEGMENTS, until = Infinity, around }: Extent = {},
): Promise<Segments[]> {
  let seconds = 0;
  const decoder = reader.decoder.again(() => seconds);
  const { sawFragments } = reader.decoder;
  const packet = new Packet();
  const readers = rows.map((row) => new ConnectionReader(row, reader, decoder, kept, around));
  const first = Math.min(...rows.map((row) => row.firstFrame));
  const last = Math.min(until, Math.max(...rows.map((row) => row.lastFrame)));
  const read: Visit = (record, frame, file) => {
    if (frame < first && !sawFragments) return true;
    seconds = record.seconds + record.nanos / NANOS_PER_SECOND;
    decoder.decode(packet, record.linkType, record.view, record.at, record.capLen, record.origLen);
    for (const one of readers) if (frame >= one.row.firstFrame && frame <= one.row.lastFrame) one.packet(packet, record, frame, file);
    return frame < last;
  };
  await pass.run(read, sawFragments ? {} : { wanted: () => first });
  return readers.map((one) => one.segments());
}

/** Picks the segments of one connection out of the packets of a pass. */
class ConnectionReader {
  readonly row: ConnectionRow;
  readonly #reader: FrameReader;
  readonly #kept: number;
  readonly #around: number | undefined;
  readonly #match: TupleMatch;
  readonly #repeats: Repeats;
  readonly #talk: SegmentWords | null;
  readonly #notes = new SegmentNotes();
  readonly #relative = new RelativeSequence();
  readonly #head: Step[] = [];
  /** A ring: the oldest is overwritten. */
  readonly #ring: Step[] = [];
  /** Behind the frame around which they are kept; and how many more there are. */
  readonly #behind: Step[] = [];
  #after = 0;
  #count = 0;
  #clock = new Clock(0, 0);
  #last = nanos(0);

  constructor(row: ConnectionRow, reader: FrameReader, decoder: Decoder, kept: number, around: number | undefined) {
    this.row = row;
    this.#reader = reader;
    this.#kept = kept;
    this.#around = around;
    this.#match = new TupleMatch(row, decoder.encapsulations);
    this.#repeats = new Repeats(decoder.encapsulations);
    this.#talk = reader.payload ? new SegmentWords(row.server.port) : null;
  }

  packet(packet: Packet, record: RawRecord, frame: number, file: number): void {
    const side = this.#match.sender(packet);
    if (this.#count > 0 && packet.layer === Layer.ICMP && packet.quoted !== null)
      this.#repeats.icmpError(packet, packet.quoted, frame, this.#clock.relative(record.seconds, record.nanos));
    if (side === null || !(this.#match.isInside(packet) || this.#reader.connectionOf(packet, frame) === this.row.id)) return;
    decodeTcpOptions(packet);
    if (this.#count === 0) this.#clock = new Clock(record.seconds, record.nanos);
    const time = this.#clock.relative(record.seconds, record.nanos);
    const repeat = this.#repeats.segment(packet, side, frame, time, sourceOf(packet.interfaceIndex, record.interfaceId, file));
    const { seq, ack, flags, payloadLength: length, window, options } = packet;
    const facts = {
      side,
      time,
      seq,
      ack,
      flags,
      length,
      window,
      windowScale: options.windowScale,
      hasSack: options.sackBlocks > 0 || options.sackCut,
    };
    this.#keep({
      frame,
      time,
      delta: secondsOf(time - this.#last),
      side,
      flags,
      seq: this.#relative.seq(side, seq, flags),
      ack: (flags & Flag.ACK) === 0 ? null : this.#relative.ack(otherSide(side), ack),
      length,
      // A copy says nothing that the segment has not said.
      analysis: repeat?.kind === 'copy' ? [] : this.#notes.note(facts),
      repeat,
      window: this.#notes.scaledWindow(side, window, flags),
      said: repeat === null ? (this.#talk?.words(packet, side, frame) ?? null) : null,
    });
    this.#last = time;
  }

  #keep(step: Step): void {
    const around = this.#around;
    this.#count++;
    if (around !== undefined && step.frame > around) {
      if (this.#behind.length < this.#kept) this.#behind.push(step);
      else this.#after++;
    } else if (around === undefined && this.#head.length < this.#kept) this.#head.push(step);
    else this.#ring[(this.#count - 1 - this.#head.length) % this.#kept] = step;
  }

  segments(): Segments {
    const ring = this.#ring;
    const head = this.#head;
    const behind = this.#behind;
    const rung = this.#count - head.length - behind.length - this.#after;
    const seam = ring.length < this.#kept ? 0 : rung % this.#kept;
    const tail = [...ring.slice(seam), ...ring.slice(0, seam), ...behind];
    return { clock: this.#clock, head, tail, omitted: rung - ring.length, omittedAfter: this.#after };
  }
}

export function composeLadder(row: ConnectionRow, segments: Segments, findings: readonly Finding[]): Ladder {
  const { clock, head, tail, omitted, omittedAfter } = segments;
  const timeline = new StateTimeline(row, clock);
  const rows: LadderRow[] = [];
  const add = (step: Step): void => {
    rows.push(...timeline.before(step.frame, step.time));
    rows.push({
      frame: step.frame,
      time: clock.text(step.time),
      at: secondsOf(step.time),
      delta: step.delta,
      from: SIDE_NAMES[step.side],
      flags: flagsText(step.flags),
      seq: step.seq,
      ack: step.ack,
      length: step.length,
      window: step.window,
      notes: notesOf(step),
      transitions: timeline.at(step.frame),
      ...timeline.states(),
      ...(step.said === null ? {} : { said: step.said }),
    });
  };
  head.forEach(add);
  const omittedAt = rows.length;
  // What happened among the left-out segments has no place on the ladder, but the states go on from there.
  if (omitted > 0 && tail[0]) timeline.before(tail[0].frame, tail[0].time);
  tail.forEach(add);
  const evidence = evidenceOf(row.id, findings);
  if (omittedAfter > 0) return { connection: row, rows, omitted, omittedAt, omittedAfter, evidence };
  rows.push(...timeline.rest());
  return { connection: row, rows, omitted, omittedAt, evidence };
}

/** Frames of this connection that prove a finding. */
export function evidenceOf(connection: number, findings: readonly Pick<Finding, 'id' | 'evidence'>[]): Ladder['evidence'] {
  return findings.flatMap(({ id, evidence }) =>
    evidence.filter((e) => e.connection === connection).map(({ frame, note }) => ({ frame, finding: id, note })),
  );
}
