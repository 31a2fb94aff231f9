/**
 * A connection that goes on in a later capture, told once more on top of what the earlier one knew: that one had met it in the middle and
 * could not know whose FIN had been sent, or which SYN was answered. The causes that it logged are taken in turn by the states in which
 * the earlier capture had left the two ends, with the acknowledgments of what it had not seen (beginnings.ts) and the timers between.
 */
import { Mark } from '../model/connection.ts';
import { Flag } from '../model/flags.ts';
import { type Side, State } from '../model/state.ts';
import { Packet } from '../decode/packet.ts';
import { becomeSegment, type FirstSegment } from './beginnings.ts';
import { closedBy, crossingFin, finAcknowledged, finAgain, restartTimeWait } from './closing.ts';
import type { Context } from './context.ts';
import { eventAssumed, eventCause, EventKind, eventKind, markDetail, MARKS } from './events.ts';
import { Core, Half, HalfFlag, Sequel, Trait } from './layout.ts';
import { speaks } from './machine.ts';
import { retryAfter, synAcked } from './opening.ts';
import { reset, RstBit } from './reset.ts';
import { Cause } from './transitions.ts';

/** An event of the later capture's log, or a first segment. Sides are the earlier one's. */
export interface Moment {
  readonly time: number;
  readonly frame: number;
  readonly side: Side;
  readonly code: number;
  readonly segment: FirstSegment | null;
}

/** Timers tell for themselves when they are due. */
const OF_TIMERS: ReadonlySet<number> = new Set([
  Cause.TIME_WAIT_OVER,
  Cause.ORPHAN_OVER,
  Cause.GIVES_UP_SYN,
  Cause.GIVES_UP_SYN_ACK,
  Cause.GIVES_UP_FIN,
  Cause.GIVES_UP_DATA,
]);
/** What the later capture says of an end that only its record has. */
export interface LaterEnd {
  readonly finAck: number;
  readonly iss: number;
  readonly options: number;
}

export class Retold {
  readonly #x: Context;
  readonly #ends: readonly LaterEnd[];
  readonly #packet = new Packet();
  /** Ends of the later capture are in a state there: what its log says of a RST is so. */
  #met = false;
  /** Frame of a RST that was judged here. */
  #judged = 0;
  /** Frame of the newest first segment, whose numbers `#packet` has. */
  #heard = 0;
  /** The later capture's SYNs, SYN-ACKs and FINs that repeat one of the earlier: [client, server]. */
  readonly again: [number, number] = [0, 0];
  /** When the first FIN or RST came; -1 none did. */
  closing = -1;

  /** `x` stands at the connection of the earlier capture. */
  constructor(x: Context, ends: readonly LaterEnd[]) {
    this.#x = x;
    this.#ends = ends;
  }

  /** Takes `moment` as its segment, by its side, at its time. */
  tell(moment: Moment): void {
    const x = this.#x;
    x.load(x.id, moment.side);
    x.frame = moment.frame;
    x.now = moment.time;
    if (moment.segment !== null) this.#first(moment.segment);
    else if (eventKind(moment.code) === EventKind.TRANSITION) this.#transition(moment);
    else if (eventKind(moment.code) === EventKind.WITHDRAWN) this.#withdrawn(moment);
    else this.#mark(moment);
  }

  /** What the last acknowledgment of each end says, when that had not come among the first. */
  conclude(acks: readonly (number | null)[], frame: number, time: number): void {
    const x = this.#x;
    acks.forEach((ack, side) => {
      x.load(x.id, side as Side);
      if (ack === null || !x.flag(x.peer, HalfFlag.FIN_SENT) || x.flag(x.peer, HalfFlag.FIN_ACKED)) return;
      x.frame = frame;
      x.now = time;
      this.#packet.ack = ack;
      finAcknowledged(x, this.#packet);
    });
  }

  #first(segment: FirstSegment): void {
    const { ack, flags, payload } = segment;
    const x = this.#x;
    const k = this.#packet;
    becomeSegment(k, segment, (x.core[x.c + Core.META]! & 1) !== 0);
    if ((flags & Flag.SYN) !== 0) return;
    if ((flags & Flag.RST) !== 0) return; // its mark in the log has the rest
    this.#heard = x.frame;
    const { pair, me, peer, side } = x;
    const waits = x.state(1 - side) === State.TIME_WAIT;
    speaks(x, k, payload + (flags & Flag.FIN));
    if (waits && (flags & Flag.ACK) !== 0) restartTimeWait(x);
    if ((flags & Flag.ACK) === 0) return;
    pair[me + Half.LAST_ACK] = ack;
    if (x.flag(peer, HalfFlag.UNA_KNOWN) && ((ack - pair[peer + Half.UNA]!) | 0) > 0) pair[peer + Half.UNA] = ack;
  }

  #transition({ code, frame }: Moment): void {
    const x = this.#x;
    const cause = eventCause(code) as Cause;
    if (cause === Cause.SEEN_MIDSTREAM) this.#met = true;
    if (frame === 0 || OF_TIMERS.has(cause) || frame === this.#judged) return;
    switch (cause) {
      case Cause.SEEN_MIDSTREAM:
        if (x.state(x.side) === State.CLOSED && x.lastTransition(x.side) === 0 && x.has(Trait.MIDSTREAM)) x.step(x.side, cause);
        return;
      case Cause.SENDS_SYN:
        this.#sendsSyn();
        return;
      case Cause.SENDS_SYN_ACK:
        this.#sendsSynAck();
        return;
      case Cause.SYN_ACKED:
        x.load(x.id, (1 - x.side) as Side);
        synAcked(x, true);
        return;
      case Cause.SENDS_FIN:
        this.#sendsFin();
        return;
      case Cause.RECEIVES_FIN:
        if (x.flag(x.me, HalfFlag.FIN_RECEIVED)) return;
        x.setFlag(x.me, HalfFlag.FIN_RECEIVED);
        break;
      case Cause.FIN_ACKED:
        x.setFlag(x.me, HalfFlag.FIN_ACKED);
        break;
      case Cause.SENDS_RST:
        this.#closes(x.now);
        x.setFlag(x.me, HalfFlag.SENT_RST);
        x.stepAt(x.side, cause, x.frame, x.now, false);
        closedBy(x);
        return;
      default:
    }
    x.stepAt(x.side, cause, x.frame, x.now, eventAssumed(code));
  }

