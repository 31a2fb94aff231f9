/**
 * What the two ends of a connection said to each other: their payload in order, each octet once, read from the capture a second time.
 * Bounded: one window of the conversation; octets before it are counted and not kept.
 */
import { Packet } from '../decode/packet.ts';
import { Clock } from '../model/clock.ts';
import { UsageError } from '../model/errors.ts';
import { Flag } from '../model/flags.ts';
import type { ConnectionRow } from '../model/report.ts';
import { seqAdd, seqDiff } from '../model/seq.ts';
import { otherSide, Side, SIDE_NAMES } from '../model/state.ts';
import { NANOS_PER_SECOND, secondsOf } from '../model/units.ts';
import type { FrameReader } from './packet-detail.ts';
import type { Conversation, Turn } from './protocol.ts';
import type { SecondPass, Visit } from './second-pass.ts';
import { TupleMatch } from './tuple-match.ts';

/** Octets of one window: some thousand lines of text. */
const WINDOW_OCTETS = 256 * 1024;
/** Turns of one window, for ends that say an octet each. */
const WINDOW_TURNS = 5_000;
/** Segments that wait for what belongs before them: as many as a window of 64 KiB has of the smallest usual size (536 octets, RFC 9293 §3.7.1). */
const MAX_WAITING = 128;

/** @param skip octets of the conversation before the window @throws UsageError where payload must not be shown */
export async function readConversation(pass: SecondPass, reader: FrameReader, row: ConnectionRow, skip: number): Promise<Conversation> {
  if (!reader.payload) throw new UsageError('what applications sent is not shown, as --no-payload asks.');
  let seconds = 0;
  const decoder = reader.decoder.again(() => seconds);
  const { sawFragments } = reader.decoder;
  const match = new TupleMatch(row, decoder.encapsulations);
  const window = new Window(skip);
  const ends = [new Speaker(window, Side.CLIENT), new Speaker(window, Side.SERVER)] as const;
  const packet = new Packet();
  let clock: Clock | null = null;

  const read: Visit = (record, frame) => {
    if (frame < row.firstFrame && !sawFragments) return true;
    seconds = record.seconds + record.nanos / NANOS_PER_SECOND;
    decoder.decode(packet, record.linkType, record.view, record.at, record.capLen, record.origLen);
    if (frame < row.firstFrame) return true;
    const side = match.sender(packet);
    if (side !== null && (match.isInside(packet) || reader.connectionOf(packet, frame) === row.id)) {
      clock ??= new Clock(record.seconds, record.nanos);
      if ((packet.flags & Flag.ACK) !== 0) ends[otherSide(side)].acknowledged(packet.ack);
      ends[side].segment(packet, frame, secondsOf(clock.relative(record.seconds, record.nanos)));
    }
    return frame < row.lastFrame && !window.full;
  };
  await pass.run(read, sawFragments ? {} : { wanted: () => row.firstFrame });
  // What still waits, waits for what the capture lacks.
  for (const end of ends) end.rest();
  return { connection: row, ...window.result() };
}

interface Piece {
  readonly seq: number;
  /** As sent; `octets` may have fewer, where the capture cut the packet. */
  readonly length: number;
  readonly octets: Uint8Array;
  readonly frame: number;
  readonly at: number;
}

/** The part of the conversation that is kept. */
class Window {
  readonly #skip: number;
  readonly #turns: { from: Turn['from']; frame: number; at: number; missing: number; parts: Uint8Array[] }[] = [];
  /** Octets of both ends so far. */
  #position = 0;
  #kept = 0;
  full = false;

  constructor(skip: number) {
    this.#skip = skip;
  }

