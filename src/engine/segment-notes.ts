/**
 * What each segment of one connection is, in the words an engineer knows from Wireshark: retransmission, dup ack, zero window, …
 *
 * For display only: the counters of a report are the tracker's, taken on the first pass. This runs again over the segments of one
 * connection when somebody looks at it. The rules and their order are those of Wireshark 4.0's sequence analysis (packet-tcp.c,
 * tcp_analyze_sequence_number); docs/differences.md lists the departures. Why a segment came again, repeats.ts knows better.
 */
import { Flag } from '../model/flags.ts';
import { seqAdd, seqGt, seqLeq, seqLt } from '../model/seq.ts';
import { type Side, otherSide } from '../model/state.ts';
import { type Nanos, nanosOf } from '../model/units.ts';

/** What the analysis needs of a segment; the caller may reuse the object. */
export interface SegmentFacts {
  readonly side: Side;
  readonly time: Nanos;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  /** Payload octets. */
  readonly length: number;
  /** As in the header. */
  readonly window: number;
  /** -1: no option. Only looked at in a SYN. */
  readonly windowScale: number;
  /** It has SACK blocks; they may be cut off. */
  readonly hasSack: boolean;
}

/** A resend this soon after duplicate ACKs answers them (Wireshark: 20 ms). */
const FAST_RETRANSMISSION = nanosOf(0.02);
/** A hole filled this soon was reordering, when the connection's own round trip is not known (Wireshark: 3 ms). */
const REORDERING = nanosOf(0.003);
const DUP_ACKS_FOR_FAST_RETRANSMISSION = 2;
/** Direction.dupAcks of an end whose peer was said to acknowledge unseen octets: once is enough until it acknowledges more itself. */
const UNSEEN_SAID = -1;

const NONE: readonly string[] = [];
const CONTROL = Flag.SYN | Flag.FIN | Flag.RST;

type Probe = 'keep-alive' | 'window-probe' | null;

/** One direction: what this end has sent so far. */
class Direction {
  seen = false;
  /** Highest sequence number + length seen, and when. */
  nextSeq = 0;
  highTime = 0;
  /** A segment without payload moved `nextSeq` over what was not captured. */
  highWasPureAck = false;
  /** The end of what was seen without a hole. */
  contiguous = 0;
  sawAck = false;
  lastAck = 0;
  window = -1;
  /** The window of a SYN is never scaled (RFC 7323 §2.2). */
  windowOfSyn = false;
  dupAcks = 0;
  lastTime = 0;
  lastProbe: Probe = null;
  /** Of the SYN that opened; 0 when it was not seen. */
  isn = 0;
  /** Shift count; -1: its SYN was not seen. -2: its SYN offered none. */
  scale = -1;

  forget(): void {
    this.seen = false;
    this.sawAck = false;
    this.dupAcks = 0;
    this.lastProbe = null;
  }
}

export class SegmentNotes {
  readonly #ends: readonly [Direction, Direction] = [new Direction(), new Direction()];
  #synTime = -1;
  /** Last SYN to the first ACK without SYN; -1 until known. */
  #initialRtt = -1;

