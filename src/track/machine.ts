/**
 * Both endpoint machines of a connection, driven by one segment: which causes of transitions.ts it is for its sender and
 * for its receiver. Everything but the plain data and ACKs of an established connection comes through here.
 *
 * A segment is taken to arrive. Where what follows proves that it did not (the SYN comes again, the FIN comes again), the
 * transition is withdrawn in place.
 * Read first: RFC 9293 §3.10.7; docs/architecture.md "The vantage point".
 */
import { Mark } from '../model/connection.ts';
import { Flag, ODD_FLAGS } from '../model/flags.ts';
import { State } from '../model/state.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import type { Packet } from '../decode/packet.ts';
import { closedBy, finAcknowledged, finish, noteQuiet, receivesOwn, restartTimeWait } from './closing.ts';
import type { Context } from './context.ts';
import { eventCause, eventFrom } from './events.ts';
import { crossing, lastCause } from './hindsight.ts';
import { noteSegment } from './history.ts';
import { Core, Half, HalfFlag, Rare, Trait } from './layout.ts';
import { fastOpenServer, isOldAnswer, oldAnswer, refusesStraySyn, syn, synAck, synAcked } from './opening.ts';
import { reset, sentAfterReset } from './reset.ts';
import { book } from './sequence.ts';
import { Cause } from './transitions.ts';

export function segment(x: Context, k: Packet): void {
  const flags = k.flags;
  if (ODD_FLAGS[flags & 0x3f] === 1) oddFlags(x, flags);
  const opening = (flags & (Flag.SYN | Flag.ACK | Flag.RST)) === Flag.SYN;
  if (!opening) noteSegment(x, k);
  if ((flags & Flag.RST) !== 0) {
    x.bump(x.me + Half.RST);
    noteQuiet(x);
    reset(x, k);
    book(x, k, 0);
    closedBy(x);
    return;
  }
  if (x.flag(x.me, HalfFlag.SENT_RST)) sentAfterReset(x, k);
  if ((flags & Flag.SYN) !== 0) {
    if (!opening) synAck(x, k);
    else if (syn(x, k)) noteSegment(x, k);
    else return;
    book(x, k, k.payloadLength + 1);
    return;
  }
  plain(x, k);
  if (isSelfConnected(x)) receivesOwn(x, k);
}

function oddFlags(x: Context, flags: number): void {
  x.set(Trait.ODD_FLAGS);
  x.mark(Mark.ODD_FLAGS, flags & 0xff);
}

/** One socket connected to itself: connect() to a local port that the kernel has just chosen as the source port too. */
function isSelfConnected(x: Context): boolean {
  const ports = x.core[x.c + Core.PORTS]!;
  return x.core[x.c + Core.ADDR_A] === x.core[x.c + Core.ADDR_B] && ports >>> 16 === (ports & 0xffff);
}

/** Everything without SYN and RST. */
function plain(x: Context, k: Packet): void {
  const { pair, me, side } = x;
  const other = 1 - side;
  const flags = k.flags;
  const fin = (flags & Flag.FIN) !== 0;
  const hasAck = (flags & Flag.ACK) !== 0;
  const length = k.payloadLength + (fin && hasAck ? 1 : 0);

  const waits = x.state(other) === State.TIME_WAIT;
  speaks(x, k, length);
  const inOrder = !x.flag(me, HalfFlag.NXT_KNOWN) || (((k.seq - pair[me + Half.NXT]!) | 0) <= 0 && pair[me + Half.MISSED] === 0);
  if (fin) finish(x, k, length, inOrder);
  else challengeAck(x, k);
  if (waits && hasAck) restartTimeWait(x);
  book(x, k, length);
}