  /** @param missing octets that the capture lacks before these */
  add(side: Side, piece: Piece, octets: Uint8Array, missing: number): void {
    const start = this.#position;
    this.#position += octets.length;
    if (this.#position <= this.#skip || this.full) return;
    const from = Math.max(0, this.#skip - start);
    const lacking = from === 0 ? missing : 0;
    const room = WINDOW_OCTETS - this.#kept;
    const shown = octets.slice(from, from + room); // a copy: the record is gone with the next chunk
    const last = this.#turns.at(-1);
    if (last?.from === SIDE_NAMES[side] && lacking === 0) last.parts.push(shown);
    else this.#turns.push({ from: SIDE_NAMES[side], frame: piece.frame, at: piece.at, missing: lacking, parts: [shown] });
    this.#kept += shown.length;
    this.full = this.#kept >= WINDOW_OCTETS || this.#turns.length >= WINDOW_TURNS;
  }

  result(): Omit<Conversation, 'connection'> {
    const turns = this.#turns.map(({ parts, ...turn }): Turn => ({ ...turn, octets: joined(parts) }));
    return { turns, skipped: Math.min(this.#skip, this.#position), shown: this.#kept, more: this.full };
  }
}

/** One end: its payload by sequence number. */
class Speaker {
  readonly #window: Window;
  readonly #side: Side;
  /** The next octet; null before the first segment. */
  #next: number | null = null;
  #waiting: Piece[] = [];
  /** Octets that a cut packet lacks at its end. */
  #missing = 0;

  constructor(window: Window, side: Side) {
    this.#window = window;
    this.#side = side;
  }

  segment({ flags, seq, payloadLength, view, payloadAt, end }: Packet, frame: number, at: number): void {
    const first = (flags & Flag.SYN) === 0 ? seq : seqAdd(seq, 1);
    this.#next ??= first;
    // The text of a RST is a diagnosis, not data (RFC 9293 §3.5.3).
    if (payloadLength === 0 || (flags & Flag.RST) !== 0) return;
    const octets = new Uint8Array(view.buffer, view.byteOffset + payloadAt, Math.max(0, Math.min(payloadLength, end - payloadAt)));
    this.#take({ seq: first, length: payloadLength, octets, frame, at });
  }

  /** The other end has everything before `ack`: what the capture lacks of it does not come any more. */
  acknowledged(ack: number): void {
    while (this.#next !== null && this.#waiting.length > 0 && seqDiff(ack, this.#waiting[0]!.seq) >= 0) this.#jump();
  }

  rest(): void {
    while (this.#waiting.length > 0) this.#jump();
  }

  #take(piece: Piece): void {
    const early = seqDiff(piece.seq, this.#next!);
    if (early <= 0) {
      this.#deliver(piece, 0);
      return;
    }
    const waiting = { ...piece, octets: piece.octets.slice() };
    const before = this.#waiting.findLastIndex((other) => seqDiff(other.seq, piece.seq) <= 0);
    this.#waiting.splice(before + 1, 0, waiting);
    if (this.#waiting.length > MAX_WAITING) this.#jump();
  }

  /** On to the first that waits, over what never came. */
  #jump(): void {
    const [piece] = this.#waiting;
    if (piece === undefined || this.#next === null) return;
    const hole = Math.max(0, seqDiff(piece.seq, this.#next));
    this.#waiting.shift();
    this.#next = seqAdd(this.#next, hole);
    this.#deliver(piece, hole);
  }

  #deliver(piece: Piece, hole: number): void {
    const known = seqDiff(this.#next!, piece.seq);
    if (known < piece.length) {
      const octets = piece.octets.subarray(Math.min(known, piece.octets.length));
      if (octets.length > 0) {
        this.#window.add(this.#side, piece, octets, this.#missing + hole);
        this.#missing = 0;
      } else this.#missing += hole;
      this.#missing += piece.length - Math.max(known, piece.octets.length);
      this.#next = seqAdd(piece.seq, piece.length);
    }
    const [following] = this.#waiting;
    if (following === undefined || seqDiff(following.seq, this.#next!) > 0) return;
    this.#waiting.shift();
    this.#deliver(following, 0);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
