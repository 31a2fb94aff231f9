/**
 * The regular segment of an established connection: an ACK that goes on where its sender stopped, acknowledges what was
 * seen and closes no window; and how such a connection ends (regular-close.ts). Most of most captures, so it has a lane of its own: a look at each word that it needs, and
 * nothing is written before every question is answered. Whatever is not regular takes the long way, which asks the same
 * questions one by one (`tracker.ts`, `book` of `sequence.ts`) and must come to the same result: test/track/regular.test.ts.
 */
import { Flag } from '../model/flags.ts';
import type { Side } from '../model/state.ts';
import { State } from '../model/state.ts';
import type { Packet } from '../decode/packet.ts';
import type { Context } from './context.ts';
import { type Copies, endOf, fingerprintOf } from './copies.ts';
import { notePlain, SEEN_ACK, SEEN_DATA } from './history.ts';
import { Core, Half, HALF_STRIDE, HalfFlag, Trait } from './layout.ts';
import { PACKED } from './packed-records.ts';
import { close, closesRegularly, mayClose } from './regular-close.ts';
import { mayCarrySack } from './repairs.ts';
import { partOf } from './shard.ts';
import {
  COMPLETE_ACK,
  COMPLETE_DATA,
  IDLE_FLOOR,
  mayFillWindow,
  noteInFlight,
  notePayload,
  noteRoundTrip,
  noteSize,
  noteWindowAndTtl,
  startMeasurement,
} from './sequence.ts';
import { isTurn, noteTurn } from './turns.ts';

const CONTROL = Flag.SYN | Flag.RST | Flag.ACK;
const KIND = CONTROL | Flag.FIN;
/** What plain data could still explain in hindsight. */
const HINDSIGHT = Trait.HAS_RST | Trait.STRAY_SYN;
/** Both states, and nothing of that. */
export const ORDINARY = 0xff | HINDSIGHT;
export const BOTH_ESTABLISHED = State.ESTABLISHED | (State.ESTABLISHED << 4);

/** Flags that matter, and those of them that must be set. */
const SENDER_ASKED = HalfFlag.NXT_KNOWN | HalfFlag.DOUBT | HalfFlag.FAR;
const RECEIVER = HalfFlag.NXT_KNOWN | HalfFlag.UNA_KNOWN;
const RECEIVER_CLOSING = RECEIVER | HalfFlag.PROBING | HalfFlag.HOLES;
const RECEIVER_ASKED = RECEIVER_CLOSING | HalfFlag.FIN_SENT;

