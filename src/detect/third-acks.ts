/**
 * Handshakes whose third ACK did not come: the server repeats its SYN-ACK although the client, which sent its SYN once,
 * shows that it got the first one (a client without it repeats its SYN after 1 s, RFC 6298 §2.1). Shared by the rule about
 * lost ACKs and by the one about clients that went away.
 */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import { type ConnectionView, Mark, type MarkEvent } from '../model/connection.ts';
import { Side, State } from '../model/state.ts';
import { type ConnId, type Nanos, nanosOf } from '../model/units.ts';
import { overflows } from './accept-queue.ts';
import { idsByService } from './ids-by-service.ts';
import { isFlooded } from './floods.ts';

/** No kernel repeats a SYN-ACK sooner; what comes sooner was doubled on the way. */
const EARLIEST_REPEAT = nanosOf(0.5);
/** A delayed ACK takes 0.5 s at most (RFC 1122 §4.2.3.2); a kernel that holds the third ACK back for data waits no longer. */
const DELAYED_ACK = nanosOf(0.5);

/** How the handshake went on: the repeated SYN-ACK was answered, data came instead, the server gave up, or nothing came. */
export type Ending = 'resend' | 'data' | 'gave-up' | 'silence';

export interface MissingAck {
  readonly c: ConnectionView;
  readonly ending: Ending;
  /** The SYN-ACK, when it first passed. */
  readonly synAckTime: Nanos;
  readonly repeats: readonly MarkEvent[];
  /** The segment that took the ACK's place, or the RST that met it; null: none. */
  readonly end: { readonly time: Nanos; readonly frame: ConnectionView['firstFrame'] } | null;
}

/** Connections to look at, by service; services under a flood or with a full accept queue are left out. */
export function repeatedSynAcks(capture: CaptureView): ReadonlyMap<ServiceView, readonly ConnId[]> {
  const { repeatedSynAck } = capture.openings;
  if (repeatedSynAck.length === 0) return new Map();
  const full = overflows(capture);
  return idsByService(capture, repeatedSynAck, (s) => full.has(s.name) || isFlooded(capture, s));
}

/** Of one service. There are views in it: a rule keeps those of few services. */
export const missingAcks = (capture: CaptureView, ids: readonly ConnId[]): readonly MissingAck[] =>
  ids.flatMap((id) => missingAck(capture.connection(id)) ?? []);

function missingAck(c: ConnectionView): MissingAck | null {
  const { client, server } = c;
  if (c.basis !== 'handshake' || client.ip === server.ip) return null;
  const synAck = c.transitions.find((t) => t.side === Side.SERVER && t.to === State.SYN_RCVD);
  if (synAck === undefined || c.marks.some((m) => m.mark === Mark.HANDSHAKE_ACK_IGNORED)) return null;
  const synAckTime = synAck.time;
  const up = c.transitions.find((t) => t.side === Side.SERVER && t.from === State.SYN_RCVD && t.frame !== null);
  const repeats = c.marks.filter(
    (m) =>
      m.mark === Mark.SYN_ACK_AGAIN &&
      m.side === Side.SERVER &&
      m.time - synAckTime >= EARLIEST_REPEAT &&
      (up === undefined || m.time <= up.time),
  );
  if (repeats.length === 0) return null;
  const rst = c.marks.find((m) => m.rst !== null);
  // The client's own RST ends the attempt: it had given up (connect-abandoned), or never asked.
  if (rst?.side === Side.CLIENT && (up === undefined || rst.time <= up.time)) return null;
  if (rst?.rst?.hasAck === false && rst.side === Side.SERVER && server.packets === server.synAck + server.rst)
    return { c, ending: 'gave-up', synAckTime, repeats, end: rst };
  if (up?.frame == null) return client.packets === client.syn ? { c, ending: 'silence', synAckTime, repeats, end: null } : null;
  const withData = client.lastDataTime !== null && c.history.startsWith('ShD');
  return { c, ending: withData ? 'data' : 'resend', synAckTime, repeats, end: { time: up.time, frame: up.frame } };
}

/** Handshakes in which data stood in for the third ACK before the SYN-ACK was repeated, far later than any kernel delays an ACK. */
export function rescuedByData(connections: readonly ConnectionView[]): MissingAck[] {
  return connections.flatMap((c) => {
    if (c.basis !== 'handshake' || !c.history.startsWith('ShD') || c.server.synAck !== 1 || c.client.syn !== 1) return [];
    const synAck = c.transitions.find((t) => t.side === Side.SERVER && t.to === State.SYN_RCVD);
    const up = c.transitions.find((t) => t.side === Side.SERVER && t.from === State.SYN_RCVD && t.frame !== null);
    if (synAck === undefined || up?.frame == null || up.time - synAck.time < DELAYED_ACK) return [];
    return [{ c, ending: 'data', synAckTime: synAck.time, repeats: [], end: { time: up.time, frame: up.frame } }];
  });
}
