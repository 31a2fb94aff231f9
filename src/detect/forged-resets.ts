/**
 * Did a third party make this RST? No single sign proves it: load balancers and firewalls reset in a host's name too, and
 * kernels send odd RSTs where they have no socket. Each sign has a weight; the sum and the signs are shown.
 *
 * Shared with `rst-abort`, which must not blame a host for a RST that it did not send.
 */
import type { CaptureView } from '../model/capture-view.ts';
import { type ConnectionView, type EndpointView, Mark, type MarkEvent, type RstFacts } from '../model/connection.ts';
import { Side } from '../model/state.ts';
import { type ConnId, type FrameNo, type Nanos, nanosOf } from '../model/units.ts';
import { oncePerCapture } from './once.ts';

/** From this sum on, with at least two signs. */
export const FORGED_SCORE = 4;

/** A forger's volley comes within this (RST_SEQ_CHANGE of Weaver, Sommer and Paxson, NDSS 2009, has 2 s). */
const VOLLEY = nanosOf(2);
/** RSTs in both directions this close together were made by one device: no answer travels that fast. */
const BOTH_WAYS = nanosOf(0.001);
/** Segments that were under way when the RST was sent may pass later than it. */
const UNDER_WAY = nanosOf(0.001);

export interface Sign {
  readonly id:
    'sender-goes-on' | 'challenged' | 'stepped-volley' | 'both-directions' | 'ttl' | 'options' | 'behind' | 'victim-without-socket';
  readonly weight: number;
  readonly text: string;
  readonly frame: FrameNo;
  readonly time: Nanos;
}

export interface ForgedReset {
  readonly connection: ConnectionView;
  /** Whose address the RSTs carry. */
  readonly side: Side;
  readonly resets: readonly MarkEvent[];
  readonly signs: readonly Sign[];
  readonly score: number;
  /** The connection died of it. */
  readonly hit: boolean;
  /** Somebody is proven to have forged it: the sender it names was alive, or it was a guess. */
  readonly proven: boolean;
}

/** By connection with at least two signs, ascending; several rules ask. No more than that is kept: an attack resets a million connections. */
export const forgeryScores = oncePerCapture((capture): ReadonlyMap<ConnId, number> => {
  const out = new Map<ConnId, number>();
  // The ordinary case is left out without a view: one RST and nothing else to argue with, which bears no two signs by itself.
  for (const id of capture.withRstLike((rst, _, alone) => !alone || ownSigns(rst) >= 2)) {
    const forged = forgedReset(capture.connection(id));
    if (forged !== null) out.set(id, forged.score);
  }
  return out;
});

/** Are the RSTs of a connection not their sender's own? */
export const isForged = (capture: CaptureView, id: ConnId): boolean => (forgeryScores(capture).get(id) ?? 0) >= FORGED_SCORE;

/** Of the stronger of both directions; null: fewer than two signs. */
export function forgedReset(c: ConnectionView): ForgedReset | null {
  const best = c.established || c.basis === 'midstream' ? strongest(c) : null;
  return best !== null && best.signs.length >= 2 ? best : null;
}

/** The first segment by which an end shows that "its" RST left it alive; one that was under way when the RST was sent shows nothing. */
export const outlived = (c: ConnectionView, rst: MarkEvent): MarkEvent | undefined =>
  c.marks.find((m) => m.mark === Mark.SENT_AFTER_RST && m.side === rst.side && m.time - rst.time > UNDER_WAY);

function strongest(c: ConnectionView): ForgedReset | null {
  const resets = c.marks.filter((m) => m.rst !== null);
  const [client, server] = [judge(c, 0, resets), judge(c, 1, resets)];
  if (client === null || server === null) return client ?? server;
  return server.score > client.score ? server : client;
}

