/**
 * `connections -f zeek`: a conn.log as Zeek's ASCII writer makes it, for zeek-cut, pandas and everything else that reads one.
 *
 * Zeek's definitions: `duration` ends with the segment by which both ends had sent FIN or RST, bytes come from sequence
 * numbers, and all three are unset where no time passed. What a capture does not say (service, local nets, parents of
 * tunnels) is unset too. Nothing depends on the clock, on chance or on the machine: the same capture gives the same log.
 */
import type { ConnectionRow, EndpointRow } from '../model/report.ts';

const UNSET = '-';
const EMPTY = '(empty)';

/** Epoch nanoseconds of a row's time, RFC 3339 with nine decimals; null for what is no calendar time. */
function epochNanos(time: string): bigint | null {
  const [, whole, fraction] = /^(.*)\.(\d{9})Z$/.exec(time) ?? [];
  const milliseconds = whole === undefined ? NaN : Date.parse(`${whole}Z`);
  return Number.isNaN(milliseconds) ? null : BigInt(milliseconds) * 1_000_000n + BigInt(fraction ?? '0');
}

/** Zeek's times and intervals: seconds with six decimals. */
function secondsText(nanos: bigint): string {
  const micros = (nanos < 0n ? -nanos : nanos) / 1_000n;
  return `${nanos < 0n ? '-' : ''}${micros / 1_000_000n}.${String(micros % 1_000_000n).padStart(6, '0')}`;
}

function timeText(time: string): string {
  const nanos = epochNanos(time);
  return nanos === null ? UNSET : secondsText(nanos);
}

/** Zeek's form of the times in `#open` and `#close`, here in UTC and of the capture. */
const headerTime = (time: string | undefined): string =>
  time === undefined || epochNanos(time) === null ? UNSET : time.slice(0, 19).replace(/[T:]/g, '-');

/** Nanoseconds from the first segment to the end as Zeek takes it; 0 where that is not known. */
function durationOf(c: ConnectionRow): bigint {
  const { endSent: a } = c.client;
  const { endSent: b } = c.server;
  const end = a === null || b === null ? c.end : a > b ? a : b;
  const [from, to] = [epochNanos(c.start), epochNanos(end)];
  return from === null || to === null || to < from ? 0n : to - from;
}

const bytesOf = (e: EndpointRow): string => String(e.sequenceBytes ?? e.payloadBytes + e.missedBytes);

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const UID_LENGTH = 17;
/** FNV-1a with 128 bits, of which UID_LENGTH keeps 101 (Zeek: 96). */
const FNV_PRIME = 0x1000000000000000000013bn;
const FNV_BASIS = 0x6c62272e07bb014262b821756295c58dn;

/** `C` and 17 characters as Zeek's, but from what the connection is instead of from chance. */
function uidOf(c: ConnectionRow): string {
  const text = [c.id, c.start, c.client.ip, c.client.port, c.server.ip, c.server.port, ...c.encapsulation].join(' ');
  let hash = FNV_BASIS;
  for (let i = 0; i < text.length; i++) hash = BigInt.asUintN(128, (hash ^ BigInt(text.charCodeAt(i))) * FNV_PRIME);
  let uid = 'C';
  for (; uid.length <= UID_LENGTH; hash /= 62n) uid += BASE62.charAt(Number(hash % 62n));
  return uid;
}

type Field = readonly [name: string, type: string, text: (c: ConnectionRow) => string];

const whenItLasted =
  (text: (c: ConnectionRow) => string) =>
  (c: ConnectionRow): string =>
    durationOf(c) > 0n ? text(c) : UNSET;
const unset = (): string => UNSET;

const FIELDS: readonly Field[] = [
  ['ts', 'time', (c) => timeText(c.start)],
  ['uid', 'string', uidOf],
  ['id.orig_h', 'addr', (c) => c.client.ip],
  ['id.orig_p', 'port', (c) => String(c.client.port)],
  ['id.resp_h', 'addr', (c) => c.server.ip],
  ['id.resp_p', 'port', (c) => String(c.server.port)],
  ['proto', 'enum', () => 'tcp'],
  ['service', 'string', unset],
  ['duration', 'interval', whenItLasted((c) => secondsText(durationOf(c)))],
  ['orig_bytes', 'count', whenItLasted((c) => bytesOf(c.client))],
  ['resp_bytes', 'count', whenItLasted((c) => bytesOf(c.server))],
  ['conn_state', 'string', (c) => c.connState],
  ['local_orig', 'bool', unset],
  ['local_resp', 'bool', unset],
  ['missed_bytes', 'count', (c) => String(c.client.missedBytes + c.server.missedBytes)],
  ['history', 'string', (c) => (c.history === '' ? UNSET : c.history)],
  ['orig_pkts', 'count', (c) => String(c.client.packets)],
  ['orig_ip_bytes', 'count', (c) => String(c.client.ipBytes)],
  ['resp_pkts', 'count', (c) => String(c.server.packets)],
  ['resp_ip_bytes', 'count', (c) => String(c.server.ipBytes)],
  ['tunnel_parents', 'set[string]', unset],
];

/** Everything outside printable ASCII, and the escape itself, as Zeek writes it: `\x09`, one per octet. */
function escaped(text: string): string {
  return text.replace(/[^\x20-\x7e]|\\/gu, (c) =>
    [...new TextEncoder().encode(c)].map((octet) => `\\x${octet.toString(16).padStart(2, '0')}`).join(''),
  );
}

const line = (cells: readonly string[]): string => `${cells.map(escaped).join('\t')}\n`;
const header = (name: string, ...values: readonly string[]): string => line([`#${name}`, ...values]);

export function* connLog(rows: Iterable<ConnectionRow>): Generator<string> {
  let last: ConnectionRow | undefined;
  const head = (first?: ConnectionRow): string =>
    '#separator \\x09\n' +
    header('set_separator', ',') +
    header('empty_field', EMPTY) +
    header('unset_field', UNSET) +
    header('path', 'conn') +
    header('open', headerTime(first?.start)) +
    header('fields', ...FIELDS.map(([name]) => name)) +
    header('types', ...FIELDS.map(([, type]) => type));
  for (const row of rows) {
    if (last === undefined) yield head(row);
    if (last === undefined || row.end > last.end) last = row;
    yield line(FIELDS.map(([, , text]) => text(row)));
  }
  if (last === undefined) yield head();
  yield header('close', headerTime(last?.end));
}
