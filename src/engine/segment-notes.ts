/**
 * What each segment of one connection is, in the words an engineer knows from Wireshark: retransmission, dup ack, zero window, …
 *
 * For display only: the counters of a report are the tracker's, taken on the first pass. This runs again over the segments of one
 * connection when somebody looks at it. The rules follow Wireshark's sequence analysis (packet-tcp.c, tcp_analyze_sequence_number)
 * with one departure: a segment sent into a closed window is a probe and never a retransmission, as tcptrace has it.
 */
import { Flag } from '../model/flags.ts';
import { seqAdd, seqGeq, seqGt, seqLeq, seqLt } from '../model/seq.ts';
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
  /** Left and right edges; the first `sackBlocks` pairs count. */
  readonly sack: Int32Array;
  readonly sackBlocks: number;
}

/** Wireshark's TCP_MAX_UNACKED_SEGMENTS is 10,000; copies older than this are still seen, by their sequence number alone. */
const UNACKED_LIMIT = 1_000;
/** A resend this soon after duplicate ACKs answers them (Wireshark: 20 ms). */
const FAST_RETRANSMISSION = nanosOf(0.02);
/** A hole filled this soon was reordering, when the connection's own round trip is not known (Wireshark: 3 ms). */
const REORDERING = nanosOf(0.003);
const DUP_ACKS_FOR_FAST_RETRANSMISSION = 2;

const NONE: readonly string[] = [];
const CONTROL = Flag.SYN | Flag.FIN | Flag.RST;

type Probe = 'keep-alive' | 'window-probe' | null;

/** One direction: what this end has sent so far. */
class Direction {
  seen = false;
  /** Highest sequence number + length seen, and when. */
  nextSeq = 0;
  highTime = 0;
  highWasPureAck = false;
  /** The end of what was seen without a hole. */
  contiguous = 0;
  sawAck = false;
  lastAck = 0;
  window = -1;
  dupAcks = 0;
  lastTime = 0;
  lastProbe: Probe = null;
  /** Of the SYN that opened; 0 when it was not seen. */
  isn = 0;
  sack = new Int32Array(8);
  sackBlocks = 0;
  /** Shift count; -1: its SYN was not seen. -2: its SYN offered none. */
  scale = -1;
  /** Start and end of segments not acknowledged yet, oldest first. */
  readonly unackedSeq: number[] = [];
  readonly unackedEnd: number[] = [];
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
    const pureAck = s.length === 0 && !control;
    const end = seqAdd(s.seq, s.length + ((s.flags & (Flag.SYN | Flag.FIN)) !== 0 ? 1 : 0));
    const notes: string[] = [];
    this.#handshake(s, me, hasAck);

    // The order is Wireshark's: an earlier answer may exclude a later one.
    const repeatsAck = pureAck && me.sawAck && s.seq === me.nextSeq && s.ack === me.lastAck;
    const probe = me.seen ? probeKind(s, me, peer, control) : null;
    const probeAnswer = repeatsAck && s.window === me.window ? peer.lastProbe : null;
    if (s.window === 0 && !control && hasAck) notes.push('zero window');
    if (me.seen && probe === null && seqGt(s.seq, me.nextSeq) && (s.flags & (Flag.RST | Flag.SYN)) === 0)
      notes.push('previous segment not captured');
    if (probe !== null) notes.push(probe === 'keep-alive' ? 'keep-alive' : 'zero window probe');
    if (probeAnswer === 'keep-alive' && s.window !== 0) notes.push('keep-alive ack');
    else if (probeAnswer === 'window-probe' && s.window === 0) notes.push('zero window probe ack');
    else if (repeatsAck && probe === null && s.window !== 0) this.#repeatedAck(s, me, notes);
    if (s.length > 0 && probe === null && peer.sawAck && this.#fills(end, peer, otherSide(s.side))) notes.push('window full');

    if (hasAck && s.ack !== me.lastAck) me.dupAcks = 0;
    if (hasAck && peer.seen && seqGt(s.ack, peer.contiguous)) {
      // The octet of a zero window probe may be taken although it did not count as sent; from then on it does.
      if (peer.lastProbe === 'window-probe' && s.ack === seqAdd(peer.nextSeq, 1)) peer.nextSeq = s.ack;
      else notes.push('ack of unseen segment');
      peer.contiguous = seqGt(s.ack, peer.nextSeq) ? s.ack : peer.nextSeq;
    }
    if ((s.length > 0 || (control && (s.flags & Flag.RST) === 0)) && probe === null) this.#resent(s, end, me, peer, notes);

    this.#remember(s, end, me, peer, { hasAck, pureAck, probe });
    return notes.length === 0 ? NONE : notes;
  }