function judge(c: ConnectionView, side: Side, all: readonly MarkEvent[]): ForgedReset | null {
  const mine = all.filter((m) => m.side === side && countable(m.rst!));
  const first = mine[0];
  if (!first) return null;
  const signs: Sign[] = [];
  const add = (id: Sign['id'], weight: number, at: { frame: FrameNo; time: Nanos }, text: string): void => {
    signs.push({ id, weight, text, frame: at.frame, time: at.time });
  };
  // Who they are is asked where a sign names them: mostly there is none.
  const end = (): EndpointView => (side === Side.CLIENT ? c.client : c.server);
  const victim = (): EndpointView => (side === Side.CLIENT ? c.server : c.client);

  const goesOn = outlived(c, first);
  if (goesOn) add('sender-goes-on', 3, goesOn, `${end().ip} goes on sending after "its" RST: its socket is alive`);
  const challenge = challengeTo(c, mine);
  // RFC 5961 §3.2: a RST whose number was off because a segment before it was lost is challenged too, and its sender, which
  // has no socket any more, says so by a bare RST at exactly the number that the challenge asked for.
  const confirmed = challenge !== undefined && mine.some((m) => !m.rst!.hasAck && m.rst!.answersLastSegment && m.time >= challenge.time);
  if (challenge && !confirmed)
    add('challenged', 3, challenge, `${victim().ip} answers by a challenge ACK (RFC 5961): the sequence number was a guess`);
  const stepped = mine.find((m) => m.rst!.stepped && m.time - first.time <= VOLLEY);
  if (stepped) add('stepped-volley', 2, stepped, 'several RSTs with rising sequence numbers: a guess at where the window will be');
  const both = all.find(
    (m) => m.side !== side && countable(m.rst!) && m.rst!.hasAck === first.rst!.hasAck && Math.abs(m.time - first.time) <= BOTH_WAYS,
  );
  if (both) add('both-directions', 2, both, 'RSTs of the same make in both directions at once: made by one device between the ends');

  const ttl = mine.find((m) => m.rst!.ttlDiffers);
  if (ttl)
    add(
      'ttl',
      2,
      ttl,
      `its TTL is ${String(ttl.rst!.ttl)}, the sender's other segments have ${String(end().ttl)}: it comes from another place`,
    );
  // A kernel without a socket sends no timestamp, window 0 and IP ID 0 by design; a live socket does none of it.
  const odd = mine.find((m) => m.rst!.hasAck && isOdd(m.rst!));
  if (odd)
    add('options', Math.min(3, oddities(odd.rst!).length), odd, `it acknowledges like a live socket, yet ${oddities(odd.rst!).join(', ')}`);
  const behind = confirmed ? undefined : mine.find((m) => isBehind(m.rst!));
  if (behind) add('behind', 1, behind, 'its sequence number is not the next one of the sender: made by somebody who saw an older segment');
  const bare = all.find((m) => m.side !== side && !m.rst!.hasAck && m.rst!.answersLastSegment && m.time > first.time);
  if (bare && goesOn)
    add('victim-without-socket', 1, bare, `${victim().ip} had believed it: it has no socket any more and resets what still comes`);

  const proven = goesOn !== undefined || (challenge !== undefined && !confirmed) || stepped !== undefined || both !== undefined;
  const score = signs.reduce((sum, s) => sum + s.weight, 0);
  return { connection: c, side, resets: mine, signs, score, hit: mine.some((m) => m.rst!.accepted), proven };
}

/** The first challenge ACK that one of these RSTs may have met. */
function challengeTo(c: ConnectionView, resets: readonly MarkEvent[]): MarkEvent | undefined {
  for (const { side, time, rst } of resets) {
    if (rst!.accepted) continue;
    const challenge = c.marks.find((m) => m.mark === Mark.CHALLENGE_ACK && m.side !== side && m.time >= time);
    if (challenge !== undefined) return challenge;
  }
  return undefined;
}

/** How many signs a RST bears that no other segment is needed for. */
const ownSigns = (r: RstFacts): number => Number(r.stepped) + Number(r.ttlDiffers) + Number(r.hasAck && isOdd(r)) + Number(isBehind(r));

const isBehind = (r: RstFacts): boolean => r.hasAck && r.seqInWindow && !r.seqExact && !r.stepped;

/** Refusals, and RSTs of an end that had already closed, are what kernels send. */
const countable = (rst: RstFacts): boolean => !rst.refusesSyn && !rst.afterOwnFin;

const isOdd = (rst: RstFacts): boolean => rst.lacksNegotiatedTimestamp || rst.windowZero || rst.ipIdZero;

/** In words. */
function oddities(rst: RstFacts): string[] {
  const out: string[] = [];
  if (rst.lacksNegotiatedTimestamp) out.push('it has no timestamp, which both ends negotiated');
  if (rst.windowZero) out.push('its window is 0');
  if (rst.ipIdZero) out.push('its IP identification is 0');
  return out;
}
