/** Views to the plain rows of contract.md. */
import type { Clock } from '../model/clock.ts';
import type { LegView } from '../model/capture-view.ts';
import type { ConnectionView, EndpointView } from '../model/connection.ts';
import type { Names } from '../model/names.ts';
import type { ConnectionRow, EndpointRow, SynOptions, TransitionRow } from '../model/report.ts';
import { SIDE_NAMES, stateName } from '../model/state.ts';
import { tidySeconds } from '../model/units.ts';
import type { Delays } from '../model/vantage.ts';
import { localTimes } from '../track/local-time.ts';
import type { FrameFiles } from './frame-files.ts';

const tidyOrNull = (s: number | null): number | null => (s === null ? null : tidySeconds(s));

export function connectionRow(
  c: ConnectionView,
  delays: Delays,
  leg: LegView | null,
  clock: Clock,
  files: FrameFiles,
  findings: readonly string[],
  names: Names,
): ConnectionRow {
  const local = localTimes(c.transitions, delays);
  return {
    type: 'connection',
    id: c.id,
    client: endpointRow(c.client, delays[0], clock, names),
    server: endpointRow(c.server, delays[1], clock, names),
    encapsulation: c.encapsulation,
    basis: c.basis,
    rolesFrom: c.rolesFrom,
    start: clock.text(c.start),
    end: clock.text(c.end),
    duration: tidySeconds(Math.max(0, (c.end - c.start) / 1e9)),
    firstFrame: c.firstFrame,
    lastFrame: c.lastFrame,
    connectSeconds: tidyOrNull(c.connectSeconds),
    handshakeRtt: tidyOrNull(c.handshakeRtt),
    clientSideRtt: tidyOrNull(c.clientSideRtt),
    serverSideRtt: tidyOrNull(c.serverSideRtt),
    outcome: c.outcome,
    closedBy: c.closedBy,
    connState: c.connState,
    history: c.history,
    completeness: c.completeness,
    transitions: c.transitions.map((t, i): TransitionRow => {
      return {
        time: clock.text(t.time),
        ...(delays[t.side] === null ? {} : { localTime: clock.text(local[i]!) }),
        frame: t.frame,
        endpoint: SIDE_NAMES[t.side],
        from: stateName(t.from),
        to: stateName(t.to),
        cause: t.cause,
        ...(t.assumed ? { assumed: true as const } : {}),
        ...(t.frame === null ? {} : files.of(t.frame)),
      };
    }),
    findings,
    ...(c.copies === 0 ? {} : { copies: c.copies }),
    ...(c.lastCopy === null ? {} : { lastCopy: c.lastCopy }),
    ...(leg === null ? {} : { leg: leg.leg }),
    ...(leg?.sameAs == null ? {} : { sameAs: leg.sameAs }),
  };
}

function endpointRow(e: EndpointView, delay: number | null, clock: Clock, names: Names): EndpointRow {
  const name = names.host(e.ip);
  return {
    ip: e.ip,
    port: e.port,
    state: stateName(e.state),
    stateSince: clock.text(e.stateSince),
    // As captured, copies included: what Wireshark, tcpdump and the capture's own totals say. What happened is counted once.
    packets: e.packets + e.copies.packets,
    ipBytes: e.ipBytes + e.copies.ipBytes,
    payloadBytes: e.payloadBytes + e.copies.payloadBytes,
    syn: e.syn + e.copies.syn,
    synAck: e.synAck + e.copies.synAck,
    fin: e.fin + e.copies.fin,
    rst: e.rst + e.copies.rst,
    firstSynFrame: e.firstSynFrame,
    firstSynAckFrame: e.firstSynAckFrame,
    firstFinFrame: e.firstFinFrame,
    firstRstFrame: e.firstRstFrame,
    retransmissions: e.retransmissions,
    outOfOrder: e.outOfOrder,
    missedBytes: e.missedBytes,
    sequenceBytes: e.sequenceBytes,
    endSent: e.endTime === null ? null : clock.text(e.endTime),
    delaySeconds: tidyOrNull(delay),
    options: e.syn + e.synAck === 0 ? null : synOptions(e),
    ...(e.profileFrom === 'default' ? {} : { profile: e.profile, profileFrom: e.profileFrom }),
    ...(name === null ? {} : { name: name.name, nameFrom: name.origin }),
  };
}

const synOptions = ({ mss, windowScale, sackPermitted, timestamps, fastOpen, mptcp }: EndpointView): SynOptions => {
  return { mss, windowScale, sackPermitted, timestamps, fastOpen, mptcp };
};
