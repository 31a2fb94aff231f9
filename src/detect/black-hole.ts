/** Segments that are too large for the path and vanish: what tells them from a peer that is gone. Two rules need the same answer. */
import type { ConnectionView, EndpointView } from '../model/connection.ts';
import { otherSide, Side } from '../model/state.ts';
import type { LifeSigns } from './life-signs.ts';

/** Payload above which a segment counts as large here: sequence.largeResentInVain. */
export const LARGE_OCTETS = 1_200;
/** Repeats of large segments in a row: one or two in vain are loss. */
export const MIN_REPEATS = 3;

export interface BlackHole {
  readonly connection: ConnectionView;
  /** The sender of the large segments. */
  readonly end: EndpointView;
  readonly peer: EndpointView;
  /** The end of another connection that shows that the peer lives; null: it spoke on this one meanwhile. */
  readonly alive: EndpointView | null;
}

export function blackHoleOf(connection: ConnectionView, signs: LifeSigns): BlackHole | null {
  if (connection.basis === 'one-sided') return null;
  for (const side of [Side.CLIENT, Side.SERVER]) {
    const end = connection.ends[side];
    const peer = connection.ends[otherSide(side)];
    const { largeNeverAcknowledged, largeResentInVain, resentInVain, inVainSince } = end.sequence;
    if (!largeNeverAcknowledged || Math.min(largeResentInVain, resentInVain) < MIN_REPEATS || inVainSince === null) continue;
    if (peer.lastTime === null || peer.rst > 0) continue;
    const closure = peer.sequence.longestZeroWindow;
    if (closure !== null && closure.end === null) continue;
    // Small segments of this end came through before, large ones never did, here or elsewhere.
    if ((end.sequenceBytes ?? Infinity) - end.maxInFlight >= LARGE_OCTETS) continue;
    const others = signs.between(connection);
    if (others.some((o) => takesLarge(o.ends[side]))) continue;
    const round = 2e9 * (connection.handshakeRtt ?? 0);
    if (peer.lastTime > inVainSince.time + round) return { connection, end, peer, alive: null };
    const alive = signs.of(connection, peer, peer.lastTime);
    if (alive !== null) return { connection, end, peer, alive };
  }
  return null;
}

/** Sent large segments that were acknowledged. */
const takesLarge = (end: EndpointView): boolean =>
  end.largestPayload >= LARGE_OCTETS && end.sequence.resentInVain === 0 && (end.sequenceBytes ?? 0) >= LARGE_OCTETS && end.rtt !== null;
