/**
 * Sockets that wait in CLOSE_WAIT, gathered by the host that owns them and by service, and measured against their
 * neighbours. The arithmetic of `close-wait-stuck`; the words are in that file.
 *
 * A socket counts when its end acknowledged the peer's FIN and has sent nothing since. Data after the FIN is a half-close
 * in use; an end with octets that the capture lost may have sent its FIN among them; both are left out.
 */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import type { CloseWaitGroup, CloseWaitStay } from '../model/close-wait.ts';
import { type ConnId, secondsOf } from '../model/units.ts';
import { oncePerCapture } from './once.ts';
import { median, sample } from './statistics.ts';

/** Neighbours looked at: enough for a median. */
const NEIGHBOURS = 24;

export type Waiting = CloseWaitStay;

export interface WaitingGroup extends CloseWaitGroup {
  readonly service: ServiceView;
}

/**
 * One after the other, in the order of their services and longest stays: there may be as many as clients.
 * @param minSeconds stays that ended sooner are not worth a look
 */
export function* waitingGroups(capture: CaptureView, minSeconds: number, which: 'all' | 'ended'): Generator<WaitingGroup> {
  for (const service of capture.services)
    for (const { side, host, open, ended } of service.closeWaitGroups(minSeconds, which)) yield { service, side, host, open, ended };
}

export interface Neighbours {
  /** Connections of the service that the same host closed as it should, after its peer had. */
  readonly count: number;
  /** Their median time in CLOSE_WAIT; null of none. */
  readonly medianSeconds: number | null;
}

/** How quickly the same host closes the other connections of the service. */
export function neighboursOf(capture: CaptureView, { service, side, host }: WaitingGroup, without: readonly Waiting[]): Neighbours {
  const excluded = new Set(without.map((w) => w.id));
  const dwells = closesOf(capture, service)
    [side].filter((it) => it.host === host && !excluded.has(it.id))
    .map((it) => it.seconds);
  return { count: dwells.length, medianSeconds: dwells.length === 0 ? null : median(dwells) };
}

/** One end's time in CLOSE_WAIT on a connection that was closed as it should. */
interface Close {
  readonly id: ConnId;
  readonly host: string;
  readonly seconds: number;
}

/** Of some connections of a service, by side: each of its groups asks. */
function closesOf(capture: CaptureView, service: ServiceView): readonly [readonly Close[], readonly Close[]] {
  const known = closesByService(capture);
  let closes = known.get(service);
  if (closes === undefined) {
    closes = [[], []];
    for (const id of sample(service.ids('ok'), NEIGHBOURS)) {
      for (const { side, ip, closeWait } of capture.connection(id).ends) {
        if (closeWait?.until != null) closes[side].push({ id, host: ip, seconds: secondsOf(closeWait.until - closeWait.since) });
      }
    }
    known.set(service, closes);
  }
  return closes;
}

const closesByService = oncePerCapture(() => new Map<ServiceView, readonly [Close[], Close[]]>());

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
  const resets = killed.filter((w) => w.ending === 'RST').length;
  if (resets === 0 && !othersEnded(capture, group, first, last + spread)) return [];
  return killed.toSorted((a, b) => a.id - b.id);
}

/** Did connections in use end in the same instant, by this host? */
function othersEnded(capture: CaptureView, group: WaitingGroup, from: number, to: number): boolean {
  return sample(group.service.all(), NEIGHBOURS).some((id) => {
    const end = capture.connection(id).ends[group.side];
    return end.ip === group.host && end.closeWait === null && end.finTime !== null && end.finTime >= from && end.finTime <= to;
  });
}