/** What a segment says by having been sent, and by its acknowledgment. @param length payload, and 1 for a FIN */
export function speaks(x: Context, k: Packet, length: number): void {
  const { pair, me, peer, side } = x;
  const other = 1 - side;
  const fin = (k.flags & Flag.FIN) !== 0;
  const hasAck = (k.flags & Flag.ACK) !== 0;
  if (x.state(side) === State.CLOSED || x.state(other) === State.CLOSED) wake(x, k);

  if (hasAck) {
    if (x.state(other) === State.SYN_SENT && !x.has(Trait.SAW_SYN_ACK)) oldAnswer(x, k);
    const acksSyn = x.has(Trait.SAW_SYN_ACK) ? ((k.ack - x.iss(other)) | 0) > 0 : x.state(other) >= State.ESTABLISHED;
    if (x.state(side) === State.SYN_SENT && (acksSyn || !x.has(Trait.SAW_SYN_ACK)) && !isOldAnswer(x)) {
      x.step(side, x.has(Trait.SAW_SYN_ACK) ? Cause.RECEIVES_SYN_ACK : Cause.ACKS_SYN);
    }
    // Its SYN or SYN-ACK was not captured.
    if (x.state(side) === State.CLOSED && acksSyn && x.lastTransition(side) === 0 && pair[me + Half.RST] === 0)
      x.step(side, Cause.SEEN_MIDSTREAM);
    if (x.state(side) === State.SYN_RCVD && !fastOpenServer(x, k) && !refusesStraySyn(x, k)) x.step(side, Cause.SPEAKS);
    if (x.state(other) === State.SYN_RCVD && ((k.ack - x.iss(other)) | 0) > 0)
      synAcked(x, length === 0 && k.seq === pair[peer + Half.LAST_ACK]); // what the SYN-ACK acknowledged, a Fast Open SYN's data included
    x.setFlag(me, HalfFlag.ACK_SEEN | HalfFlag.SPOKE);
  }

  if (hasAck && x.flag(peer, HalfFlag.FIN_SENT)) finAcknowledged(x, k);
  if (!x.flag(me, HalfFlag.FIN_SENT) || !hasAck || length > 0 || fin) {
    // nothing: a pure ACK after our FIN is handled below
  } else if (x.state(side) === State.FIN_WAIT_2 && ((k.ack - pair[peer + Half.UNA]!) | 0) > 0) {
    x.setFlag(me, HalfFlag.READS_AFTER_FIN);
  }
  if (k.payloadLength > 0 && x.state(other) === State.CLOSED && x.flag(peer, HalfFlag.FIN_SENT | HalfFlag.SENT_RST)) {
    x.mark(Mark.DATA_AFTER_CLOSE, k.payloadLength);
  }
}

/** RFC 5961: an empty ACK that says nothing new, straight after a RST or SYN of the other end that was not acceptable. */
function challengeAck(x: Context, k: Packet): void {
  if (k.payloadLength > 0 || (k.flags & Flag.ACK) === 0) return;
  if (!x.has(Trait.STRAY_SYN | Trait.HAS_RST)) return;
  const { pair, peer, me } = x;
  const stray = x.has(Trait.STRAY_SYN) && x.hasRare() && x.now - x.rareF[(x.r + Rare.STRAY_TIME) >> 1]! < NANOS_PER_SECOND;
  if (!stray && pair[peer + Half.RST] === 0) return;
  if (k.seq === pair[me + Half.NXT] && k.ack === pair[me + Half.LAST_ACK]) x.mark(Mark.CHALLENGE_ACK, 0);
}

/** An end that we had taken for closed is spoken to, or speaks. */
function wake(x: Context, k: Packet): void {
  const { pair, me, peer, side } = x;
  const other = 1 - side;
  if (x.state(other) === State.CLOSED && !orphanEnded(x, other)) x.reviveAssumed(other);
  if (x.state(side) === State.CLOSED) {
    x.reviveAssumed(side);
    // A FIN that came meanwhile is received now, if this segment acknowledges it.
    if (x.state(side) === State.FIN_WAIT_2) x.clearFlag(me, HalfFlag.FIN_RECEIVED);
  }
  if (x.state(side) !== State.CLOSED) return;
  const ref = x.lastTransition(side);
  if (ref === 0) return;
  // It died of the other end's RST, yet goes on later than the RST can have been under way: the RST was not accepted.
  if (pair[peer + Half.RST] === 0 || x.now - x.tables.events.time(ref) <= 2 * crossing(x)) return;
  const speaks = k.payloadLength + (k.flags & Flag.FIN) > 0 && !x.flag(me, HalfFlag.FIN_SENT) && ((k.seq - pair[me + Half.NXT]!) | 0) >= 0;
  if (speaks || takesMore(x, k)) x.withdraw(side);
}

/** An end that dies of a RST has received nothing behind it: does this one acknowledge what was sent since? */
function takesMore(x: Context, k: Packet): boolean {
  const { pair, peer } = x;
  if ((k.flags & Flag.ACK) === 0 || lastCause(x) !== Cause.RECEIVES_RST) return false;
  return ((k.ack - pair[peer + Half.RST_SEQ]!) | 0) > 0 && ((k.ack - pair[peer + Half.NXT]!) | 0) <= 0;
}

/** Only its own words prove that an orphan lives, or an end that gave up its data: what is sent to one that is gone meets a RST. */
function orphanEnded(x: Context, side: number): boolean {
  const ref = x.lastTransition(side);
  if (ref === 0) return false;
  const code = x.tables.events.code(ref);
  return eventFrom(code) === State.FIN_WAIT_2 || eventCause(code) === Cause.GIVES_UP_DATA;
}
