/** What TLS leaves behind an exchange that is over: alerts and session tickets that nobody waits for. */
import type { EndpointView } from '../model/connection.ts';

/** TLS record types (RFC 8446 §5.1). */
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
