/**
 * Sockets that wait in CLOSE_WAIT, gathered by the host that owns them and by service, and measured against their
 * neighbours. The arithmetic of `close-wait-stuck`; the words are in that file.
 *
 * A socket counts when its end acknowledged the peer's FIN and has sent nothing since. Data after the FIN is a half-close
 * in use; an end with octets that the capture lost may have sent its FIN among them; both are left out.
 */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import type { ConnectionView, EndpointView } from '../model/connection.ts';
import { otherSide, Side, State } from '../model/state.ts';
import { type FrameNo, type Nanos, secondsOf } from '../model/units.ts';
import { median, sample } from './statistics.ts';

/** Neighbours looked at: enough for a median. */
const NEIGHBOURS = 24;

export interface Waiting {
  readonly connection: ConnectionView;
  /** The end in CLOSE_WAIT, and the one that closed. */
  readonly end: EndpointView;
  readonly peer: EndpointView;
  readonly since: Nanos;
  /** null: still there at the end of observation. */
  readonly until: Nanos | null;
  /** Frame and kind of what ended it. */
  readonly ending: { readonly frame: FrameNo; readonly kind: 'FIN' | 'RST' } | null;
  readonly seconds: number;
  /** A server whose client spoke last: a request that was never answered. */
  readonly unanswered: boolean;
}

export interface WaitingGroup {
  readonly service: ServiceView;
  readonly side: Side;
  /** The host whose application does not close. */
  readonly host: string;
  /** Still waiting at the end of observation, in the order of their connections. */
  readonly open: readonly Waiting[];
  /** Left by a FIN or RST of their own after a wait worth a look, in the order of their connections. */
  readonly ended: readonly Waiting[];
}

/** @param minSeconds stays that ended sooner are not worth a look. */
export function waitingGroups(capture: CaptureView, minSeconds: number): WaitingGroup[] {
  const all: { service: ServiceView; side: Side; host: string; open: Waiting[]; ended: Waiting[] }[] = [];
  for (const service of capture.services) {
    const hosts = [new Map<string, (typeof all)[number]>(), new Map<string, (typeof all)[number]>()] as const;
    for (const stay of service.closeWaits) {
      if (stay.until !== null && secondsOf(stay.until - stay.since) < minSeconds) continue;
      const waiting = waitingOf(capture, capture.connection(stay.id), stay.side, stay.since, stay.until);
      if (!waiting) continue;
      const host = waiting.end.ip;
      let group = hosts[stay.side].get(host);
      if (!group) {
        group = { service, side: stay.side, host, open: [], ended: [] };
        hosts[stay.side].set(host, group);
        all.push(group);
      }
      if (waiting.until === null) group.open.push(waiting);
      else if (waiting.ending !== null) group.ended.push(waiting);
    }
  }
  const byConnection = (a: Waiting, b: Waiting): number => a.connection.id - b.connection.id;
  return all.map((g) => ({ ...g, open: g.open.sort(byConnection), ended: g.ended.sort(byConnection) }));
}

function waitingOf(capture: CaptureView, connection: ConnectionView, side: Side, since: Nanos, until: Nanos | null): Waiting | null {
  const end = connection.ends[side];
  const peer = connection.ends[otherSide(side)];
  if (connection.basis === 'one-sided' || peer.finAckedTime === null) return null;
  // What it sent and we miss may be its FIN.
  if (end.mayLackOctets) return null;
  // Data that crossed the FIN is on the wire before its ACK; only what follows the ACK is a half-close in use.
  if (end.payloadAfterPeerFin > 0 && (end.lastDataTime ?? 0) >= peer.finAckedTime) return null;
  const seconds = secondsOf((until ?? capture.end) - since);
  const unanswered = side === Side.SERVER && peer.lastDataTime !== null && peer.lastDataTime > (end.lastDataTime ?? -1);
  return { connection, end, peer, since, until, ending: until === null ? null : endingOf(connection, end), seconds, unanswered };
}

/** What this end itself sent to leave CLOSE_WAIT; null when the peer's RST ended it. */
function endingOf(connection: ConnectionView, end: EndpointView): Waiting['ending'] {
  const left = connection.transitions.find((t) => t.side === end.side && t.from === State.CLOSE_WAIT);
  if (left?.frame == null) return null;
  if (left.to === State.LAST_ACK) return { frame: left.frame, kind: 'FIN' };
  return left.frame === end.firstRstFrame ? { frame: left.frame, kind: 'RST' } : null;
}

export interface Neighbours {
  /** Connections of the service that the same host closed as it should, after its peer had. */
  readonly count: number;
  /** Their median time in CLOSE_WAIT; null of none. */
  readonly medianSeconds: number | null;
}

/** How quickly the same host closes the other connections of the service. */
export function neighboursOf(capture: CaptureView, group: WaitingGroup, without: readonly Waiting[]): Neighbours {
  const dwells: number[] = [];
  const excluded = new Set(without.map((w) => w.connection.id));
  for (const id of sample(group.service.ids('ok'), NEIGHBOURS)) {
    if (excluded.has(id)) continue;
    const end = capture.connection(id).ends[group.side];
    const stay = end.ip === group.host ? end.closeWait : null;
    if (stay?.until != null) dwells.push(secondsOf(stay.until - stay.since));
  }
  return { count: dwells.length, medianSeconds: dwells.length === 0 ? null : median(dwells) };
}

/**
 * Did the sockets that ended do so because their process ended? The kernel closes all its descriptors in one go, in use or
 * not, and a socket with unread data by RST. A pool that sweeps out stale connections also closes many at once, but only
 * those, and by FIN.
 */
export function endedByKill(capture: CaptureView, group: WaitingGroup, minCount: number, spreadSeconds: number): readonly Waiting[] {
  const spread = spreadSeconds * 1e9;
  const sorted = group.ended.toSorted((a, b) => a.until! - b.until!);
  let killed: readonly Waiting[] = [];
  for (let from = 0, to = 0; from < sorted.length; from++) {
    while (to < sorted.length && sorted[to]!.until! - sorted[from]!.until! <= spread) to++;
    if (to - from > killed.length) killed = sorted.slice(from, to);
  }
  if (killed.length === 0 || killed.length < minCount) return [];
  const [first, last] = [killed[0]!.until!, killed.at(-1)!.until!];
  const resets = killed.filter((w) => w.ending?.kind === 'RST').length;
  if (resets === 0 && !othersEnded(capture, group, first, last + spread)) return [];
  return killed.toSorted((a, b) => a.connection.id - b.connection.id);
}

/** Did connections in use end in the same instant, by this host? */
function othersEnded(capture: CaptureView, group: WaitingGroup, from: number, to: number): boolean {
  return sample(group.service.all(), NEIGHBOURS).some((id) => {
    const end = capture.connection(id).ends[group.side];
    return end.ip === group.host && end.closeWait === null && end.finTime !== null && end.finTime >= from && end.finTime <= to;
  });
}
