/** A connection as lists on a screen show it. */
import type { ConnectionView } from '../model/connection.ts';
import { stateName } from '../model/state.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import type { AllNames } from './names.ts';
import type { ConnectionSummary } from './protocol.ts';

/** @param findings their ids */
export function connectionSummary(c: ConnectionView, findings: readonly string[], names: AllNames): ConnectionSummary {
  const clientName = names.host(c.client.ip);
  const serverName = names.host(c.server.ip);
  return {
    id: c.id,
    client: c.client.name,
    server: c.server.name,
    clientState: stateName(c.client.state),
    serverState: stateName(c.server.state),
    outcome: c.outcome,
    startSeconds: c.start / NANOS_PER_SECOND,
    duration: Math.max(0, c.end - c.start) / NANOS_PER_SECOND,
    packets: c.client.packets + c.server.packets,
    bytes: c.client.payloadBytes + c.server.payloadBytes,
    retransmissions: c.client.retransmissions + c.server.retransmissions,
    connectSeconds: c.connectSeconds,
    basis: c.basis,
    findings,
    ...(clientName === null ? {} : { clientName: clientName.name }),
    ...(serverName === null ? {} : { serverName: serverName.name }),
  };
}