  /** The window in octets as the segment's sender meant it; raw where the handshake that told the scale is not in the capture. */
  scaledWindow(side: Side, window: number, flags: number): number {
    const [a, b] = this.#ends;
    // RFC 7323 §2.2: both ends must have offered it, and the window of a SYN is never scaled.
    if ((flags & Flag.SYN) !== 0 || a.scale < 0 || b.scale < 0) return window;
    return window * (1 << this.#ends[side].scale);
  }

  /** Judges the next segment of the connection; call once per segment, in capture order. */
  note(s: SegmentFacts): readonly string[] {
    const me = this.#ends[s.side];
    const peer = this.#ends[otherSide(s.side)];
    const hasAck = (s.flags & Flag.ACK) !== 0;
    const control = (s.flags & CONTROL) !== 0;
    const end = seqAdd(s.seq, s.length + ((s.flags & (Flag.SYN | Flag.FIN)) !== 0 ? 1 : 0));
    const notes: string[] = [];
    this.#handshake(s, me, hasAck);

    // The order is Wireshark's: an earlier answer may exclude a later one.
    const probe = me.seen ? probeKind(s, me, peer, control) : null;
    if (s.window === 0 && !control && hasAck) notes.push('zero window');
    if (me.seen && probe === null && seqGt(s.seq, me.nextSeq) && (s.flags & (Flag.RST | Flag.SYN)) === 0)
      notes.push('previous segment not captured');
    if (probe !== null) notes.push(probe === 'keep-alive' ? 'keep-alive' : 'zero window probe');
    if (s.length > 0 && probe === null && !control && peer.sawAck && this.#fills(end, peer, otherSide(s.side))) notes.push('window full');
    if (s.length === 0 && !control && me.sawAck && s.seq === me.nextSeq && s.ack === me.lastAck) repeatedAck(s, me, peer, notes);

    if (hasAck && s.ack !== me.lastAck) me.dupAcks = 0;
    if (hasAck && peer.seen && seqGt(s.ack, peer.contiguous)) acknowledgesUnseen(s, peer, notes);
    const takesSequence = s.length > 0 || (s.flags & (Flag.SYN | Flag.FIN)) !== 0;
    if (takesSequence && probe === null) this.#resent(s, end, me, peer, notes);

    remember(s, end, me, peer, probe);
    return notes.length === 0 ? NONE : notes;
  }

  #handshake(s: SegmentFacts, me: Direction, hasAck: boolean): void {
    if ((s.flags & Flag.SYN) === 0) {
      if (hasAck && this.#initialRtt < 0 && this.#synTime >= 0) this.#initialRtt = s.time - this.#synTime;
      return;
    }
    if (!hasAck) this.#synTime = s.time;
    const peer = this.#ends[otherSide(s.side)];
    const answers = hasAck && s.ack === seqAdd(peer.isn, 1); // whatever this end said before was of an older connection
    if (me.seen && peer.seen && !answers) return; // the same SYN again, or a stray one
    if (me.isn !== s.seq) me.forget(); // another attempt: everything starts anew
    me.isn = s.seq;
    me.scale = s.windowScale < 0 ? -2 : Math.min(s.windowScale, 14); // RFC 7323 §2.3: more than 14 means 14
  }

  /** Does a segment that ends at `end` use up exactly what the other end allowed? Only told where the scale is known. */
  #fills(end: number, peer: Direction, peerSide: Side): boolean {
    if (peer.scale === -1 || peer.window <= 0) return false;
    return end === seqAdd(peer.lastAck, this.scaledWindow(peerSide, peer.window, peer.windowOfSyn ? Flag.SYN : 0));
  }

  /** Is it new? If not: for which of the four reasons did these sequence numbers come again (or late)? */
  #resent(s: SegmentFacts, end: number, me: Direction, peer: Direction, notes: string[]): void {
    if (s.length > 0 && peer.sawAck && seqLeq(seqAdd(s.seq, s.length), peer.lastAck)) return void notes.push('spurious retransmission');
    if (!me.seen || !seqLt(s.seq, me.nextSeq)) return;
    if ((s.flags & Flag.SYN) !== 0 && s.seq !== me.isn) return; // a stray SYN has a sequence space of its own
    if (s.length > 1 && s.seq === seqAdd(me.nextSeq, -1)) return; // new but for the octet of a probe
    if (peer.dupAcks >= DUP_ACKS_FOR_FAST_RETRANSMISSION && since(s.time, peer.lastTime) < FAST_RETRANSMISSION && s.seq === peer.lastAck) {
      return void notes.push('fast retransmission');
    }
    const reordering = this.#initialRtt > 0 ? this.#initialRtt : REORDERING;
    const late = since(s.time, me.highTime) < reordering && (end !== me.nextSeq || me.highWasPureAck);
    notes.push(late ? 'out-of-order' : 'retransmission');
  }
}