/** Books the segment, when it is regular; else does nothing and returns false. `core` and `c` are the record of connection `id`. */
export function regular(x: Context, copies: Copies, k: Packet, id: number, side: Side, core: Int32Array, c: number): boolean {
  const payload = k.payloadLength;
  const state = core[c + Core.STATE]!;
  const closes = (k.flags & KIND) !== Flag.ACK || (state & ORDINARY) !== BOTH_ESTABLISHED;
  if (closes && ((k.flags & CONTROL) !== Flag.ACK || (state & HINDSIGHT) !== 0 || !mayClose(k, side, core, c))) return false;
  if (k.window === 0 || k.fragments > 1) return false;
  if (x.hasStrays && x.strays[partOf(x.tuple)] === endOf(id, 1 - side) + 1) return false; // it may be the answer to a stray segment
  const ref = core[c + Core.PAIR]! - 1; // whoever is ESTABLISHED has a sequel, and this word is the pair's
  if (ref >>> 0 >= PACKED || (k.headerLength >= 32 && mayCarrySack(k))) return false;

  const pairs = x.tables.pairs.live;
  const pair = pairs.page(ref);
  const p = pairs.offset(ref);
  const me = p + side * HALF_STRIDE;
  const peer = p + (1 - side) * HALF_STRIDE;
  const mine = pair[me + Half.FLAGS]!;
  const theirs = pair[peer + Half.FLAGS]!;
  if ((mine & SENDER_ASKED) !== HalfFlag.NXT_KNOWN) return false;
  if ((theirs & (closes ? RECEIVER_CLOSING : RECEIVER_ASKED)) !== RECEIVER || k.seq !== pair[me + Half.NXT]) return false;
  if (closes && !closesRegularly(k, pair, me, peer)) return false;
  const unseen = (k.ack - pair[peer + Half.NXT]!) | 0;
  const repeats = payload === 0 && k.ack === pair[me + Half.LAST_ACK];
  if (unseen > 0 || (unseen < 0 && repeats)) return false;
  const word = pair[me + Half.WINDOW_TTL]!;
  if ((word & 0xffff) === 0 || word >>> 24 === 0) return false;

  const pairF = pairs.floatPage(ref);
  const { now } = x;
  const before = pairF[(me + Half.LAST_TIME) >> 1]!;
  const answered = pairF[(peer + Half.LAST_TIME) >> 1]!;
  // `lastTimeOf` rests on it that a sender's regular segments do not go back in time.
  if (before < 0 || now < before || now - (before > answered ? before : answered) >= IDLE_FLOOR) return false;
  const fingerprint = fingerprintOf(k, endOf(core[c + Core.FIRST_FRAME]!, side));
  // New octets, or an acknowledgment of octets that it had not acknowledged, were not seen before: no need to wait for the memory that knows. But the
  // acknowledgment of a FIN may have been seen before the FIN, which took it back.
  const acknowledges = ((k.ack - pair[peer + Half.UNA]!) | 0) > 0;
  const length = payload + (k.flags & Flag.FIN); // a FIN is an octet, and the lowest bit
  if (length === 0 && (closes || !acknowledges) && copies.isKnown(x.tuple, fingerprint)) return false;
  const nxt = (k.seq + length) | 0;
  const knowsFlight = (mine & HalfFlag.UNA_KNOWN) !== 0;
  const inFlight = (nxt - pair[me + Half.UNA]!) | 0;
  if (payload > 0 && knowsFlight && mayFillWindow(inFlight, pair[peer + Half.WINDOW_TTL]! & 0xffff)) return false;

  copies.remember(x, k, fingerprint);
  if (closes) {
    x.loadFound(id, side, core, c);
    close(x, k);
  }
  core[c + Core.LAST_FRAME] = x.frame;
  pair[me + Half.PACKETS] = pair[me + Half.PACKETS]! + 1;
  pairF[(me + Half.IP_BYTES) >> 1] = pairF[(me + Half.IP_BYTES) >> 1]! + k.ipLength;
  pair[me + Half.FLAGS] = pair[me + Half.FLAGS]! | HalfFlag.ACK_SEEN | HalfFlag.SPOKE;
  const complete = payload > 0 ? COMPLETE_DATA : COMPLETE_ACK;
  if ((state & complete) === 0) core[c + Core.STATE] = core[c + Core.STATE]! | complete;
  const isFirst = length === payload && (mine & (payload > 0 ? SEEN_DATA : SEEN_ACK)) === 0;
  const turns = payload > 0 && isTurn(x, pair, pairF, me, peer);
  if (isFirst || turns) {
    x.loadFound(id, side, core, c);
    if (isFirst) notePlain(x, k);
    if (turns) noteTurn(x, k);
  }
  pair[me + Half.NXT] = nxt;
  if (payload > 0) {
    pairF[(me + Half.PAYLOAD) >> 1] = pairF[(me + Half.PAYLOAD) >> 1]! + payload;
    startMeasurement(x, pair, pairF, me);
    noteSize(pair, me, payload);
    if (knowsFlight) noteInFlight(pair, me, payload, inFlight);
    notePayload(x, k, pair, pairF, me);
  }
  pair[me + Half.LAST_ACK] = k.ack;
  if (acknowledges) pair[peer + Half.UNA] = k.ack;
  if ((theirs & HalfFlag.TIMING) !== 0 && ((k.ack - pair[peer + Half.RTT_END]!) | 0) >= 0) noteRoundTrip(x, pair, pairF, peer);
  noteWindowAndTtl(pair, me, k);
  pairF[(me + Half.LAST_TIME) >> 1] = now;
  return true;
}
