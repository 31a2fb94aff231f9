/**
 * Segments of the connection before on the same tuple that come late, into the next one (RFC 9293 §3.4.3 is about them). Their
 * sequence numbers were sent there and cannot have been sent here; whoever gets one answers by an ACK of what it waits for.
 * Only tuples that are used again are looked at, and only where both connections are in the capture: their numbers are the proof.
 */
import { Mark } from '../model/connection.ts';
import { Flag } from '../model/flags.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import type { Packet } from '../decode/packet.ts';
import type { Context } from './context.ts';
import { endOf } from './copies.ts';
import { Core, Half, HALF_STRIDE, HalfFlag, pairOf, Trait } from './layout.ts';
import { partOf } from './shard.ts';

/** RFC 7323 §2.3: no window reaches further. */
const MAX_WINDOW = 2 ** 30;

/** A segment without SYN and RST on a tuple used before: does it belong to the connection before? Then it is logged here. */
export function isStray(x: Context, k: Packet): boolean {
  const { pair, me, side } = x;
  if (!x.has(Trait.SAW_SYN) || !x.has(Trait.SAW_SYN_ACK)) return false;
  const iss = x.iss(side);
  if ((k.seq - iss) >>> 0 <= ((pair[me + Half.NXT]! - iss) >>> 0) + MAX_WINDOW) {
    if (x.hasStrays) answered(x, k);
    return false;
  }
  if (!wasSentBefore(x, k)) return false;
  x.takenForOld();
  x.mark(Mark.OLD_SEGMENT, k.payloadLength);
  const part = partOf(x.tuple);
  x.strays[part] = endOf(x.id, side) + 1;
  x.strayTimes[part] = x.now;
  x.hasStrays = true;
  return true;
}

/** Do the numbers of the segment lie among those that its sender sent in the connection before? */
function wasSentBefore(x: Context, k: Packet): boolean {
  const { cores, pairs } = x.tables;
  const before = x.previous - 1;
  const core = cores.page(before);
  const c = cores.offset(before);
  const ref = pairOf(core, c);
  if (ref === 0) return false;
  const turned = ((core[c + Core.STATE]! ^ x.core[x.c + Core.STATE]!) & Trait.CLIENT_IS_B) !== 0;
  const half = pairs.offset(ref - 1) + (turned ? 1 - x.side : x.side) * HALF_STRIDE;
  const pair = pairs.page(ref - 1);
  if ((pair[half + Half.FLAGS]! & HalfFlag.NXT_KNOWN) === 0) return false;
  // SYN and FIN count as an octet each.
  const sent = pairs.floatPage(ref - 1)[(half + Half.PAYLOAD) >> 1]! + 2;
  const behind = (pair[half + Half.NXT]! - k.seq) >>> 0;
  return behind <= sent && k.payloadLength + ((k.flags & Flag.FIN) === 0 ? 0 : 1) <= behind;
}

/** The other end's next segment after a stray one: an empty ACK that says nothing new is its answer (RFC 9293 §3.10.7.4 first). */
function answered(x: Context, k: Packet): void {
  const { pair, me } = x;
  const part = partOf(x.tuple);
  if (x.strays[part] !== endOf(x.id, 1 - x.side) + 1) return;
  x.strays[part] = 0;
  const repeats =
    k.payloadLength === 0 && (k.flags & Flag.ACK) !== 0 && k.ack === pair[me + Half.LAST_ACK] && k.seq === pair[me + Half.NXT];
  if (repeats && x.now - x.strayTimes[part]! <= NANOS_PER_SECOND) x.mark(Mark.CHALLENGE_ACK, 0);
}
