/**
 * Does a listener's accept queue overflow? Shared by the rule that says so and by `syn-unanswered`, which must not blame a
 * firewall for SYNs that the listener itself drops.
 *
 * linux: a full queue (more than the backlog waiting) drops new SYNs, and of handshakes under way it ignores the third ACK
 * (tcp_abort_on_overflow = 0) or answers it by a RST without a socket (1). A third ACK that was lost on the way looks the
 * same as an ignored one only when the capture was made before the loss.
 */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import { type ConnectionView, Mark } from '../model/connection.ts';
import { Side, State } from '../model/state.ts';
import { type ConnId, type Nanos, NANOS_PER_SECOND, nanosOf } from '../model/units.ts';
import { append } from './append.ts';
import { isFlooded } from './floods.ts';
import { oncePerCapture } from './once.ts';

/** A RST to the third ACK comes within its round trip, or this. */
const AT_ONCE = nanosOf(0.2);
/** A request that was acknowledged and not answered for so long lies unread. */
const UNREAD = NANOS_PER_SECOND;
/** Connections looked at for unread data. */
const MAX_LOOKED_AT = 2_000;

/** Of connections there may be as many as a server turns away under attack: their ids. */
export interface Overflow {
  readonly service: ServiceView;
  /** Third ACK seen, SYN-ACK sent again. */
  readonly ignored: readonly ConnId[];
  /** Third ACK answered by a RST at once, from as far away as the SYN-ACK. */
  readonly reset: readonly ConnId[];
  /** SYNs repeated and never answered while the queue was full. */
  readonly dropped: readonly ConnId[];
  /** Established, their data acknowledged and never answered; established without a word of the server. */
  readonly unread: readonly ConnId[];
  readonly untouched: number;
  readonly since: Nanos;
}

/** Services whose accept queue overflowed, by `name`. */
export const overflows = oncePerCapture((capture): ReadonlyMap<string, Overflow> => {
  const ignored = groupByService(capture, capture.withIgnoredAck());
  for (const [name, ids] of ignored) if (ids.every((id) => mayBeDeferred(capture.connection(id)))) ignored.delete(name);
  const bare = capture.withRstLike((rst, side) => side === Side.SERVER && !rst.hasAck);
  const reset = groupByService(
    capture,
    bare.filter((id) => resetAtOnce(capture.connection(id))),
  );
  const out = new Map<string, Overflow>();
  for (const service of capture.services) {
    const hasSigns = ignored.has(service.name) || reset.has(service.name) || (service.completed > 0 && service.count('unanswered') > 0);
    if (!hasSigns || out.has(service.name)) continue;
    const overflow = judge(capture, service, ignored.get(service.name) ?? [], reset.get(service.name) ?? []);
    if (overflow) out.set(service.name, overflow);
  }
  return out;
});

function judge(capture: CaptureView, service: ServiceView, ignored: readonly ConnId[], reset: readonly ConnId[]): Overflow | null {
  // As ids first: mostly all of them have been answered, and there may be thousands.
  const looked = service.ids('open').slice(0, MAX_LOOKED_AT);
  const silent = Array.from(
    looked.filter((id) => isSilent(capture.connection(id))),
    (id) => capture.connection(id),
  );
  const unread = silent.filter(
    (c) => c.client.payloadBytes > 0 && c.client.lastDataTime !== null && acknowledged(c) && capture.end - c.client.lastDataTime >= UNREAD,
  );
  const untouched = silent.filter((c) => c.client.payloadBytes === 0).length;
  const signs = ignored.length + reset.length;
  // One ignored ACK may be a lost one; one reset may have other reasons.
  const proven = signs >= 2 || (signs === 1 && unread.length + untouched >= 2);
  const start = (id: ConnId): Nanos => capture.connection(id).start;
  const firstSign = unread[0]?.id ?? ignored[0] ?? reset[0];
  const full = firstSign === undefined ? null : start(firstSign);
  const dropped = full === null || isFlooded(capture, service) ? [] : droppedSyns(capture, service, full);
  if (!proven && !(dropped.length >= 2 && unread.length >= 2)) return null;
  const since = [ignored, reset, dropped].reduce((t, ids) => ids.reduce((u, id) => Math.min(u, start(id)), t), Infinity) as Nanos;
  return { service, ignored, reset, dropped, unread: unread.map(({ id }) => id), untouched, since };
}

const isSilent = (c: ConnectionView): boolean => c.established && c.server.state === State.ESTABLISHED && c.server.payloadBytes === 0;

/** Retried SYNs without an answer, begun when connections already waited, with no handshake that got through meanwhile. */
function droppedSyns(capture: CaptureView, service: ServiceView, full: Nanos): ConnId[] {
  const dropped = Array.from(service.ids('unanswered')).filter((id) => {
    const { client, start } = capture.connection(id);
    return client.syn >= 2 && client.packets === client.syn && start >= full && !capture.isScan(id);
  });
  if (dropped.length === 0) return [];
  let lastServed = 0;
  for (const outcome of ['ok', 'open'] as const)
    for (const id of service.ids(outcome)) lastServed = Math.max(lastServed, capture.connection(id).start);
  return dropped.filter((id) => capture.connection(id).end > lastServed);
}

/** Everything that the client sent was taken by the server's kernel. */
const acknowledged = (c: ConnectionView): boolean => (c.server.lastTime ?? 0) >= (c.client.lastDataTime ?? 0);

/**
 * TCP_DEFER_ACCEPT ignores a third ACK without data on purpose, asks once more when its time is over, and takes the ACK of that
 * (linux tcp_check_req, syn_ack_recalc). A queue that was full for a moment looks the same only while the client says nothing.
 */
function mayBeDeferred(c: ConnectionView): boolean {
  if (!c.established || c.client.retransmissions > 0) return false;
  return c.marks.filter((m) => m.mark === Mark.SYN_ACK_AGAIN && m.side === Side.SERVER).length === 1;
}

function resetAtOnce(c: ConnectionView): boolean {
  if (!c.established || c.server.payloadBytes > 0 || c.server.packets !== c.server.synAck + c.server.rst || c.server.fin > 0) return false;
  const rst = c.marks.find((m) => m.mark === Mark.RST);
  const up = c.transitions.find((t) => t.side === Side.SERVER && t.to === State.ESTABLISHED);
  if (rst?.side !== Side.SERVER || rst.rst?.hasAck !== false || !up || c.client.fin > 0) return false;
  // The kernel that sent the SYN-ACK sends this RST too: one from another distance is somebody's on the path.
  if (rst.rst.ttlDiffers) return false;
  return rst.time - up.time <= Math.max(AT_ONCE, 2 * NANOS_PER_SECOND * (c.handshakeRtt ?? 0));
}

function groupByService(capture: CaptureView, ids: readonly ConnId[]): Map<string, ConnId[]> {
  const groups = new Map<string, ConnId[]>();
  for (const id of ids) append(groups, capture.serviceOf(id).name, id);
  return groups;
}
