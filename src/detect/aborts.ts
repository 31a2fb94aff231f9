/**
 * Which connections did a live socket abort, and why might it have? Linux sends the same RST, ACK for SO_LINGER 0, for
 * close() with unread data, for a listener closed with waiting children and for a killed process; what came before it and
 * what happened beside it tell them apart, as far as they can be.
 *
 * Left out: everything that is a normal end or somebody else's doing (docs of rst-abort, "never").
 */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import { type ConnectionView, type EndpointView, Mark, type MarkEvent, type RstFacts } from '../model/connection.ts';
import { otherSide, Side } from '../model/state.ts';
import { type ConnId, type Nanos, nanosOf } from '../model/units.ts';
import { isForged, outlived } from './forged-resets.ts';
import { oncePerCapture } from './once.ts';
import { MANY_CLIENTS } from './service-groups.ts';
import { tlsExchangeComplete } from './tls-goodbye.ts';

/** Why, as far as the wire shows. */
export type AbortKind = 'unread-data' | 'listener-closed' | 'idle' | 'linger' | 'service-down';

/** There is no view of the connection in it, as there may be thousands; the end that reset is the group's `side`. */
export interface Abort {
  readonly id: ConnId;
  /** Of the RST. */
  readonly time: Nanos;
  readonly kind: AbortKind;
  readonly seqExact: boolean;
  readonly ttlDiffers: boolean;
  /** The peer had sent its FIN: nothing was lost. */
  readonly afterPeerFin: boolean;
  /** Its connection began before the capture. */
  readonly midstream: boolean;
  /** Silence before it, seconds; 0 unknown. */
  readonly quiet: number;
}

/** A connection without payload for so long was idle when it was reset. */
const IDLE_SECONDS = 5;
/** Refusals that begin so soon after a RST belong to the same end of the service. */
const GOES_DOWN = nanosOf(5);
/** An upload so many times the answer was hardly read to its end by a server that then resets. */
const UPLOAD = 4;

export interface AbortGroup {
  readonly service: ServiceView;
  readonly side: Side;
  /** The host that resets; null: many clients of one service. */
  readonly host: string | null;
  /** Of most groups no more is wanted: `abortsOf` has the rest. */
  readonly ids: readonly ConnId[];
}

export function abortGroups(capture: CaptureView): AbortGroup[] {
  const groups: { service: ServiceView; side: Side; host: string; ids: ConnId[] }[] = [];
  // By the service's name, the end and its address, which are texts that exist already.
  const byName = [
    new Map<string, Map<string, (typeof groups)[number]>>(),
    new Map<string, Map<string, (typeof groups)[number]>>(),
  ] as const;
  for (const id of capture.withRstLike(isAbort)) {
    const c = capture.connection(id);
    const service = capture.serviceOf(id);
    const rst = abortOf(capture, c, service);
    if (rst === null) continue;
    let hosts = byName[rst.side].get(service.name);
    if (!hosts) byName[rst.side].set(service.name, (hosts = new Map<string, (typeof groups)[number]>()));
    const host = (rst.side === Side.CLIENT ? c.client : c.server).ip;
    let group = hosts.get(host);
    if (!group) {
      group = { service, side: rst.side, host, ids: [] };
      hosts.set(host, group);
      groups.push(group);
    }
    group.ids.push(id);
  }
  return together(groups);
}

/** In the order of `ids`. */
export function abortsOf(capture: CaptureView, { service, ids }: AbortGroup): Abort[] {
  return ids.map((id) => {
    const c = capture.connection(id);
    const { side, time, rst } = abortOf(capture, c, service)!;
    const { seqExact, ttlDiffers, afterPeerFin } = rst!;
    return {
      id,
      time,
      kind: goesDown(capture, service, side, time) ? 'service-down' : kindOf(c, c.ends[side], c.ends[otherSide(side)]),
      seqExact,
      ttlDiffers,
      afterPeerFin,
      midstream: c.basis === 'midstream',
      quiet: c.quietBeforeClose ?? 0,
    };
  });
}

function together(groups: readonly AbortGroup[]): AbortGroup[] {
  const byService = new Map<ServiceView, AbortGroup[]>();
  for (const g of groups) {
    if (g.side === Side.SERVER) continue;
    const list = byService.get(g.service);
    if (list) list.push(g);
    else byService.set(g.service, [g]);
  }
  const out = groups.filter((g) => g.side === Side.SERVER);
  for (const [service, list] of byService) {
    if (list.length <= MANY_CLIENTS) out.push(...list);
    else out.push({ service, side: Side.CLIENT, host: null, ids: list.flatMap((g) => g.ids) });
  }
  return out;
}

const isAbort = (rst: RstFacts): boolean => {
  if (rst.refusesSyn || rst.afterOwnFin || rst.peerSilent || !(rst.accepted || rst.seqExact)) return false;
  // Without ACK, with window 0 and no option: a kernel that has no socket for what it received.
  return rst.hasAck || !rst.windowZero || rst.hasTimestamp;
};

/** The RST that aborted it, when its sender was a live socket of an established connection. */
function abortOf(capture: CaptureView, c: ConnectionView, service: ServiceView): MarkEvent | null {
  if (c.basis === 'one-sided' || (!c.established && c.basis !== 'midstream')) return null;
  const first = c.marks.find((m) => m.mark === Mark.RST);
  if (!first) return null;
  const end = c.ends[first.side];
  const peer = c.ends[otherSide(first.side)];
  const silent = end.payloadBytes === 0 && peer.payloadBytes === 0;
  // A client's RST after the bare handshake is a health check; before the capture began, there may have been anything.
  if (silent && (first.side === Side.CLIENT || c.basis === 'midstream')) return null;
  if (tlsExchangeComplete(c, end, peer) || isForged(capture, c.id) || outlived(c, first)) return null;
  // After the other end's FIN nothing was lost, unless it is part of a service's death.
  return first.rst!.afterPeerFin && !goesDown(capture, service, first.side, first.time) ? null : first;
}

function kindOf(c: ConnectionView, end: EndpointView, peer: EndpointView): AbortKind {
  if (end.side === Side.SERVER && end.payloadBytes === 0 && peer.payloadBytes === 0) return 'listener-closed';
  if (c.quietBeforeClose !== null && c.quietBeforeClose >= IDLE_SECONDS) return 'idle';
  const peerLast = (peer.lastDataTime ?? -1) > (end.lastDataTime ?? -1);
  if (end.side === Side.SERVER && (peerLast || peer.payloadBytes >= UPLOAD * Math.max(1, end.payloadBytes))) return 'unread-data';
  return 'linger';
}

/** Did the service refuse connections right afterwards? */
function goesDown(capture: CaptureView, service: ServiceView, side: Side, time: Nanos): boolean {
  if (side !== Side.SERVER) return false;
  const known = refusedFrom(capture);
  let from = known.get(service);
  if (from === undefined) known.set(service, (from = firstRefusal(capture, service)));
  return from >= time && from - time <= GOES_DOWN;
}

const refusedFrom = oncePerCapture(() => new Map<ServiceView, number>());

/** -1: none. */
function firstRefusal(capture: CaptureView, service: ServiceView): number {
  for (const id of service.ids('refused')) if (!capture.isScan(id)) return capture.connection(id).start;
  return -1;
}