  #closes(time: number): void {
    if (this.closing < 0) this.closing = time;
  }

  #sendsSyn(): void {
    const x = this.#x;
    const state = x.state(x.side);
    if (state === State.CLOSED && x.lastTransition(x.side) !== 0) x.reviveAssumed(x.side);
    if (x.step(x.side, Cause.SENDS_SYN)) return;
    this.again[x.side]++;
    x.mark(Mark.SYN_AGAIN, 0);
    if (state === State.ESTABLISHED && !x.flag(x.me, HalfFlag.SPOKE)) x.withdraw(x.side);
    if (x.state(x.side) === State.SYN_SENT) x.rearmRetry(x.side, retryAfter(x));
  }

  #sendsSynAck(): void {
    const x = this.#x;
    const other = 1 - x.side;
    x.reviveAssumed(x.side);
    if (x.state(x.side) === State.CLOSED || x.state(x.side) === State.SYN_SENT) {
      const { iss, options } = this.#ends[x.side]!;
      x.setIss(x.side, iss);
      x.setOptions(x.side, options);
      if (x.sequel[x.s + Sequel.FIRST_SYNACK] === 0) x.sequel[x.s + Sequel.FIRST_SYNACK] = x.frame;
      x.pair[x.me + Half.NXT] = (iss + 1) | 0;
      x.setFlag(x.me, HalfFlag.NXT_KNOWN);
      x.pair[x.me + Half.LAST_ACK] = (x.iss(other) + 1) | 0;
      x.step(x.side, Cause.SENDS_SYN_ACK);
    } else if (x.iss(x.side) === this.#ends[x.side]!.iss) {
      this.again[x.side]++;
      x.mark(Mark.SYN_ACK_AGAIN, 0);
      if (x.state(x.side) === State.SYN_RCVD) x.rearmRetry(x.side, retryAfter(x));
    }
    if (x.state(other) === State.SYN_SENT) x.step(other, Cause.RECEIVES_SYN_ACK);
  }

  #sendsFin(): void {
    const x = this.#x;
    const { finAck } = this.#ends[x.side]!;
    if (x.flag(x.me, HalfFlag.FIN_SENT) && x.pair[x.me + Half.FIN_ACK] === finAck) {
      this.again[x.side]++;
      this.#finAgain();
      return;
    }
    this.#closes(x.now);
    x.reviveAssumed(x.side);
    const crosses = this.#heard === x.frame && crossingFin(x, this.#packet);
    x.pair[x.me + Half.FIN_ACK] = finAck;
    x.setFlag(x.me, HalfFlag.FIN_SENT);
    x.step(x.side, Cause.SENDS_FIN);
    if (crosses) x.step(x.side, Cause.RECEIVES_FIN);
    closedBy(x);
  }

  #finAgain(): void {
    const x = this.#x;
    this.#packet.ack = x.pair[x.me + Half.LAST_ACK]!;
    finAgain(x, this.#packet);
  }

  /** What was taken back there stays so. */
  #withdrawn({ frame, code, side }: Moment): void {
    if (frame === 0) return;
    const x = this.#x;
    x.tables.events.now = x.now;
    x.tables.events.log(x.id, x.sequel, x.s, frame, (code & ~(1 << 5)) | (side << 5));
  }

  #mark({ code }: Moment): void {
    const x = this.#x;
    const mark = MARKS[eventKind(code) - EventKind.FIRST_MARK]!;
    const detail = markDetail(code);
    if (mark === Mark.RST && !this.#met && (detail & RstBit.ACCEPTED) === 0) {
      this.#judge(detail);
      return;
    }
    if (mark === Mark.FIN_AGAIN) {
      this.#finAgain();
      return;
    }
    x.mark(mark, detail);
    if (mark === Mark.RST) {
      this.#closes(x.now);
      closedBy(x);
    }
    const state = x.state(x.side);
    const retried = (mark === Mark.SYN_AGAIN && state === State.SYN_SENT) || (mark === Mark.SYN_ACK_AGAIN && state === State.SYN_RCVD);
    if (retried) x.rearmRetry(x.side, retryAfter(x));
  }

  /** A RST that the later capture could not judge, because it knew no state yet. */
  #judge(detail: number): void {
    const x = this.#x;
    const k = this.#packet;
    k.flags = Flag.RST | ((detail & RstBit.HAS_ACK) === 0 ? 0 : Flag.ACK);
    k.ttl = (detail >>> RstBit.TTL_SHIFT) & 255;
    k.window = (detail & RstBit.WINDOW_ZERO) === 0 ? 1 : 0;
    k.ipVersion = (x.core[x.c + Core.META]! & 1) === 0 ? 4 : 6;
    k.ipId = (detail & RstBit.IP_ID_ZERO) === 0 ? 1 : 0;
    this.#closes(x.now);
    this.#judged = x.frame;
    reset(x, k);
    closedBy(x);
  }
}
