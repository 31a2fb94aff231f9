/**
 * Why a segment came again, in the words of the tracker's counters (track/repairs.ts): a note on a segment and the counter of its
 * connection must tell the same. So the tracker goes over the segments of the one connection again, and the counter that moves
 * is the answer.
 */
import type { Packet } from '../decode/packet.ts';
import type { Encapsulations } from '../decode/index.ts';
import type { ConnectionView } from '../model/connection.ts';
import type { SequenceFacts } from '../model/sequence.ts';
import { NO_TROUBLE } from '../model/sequence.ts';
import { type Side, otherSide } from '../model/state.ts';
import type { Nanos } from '../model/units.ts';
import { parseHostProfiles } from '../track/host-profiles.ts';
import { Tracker } from '../track/tracker.ts';
import { Views } from '../track/views.ts';

/** `copy`: the network or the capture doubled it, and it counts once. `refuted`: a D-SACK came for it. */
export type RepeatKind = 'fast' | 'timeout' | 'tail-loss probe' | 'spurious' | 'refuted' | 'overtaken' | 'copy';

/** Of one segment. What is learned later (a D-SACK, the probe that was a timer's) changes it in place. */
export interface Repeat {
  kind: RepeatKind;
  readonly seq: number;
}

/** Repeats of one end that may still be reported as received twice; a D-SACK comes a round trip after. */
const REMEMBERED = 256;

/** How an end has repaired losses so far. */
type Repairs = Pick<SequenceFacts, 'fastRetransmissions' | 'tailLossProbes' | 'spuriousRetransmissions'>;

/** What an end had done before the segment at hand. */
class Before {
  retransmissions = 0;
  outOfOrder = 0;
  repairs: Repairs = NO_TROUBLE;
  /** Newest last. */
  readonly repeats: Repeat[] = [];
}

export class Repeats {
  readonly #tracker = new Tracker(parseHostProfiles(undefined));
  readonly #views: Views;
  readonly #ends: readonly [Before, Before] = [new Before(), new Before()];
  #copies = 0;

  constructor(encapsulations: Encapsulations) {
    this.#views = new Views(this.#tracker.tables, encapsulations);
  }

  /** The next segment of the connection, in capture order; null: it is new. `source` is `sourceOf` of track/copies.ts. */
  segment(k: Packet, side: Side, frame: number, now: Nanos, source: number): Repeat | null {
    this.#tracker.at(now, source);
    const connection = this.#views.connection(this.#tracker.tcp(k, frame));
    const { copies } = connection;
    if (copies !== this.#copies) {
      this.#copies = copies;
      return { kind: 'copy', seq: k.seq };
    }
    const repeat = this.#judge(connection, side, k.seq);
    this.#receivedTwice(connection, otherSide(side), k);
    return repeat;
  }

  /** An ICMP error, of this connection or not: "too big" has segments sent again. */
  icmpError(k: Packet, quoted: Packet, frame: number, now: Nanos): void {
    this.#tracker.icmpError(k, quoted, frame, now);
  }

  #judge(connection: ConnectionView, side: Side, seq: number): Repeat | null {
    const { retransmissions, outOfOrder, sequence } = endOf(connection, side);
    const before = this.#ends[side];
    const { repairs } = before;
    const overtaken = outOfOrder !== before.outOfOrder;
    const resent = retransmissions !== before.retransmissions;
    before.outOfOrder = outOfOrder;
    before.retransmissions = retransmissions;
    before.repairs = repairsOf(sequence);
    if (overtaken) return { kind: 'overtaken', seq };
    if (!resent) return null;
    const { repeats } = before;
    // One probe less, one timeout more than this segment makes: the time that it took tells that the last one was the timer's.
    if (sequence.tailLossProbes < repairs.tailLossProbes) {
      const probe = repeats.findLast(({ kind }) => kind === 'tail-loss probe');
      if (probe) probe.kind = 'timeout';
    }
    const repeat: Repeat = { kind: kindOf(repairs, sequence), seq };
    repeats.push(repeat);
    if (repeats.length > REMEMBERED) repeats.shift();
    return repeat;
  }

  /** Did the segment carry a D-SACK, by which a repeat of the other end was for nothing? */
  #receivedTwice(connection: ConnectionView, sender: Side, k: Packet): void {
    const before = this.#ends[sender];
    const { sequence } = endOf(connection, sender);
    const { spuriousRetransmissions } = before.repairs;
    before.repairs = repairsOf(sequence);
    if (sequence.spuriousRetransmissions <= spuriousRetransmissions) return;
    const from = k.options.sack[0]!;
    const to = k.options.sack[1]!;
    const means = ({ kind, seq }: Repeat): boolean =>
      kind !== 'spurious' && kind !== 'refuted' && ((seq - from) | 0) >= 0 && ((to - seq) | 0) > 0;
    const repeat = before.repeats.findLast(means);
    if (repeat) repeat.kind = 'refuted';
  }
}

const endOf = ({ client, server }: ConnectionView, side: Side): ConnectionView['client'] => (side === 0 ? client : server);

/** A copy: the view changes with the next segment. */
const repairsOf = ({ fastRetransmissions, tailLossProbes, spuriousRetransmissions }: SequenceFacts): Repairs => {
  return { fastRetransmissions, tailLossProbes, spuriousRetransmissions };
};

function kindOf(before: Repairs, after: Repairs): RepeatKind {
  if (after.spuriousRetransmissions > before.spuriousRetransmissions) return 'spurious';
  if (after.fastRetransmissions > before.fastRetransmissions) return 'fast';
  return after.tailLossProbes > before.tailLossProbes ? 'tail-loss probe' : 'timeout';
}

/** The notes that stand for a repeat, or for what overtook it, in Wireshark's words. */
const REPEAT_NOTES: readonly string[] = ['retransmission', 'fast retransmission', 'spurious retransmission', 'out-of-order'];

const WORDS: Readonly<Record<RepeatKind, string>> = {
  fast: 'fast retransmission',
  timeout: 'retransmission (timeout)',
  'tail-loss probe': 'retransmission (tail-loss probe)',
  spurious: 'spurious retransmission',
  refuted: 'spurious retransmission (D-SACK)',
  overtaken: 'out-of-order',
  copy: 'captured again',
};

/** The notes of a segment (segment-notes.ts) with the tracker's word for the repeat. */
export function withRepeat(notes: readonly string[], repeat: Repeat | null): readonly string[] {
  if (repeat === null) return notes;
  const word = WORDS[repeat.kind];
  const at = notes.findIndex((note) => REPEAT_NOTES.includes(note));
  return at < 0 ? [...notes, word] : notes.with(at, word);
}
