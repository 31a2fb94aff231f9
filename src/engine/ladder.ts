/**
 * One connection, segment by segment, with the states of both ends between the segments: composed from a second pass over the
 * capture (the segments) and the connection's row (the transitions).
 *
 * Bounded: of a long connection the beginning and the end are kept, because that is where it opens and where it breaks.
 */
import { decodeTcpOptions } from '../decode/index.ts';
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
import type { SecondPass } from './second-pass.ts';
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
  readonly omitted: number;
}

/** The segments of a connection between its first and its last frame (or `until`, when only the notes up to there matter). */
export async function readSegments(pass: SecondPass, reader: FrameReader, row: ConnectionRow, until = row.lastFrame): Promise<Segments> {
  let seconds = 0;
  const decoder = reader.decoder.again(() => seconds);
  const { sawFragments } = reader.decoder;
  const match = new TupleMatch(row, decoder.encapsulations);
  const notes = new SegmentNotes();
  const repeats = new Repeats(decoder.encapsulations);
  const relative = new RelativeSequence();
  const talk = reader.payload ? new SegmentWords(row.server.port) : null;
  const packet = new Packet();
  const head: Step[] = [];
  /** A ring: the oldest is overwritten. */
  const ring: Step[] = [];
  let count = 0;
  let clock = new Clock(0, 0);
  let last = nanos(0);

  await pass.run((record, frame, file) => {
    if (frame < row.firstFrame && !sawFragments) return true;
    seconds = record.seconds + record.nanos / NANOS_PER_SECOND;
    decoder.decode(packet, record.linkType, record.view, record.at, record.capLen, record.origLen);
    if (frame < row.firstFrame) return true;
    const side = match.sender(packet);
    if (count > 0 && packet.layer === Layer.ICMP && packet.quoted !== null)
      repeats.icmpError(packet, packet.quoted, frame, clock.relative(record.seconds, record.nanos));
    if (side !== null && (match.isInside(packet) || reader.connectionOf(packet, frame) === row.id)) {
      decodeTcpOptions(packet);
      if (count === 0) clock = new Clock(record.seconds, record.nanos);
      const time = clock.relative(record.seconds, record.nanos);
      const repeat = repeats.segment(packet, side, frame, time, sourceOf(packet.interfaceIndex, record.interfaceId, file));
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
      const step: Step = {
        frame,
        time,
        delta: secondsOf(time - last),
        side,
        flags,
        seq: relative.seq(side, seq, flags),
        ack: (flags & Flag.ACK) === 0 ? null : relative.ack(otherSide(side), ack),
        length,
        // A copy says nothing that the segment has not said.
        analysis: repeat?.kind === 'copy' ? [] : notes.note(facts),
        repeat,
        window: notes.scaledWindow(side, window, flags),
        said: repeat === null ? (talk?.words(packet, side, frame) ?? null) : null,
      };
      last = time;
      if (count < KEPT_SEGMENTS) head.push(step);
      else ring[(count - KEPT_SEGMENTS) % KEPT_SEGMENTS] = step;
      count++;
    }
    return frame < until;
  });

  const seam = ring.length < KEPT_SEGMENTS ? 0 : count % KEPT_SEGMENTS;
  return { clock, head, tail: [...ring.slice(seam), ...ring.slice(0, seam)], omitted: Math.max(0, count - 2 * KEPT_SEGMENTS) };
}

export function composeLadder(row: ConnectionRow, segments: Segments, findings: readonly Finding[]): Ladder {
  const { clock, head, tail, omitted } = segments;
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
  rows.push(...timeline.rest());
  return { connection: row, rows, omitted, omittedAt, evidence: evidenceOf(row.id, findings) };
}

/** Frames of this connection that prove a finding. */
export function evidenceOf(connection: number, findings: readonly Pick<Finding, 'id' | 'evidence'>[]): Ladder['evidence'] {
  return findings.flatMap(({ id, evidence }) =>
    evidence.filter((e) => e.connection === connection).map(({ frame, note }) => ({ frame, finding: id, note })),
  );
}
