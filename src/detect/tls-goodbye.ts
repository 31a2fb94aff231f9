/** What TLS leaves behind an exchange that is over: alerts and session tickets that nobody waits for. */
import type { ConnectionView, EndpointView } from '../model/connection.ts';
import { Side } from '../model/state.ts';

/** TLS record types (RFC 8446 §5.1): the first and the last of them, and alert. */
const TLS_FIRST = 20;
const TLS_ALERT = 21;
const TLS_DATA = 23;
/** In TLS 1.3 an alert is an application data record of this length at most (§5.2, §6). */
const TLS_ALERT_MOST = 64;

/** Was the last payload of this end an alert, as close_notify is? */
export function endsWithTlsAlert(end: EndpointView, peer: EndpointView): boolean {
  if (!end.tls && !peer.tls) return false;
  const type = end.lastPayloadType;
  return type === TLS_ALERT || (type === TLS_DATA && end.lastPayloadLength <= TLS_ALERT_MOST);
}

/** The exchange was over when `end` reset, and only tickets or an alert that nobody reads were left (OpenSSL sends RST instead of FIN then). */
export function tlsExchangeComplete(c: ConnectionView, end: EndpointView, peer: EndpointView): boolean {
  const record = (e: EndpointView): boolean => e.lastPayloadType >= TLS_FIRST && e.lastPayloadType <= TLS_DATA;
  if (!end.tls && !peer.tls && !(c.basis === 'midstream' && record(end) && record(peer))) return false;
  const peerLast = (peer.lastDataTime ?? -1) >= (end.lastDataTime ?? -1);
  if (!peerLast && end.lastPayloadType === TLS_ALERT) return true; // it said why before it reset
  if (end.side === Side.CLIENT) return peerLast;
  return peerLast && (peer.lastPayloadType === TLS_ALERT || peer.lastPayloadLength <= TLS_ALERT_MOST);
}