/** The same acknowledgment from the same place: which of the five reasons for it? */
function repeatedAck(s: SegmentFacts, me: Direction, peer: Direction, notes: string[]): void {
  const asked = peer.lastProbe;
  if (s.window === 0) {
    if (asked === 'window-probe' && me.window === 0) notes.push('zero window probe ack');
  } else if (s.window !== me.window && !s.hasSack) {
    notes.push('window update');
  } else if (asked === 'keep-alive' && s.window === me.window) {
    notes.push('keep-alive ack');
  } else {
    me.dupAcks = Math.max(me.dupAcks, 0) + 1;
    notes.push(`dup ack #${String(me.dupAcks)}`);
  }
}

/** More is acknowledged than was seen without a hole. */
function acknowledgesUnseen(s: SegmentFacts, peer: Direction, notes: string[]): void {
  if (peer.lastProbe === 'window-probe' && s.ack === seqAdd(peer.nextSeq, 1)) {
    // The octet of a zero window probe may be taken although it did not count as sent; from then on it does.
    peer.nextSeq = s.ack;
    peer.contiguous = s.ack;
  } else if (seqLt(peer.contiguous, peer.nextSeq)) {
    notes.push('ack of unseen segment');
    peer.contiguous = peer.nextSeq;
  } else {
    if (peer.dupAcks === 0) notes.push('ack of unseen segment');
    peer.dupAcks = UNSEEN_SAID;
  }
}

function remember(s: SegmentFacts, end: number, me: Direction, peer: Direction, probe: Probe): void {
  const syn = (s.flags & Flag.SYN) !== 0;
  // Neither a probe's octet, nor a RST, nor a SYN in the middle says where its sender's stream stands.
  const stray = (s.flags & Flag.RST) !== 0 || (syn && me.seen && peer.seen && s.seq !== me.isn);
  const counts = !stray && !(probe === 'window-probe' && s.length <= 1);
  if (counts && (!me.seen || seqGt(end, me.nextSeq))) {
    if (!me.seen || end !== seqAdd(me.nextSeq, 1) || s.length > 0) me.highWasPureAck = end === s.seq;
    const contiguous = !me.seen || s.seq === me.contiguous;
    me.nextSeq = end;
    me.highTime = s.time;
    if (contiguous) me.contiguous = end;
  } else if (counts && s.seq === me.contiguous) {
    me.contiguous = me.nextSeq;
  }
  if (counts) me.seen = true;
  me.lastTime = s.time;
  me.lastProbe = probe;
  if (stray) return;
  me.window = s.window;
  me.windowOfSyn = syn;
  if ((s.flags & Flag.ACK) === 0) return;
  me.lastAck = s.ack;
  me.sawAck = true;
}

/** A clock that steps back says nothing of what came before. */
const since = (now: number, then: number): number => (now < then ? Infinity : now - then);

/**
 * Linux sends the same segment as keep-alive and as zero window probe (seq = snd_una - 1, no payload; net/ipv4/tcp_output.c
 * tcp_xmit_probe_skb): the window that the other end showed last tells which. Others send one octet; into a closed window
 * one new octet or anything again is a probe.
 */
function probeKind(s: SegmentFacts, me: Direction, peer: Direction, control: boolean): Probe {
  if (control) return null;
  const before = s.length <= 1 && s.seq === seqAdd(me.nextSeq, -1);
  const again = s.length > 0 && seqLt(s.seq, me.nextSeq);
  const oneOctet = s.length === 1 && s.seq === me.nextSeq;
  if (peer.window === 0 && (before || again || oneOctet)) return 'window-probe';
  return before ? 'keep-alive' : null;
}
