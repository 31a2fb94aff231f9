/** TLS records (RFC 8446 §5.1, RFC 5246 §6.2.1): their type, a ClientHello's server name, an alert that is not encrypted yet. */
import { hostName } from './host-name.ts';
import { type ApplicationProtocol, latin, says, type Speech, type Utterance, viewOf } from './speech.ts';

const ContentType = { CHANGE_CIPHER_SPEC: 20, ALERT: 21, HANDSHAKE: 22, APPLICATION_DATA: 23 } as const;
const CLIENT_HELLO = 1;
const HANDSHAKES: Readonly<Record<number, string>> = {
  0: 'HelloRequest',
  1: 'ClientHello',
  2: 'ServerHello',
  4: 'NewSessionTicket',
  11: 'Certificate',
  12: 'ServerKeyExchange',
  13: 'CertificateRequest',
  14: 'ServerHelloDone',
  16: 'ClientKeyExchange',
  22: 'CertificateStatus',
};
/** RFC 8446 §6, and RFC 5246 §7.2. */
const ALERTS: Readonly<Record<number, string>> = {
  0: 'close_notify',
  10: 'unexpected_message',
  20: 'bad_record_mac',
  22: 'record_overflow',
  40: 'handshake_failure',
  42: 'bad_certificate',
  43: 'unsupported_certificate',
  44: 'certificate_revoked',
  45: 'certificate_expired',
  46: 'certificate_unknown',
  47: 'illegal_parameter',
  48: 'unknown_ca',
  49: 'access_denied',
  50: 'decode_error',
  51: 'decrypt_error',
  70: 'protocol_version',
  71: 'insufficient_security',
  80: 'internal_error',
  86: 'inappropriate_fallback',
  90: 'user_canceled',
  109: 'missing_extension',
  110: 'unsupported_extension',
  112: 'unrecognized_name',
  113: 'bad_certificate_status_response',
  115: 'unknown_psk_identity',
  116: 'certificate_required',
  120: 'no_application_protocol',
};
/** All that can be said of what is encrypted. */
export const APPLICATION_DATA = 'application data';
const RECORD_HEADER = 5;
/** 2^14 and what encryption may add (RFC 5246 §6.2.3). */
const LONGEST_RECORD = (1 << 14) + 2_048;

function read({ head }: Speech): Utterance | null {
  if (head.length < RECORD_HEADER) return null;
  const type = head[0]!;
  const length = viewOf(head).getUint16(3);
  if (head[1] !== 3 || head[2]! > 4 || length === 0 || length > LONGEST_RECORD) return null;
  switch (type) {
    case ContentType.CHANGE_CIPHER_SPEC:
      return says('ChangeCipherSpec');
    case ContentType.ALERT:
      return says(length === 2 ? alert(head[RECORD_HEADER + 1]) : 'alert, encrypted');
    case ContentType.HANDSHAKE:
      return says(handshake(head));
    case ContentType.APPLICATION_DATA:
      return says(APPLICATION_DATA);
    default:
      return null;
  }
}

const alert = (code: number | undefined): string => (code === undefined ? 'alert' : `alert ${ALERTS[code] ?? String(code)}`);

/** Behind ChangeCipherSpec a handshake record is encrypted, and its first octet anything. */
function handshake(head: Uint8Array): string {
  const type = head[RECORD_HEADER];
  const name = type === undefined ? undefined : HANDSHAKES[type];
  if (name === undefined) return 'handshake';
  const host = type === CLIENT_HELLO ? serverName(head) : null;
  return host === null ? name : `${name}, SNI ${host}`;
}

/** RFC 1035 §2.3.4 */
const LONGEST_NAME = 253;

/**
 * The host_name of server_name (RFC 6066 §3) in a ClientHello at the beginning of `octets`; null where it has none, where it is not a host
 * name, or where the octets end before it.
 */
export function serverName(octets: Uint8Array): string | null {
  const view = viewOf(octets);
  const u16 = (at: number): number => (at + 2 <= octets.length ? view.getUint16(at) : -1);
  if (octets.length < 44 || octets[0] !== ContentType.HANDSHAKE || octets[RECORD_HEADER] !== CLIENT_HELLO) return null;
  // Record header, handshake header (4), version (2), random (32), then: session id, cipher suites, compression methods.
  let at = RECORD_HEADER + 4 + 2 + 32;
  at += 1 + octets[at]!;
  const suites = u16(at);
  if (suites < 0) return null;
  at += 2 + suites;
  if (at >= octets.length) return null;
  at += 1 + octets[at]!;
  const end = at + 2 + u16(at);
  for (at += 2; at + 4 <= Math.min(end, octets.length);) {
    const length = u16(at + 2);
    if (u16(at) !== 0) {
      at += 4 + length;
      continue;
    }
    // server_name_list length (2), name_type 0 (1), length (2)
    const size = u16(at + 7);
    if (octets[at + 6] !== 0 || size < 1 || size > LONGEST_NAME || at + 9 + size > octets.length) return null;
    const name = latin(octets, at + 9, at + 9 + size);
    return hostName(name);
  }
  return null;
}

export const tls: ApplicationProtocol = { name: 'TLS', ports: [443], strong: read };