  #handshake(s: SegmentFacts, me: Direction, hasAck: boolean): void {
    if ((s.flags & Flag.SYN) === 0) {
      if (hasAck && this.#initialRtt < 0 && this.#synTime >= 0) this.#initialRtt = s.time - this.#synTime;
      return;
    }
    if (!hasAck) this.#synTime = s.time;
    if (me.seen && this.#ends[otherSide(s.side)].seen) return; // the same SYN again, or a stray one
    if (me.isn !== s.seq) me.seen = false; // another attempt before any answer: everything starts anew
    me.isn = s.seq;
    me.scale = s.windowScale < 0 ? -2 : Math.min(s.windowScale, 14); // RFC 7323 §2.3: more than 14 means 14
  }

  #repeatedAck(s: SegmentFacts, me: Direction, notes: string[]): void {
    if (s.window !== me.window && s.sackBlocks === 0) notes.push('window update');
    else notes.push(`dup ack #${String(++me.dupAcks)}`);
  }

  /** Does a segment that ends at `end` use up exactly what the other end allowed? Only told where the scale is known. */
  #fills(end: number, peer: Direction, peerSide: Side): boolean {
    if (peer.scale === -1 || peer.window <= 0) return false;
    return end === seqAdd(peer.lastAck, this.scaledWindow(peerSide, peer.window, 0));
  }

  /** Is it new? If not: for which of the four reasons did these sequence numbers come again (or late)? */
  #resent(s: SegmentFacts, end: number, me: Direction, peer: Direction, notes: string[]): void {
    if (s.length > 0 && peer.sawAck && seqLeq(end, peer.lastAck)) return void notes.push('spurious retransmission');
    if (!me.seen || !seqLt(s.seq, me.nextSeq)) return;
    if ((s.flags & Flag.SYN) !== 0 && s.seq !== me.isn) return; // a stray SYN has a sequence space of its own
    const asked = s.seq === peer.lastAck || (peer.sackBlocks > 0 && !sacked(peer, s.seq, end));
    if (peer.dupAcks >= DUP_ACKS_FOR_FAST_RETRANSMISSION && s.time - peer.lastTime < FAST_RETRANSMISSION && asked) {
      return void notes.push('fast retransmission');
    }
    const reordering = this.#initialRtt > 0 ? this.#initialRtt : REORDERING;
    const late = s.time - me.highTime < reordering && !sentBefore(me, s.seq, end) && (end !== me.nextSeq || me.highWasPureAck);
    notes.push(late ? 'out-of-order' : 'retransmission');
  }

  #remember(
    s: SegmentFacts,
    end: number,
    me: Direction,
    peer: Direction,
    { hasAck, pureAck, probe }: { hasAck: boolean; pureAck: boolean; probe: Probe },
  ): void {
    // Neither a probe's octet, nor a RST, nor a SYN in the middle says where its sender's stream stands.
    const stray = (s.flags & Flag.RST) !== 0 || ((s.flags & Flag.SYN) !== 0 && me.seen && peer.seen);
    const counts = !stray && !(probe === 'window-probe' && s.length <= 1);
    if (counts && (!me.seen || s.seq === me.contiguous)) {
      me.contiguous = me.seen && seqGt(me.nextSeq, end) ? me.nextSeq : end;
    }
    if (counts && (!me.seen || seqGt(end, me.nextSeq))) {
      me.nextSeq = end;
      me.highTime = s.time;
      me.highWasPureAck = pureAck;
    }
    if (counts) me.seen = true;
    if (!stray && end !== s.seq && me.unackedSeq.length < UNACKED_LIMIT) {
      me.unackedSeq.push(s.seq);
      me.unackedEnd.push(end);
    }
    if (!stray) me.window = s.window;
    me.lastTime = s.time;
    me.lastProbe = probe;
    me.sackBlocks = s.sackBlocks;
    if (s.sackBlocks > 0) me.sack.set(s.sack);
    if (!hasAck) return;
    me.lastAck = s.ack;
    me.sawAck = true;
    forgetAcked(peer, s.ack);
  }
}

/**
 * Linux sends the same segment as keep-alive and as zero window probe (seq = snd_una - 1, no payload; net/ipv4/tcp_output.c
 * tcp_xmit_probe_skb): the window that the other end showed last tells which. Others send one octet; into a closed window
 * anything with payload is a probe.
 */
function probeKind(s: SegmentFacts, me: Direction, peer: Direction, control: boolean): Probe {
  if (control) return null;
  const before = s.length <= 1 && s.seq === seqAdd(me.nextSeq, -1);
  if (peer.window === 0 && (before || s.length > 0)) return 'window-probe';
  return before ? 'keep-alive' : null;
}

function sentBefore(me: Direction, seq: number, end: number): boolean {
  for (let i = 0; i < me.unackedSeq.length; i++) {
    if (seqLeq(me.unackedSeq[i]!, seq) && seqGeq(me.unackedEnd[i]!, end)) return true;
  }
  return false;
}

function sacked(receiver: Direction, seq: number, end: number): boolean {
  for (let i = 0; i < receiver.sackBlocks; i++) {
    if (seqLeq(receiver.sack[2 * i]!, seq) && seqGeq(receiver.sack[2 * i + 1]!, end)) return true;
  }
  return false;
}

function forgetAcked(sender: Direction, ack: number): void {
  let done = 0;
  while (done < sender.unackedEnd.length && seqLeq(sender.unackedEnd[done]!, ack)) done++;
  if (done === 0) return;
  sender.unackedSeq.splice(0, done);
  sender.unackedEnd.splice(0, done);
}
