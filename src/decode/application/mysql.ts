/**
 * MySQL's classic protocol (dev.mysql.com/doc/dev/mysql-server, "Client/Server Protocol"): the command of the client; of the server the
 * kind of its answer, and from its last packet whether it is in a transaction. Packets of the login are named, never shown.
 */
import { plainSql, transactionOf } from './sql.ts';
import { type ApplicationProtocol, isText, latin, says, type Speech, utf8, type Utterance, viewOf, zeroAt } from './speech.ts';

/** Length (3 octets, little-endian) and sequence number before every packet. */
const HEADER = 4;
const COMMANDS: Readonly<Record<number, string>> = {
  0x01: 'quit',
  0x02: 'use database',
  0x04: 'field list',
  0x09: 'statistics',
  0x0d: 'debug',
  0x0e: 'ping',
  0x11: 'change user',
  0x12: 'binlog dump',
  0x17: 'execute a prepared statement',
  0x18: 'data of a prepared statement',
  0x19: 'close a prepared statement',
  0x1a: 'reset a prepared statement',
  0x1c: 'fetch rows',
  0x1e: 'binlog dump by GTID',
  0x1f: 'reset connection',
};
const QUERY = 0x03;
const PREPARE = 0x16;
const OK = 0x00;
const EOF = 0xfe;
const ERROR = 0xff;
/** Protocol::HandshakeV10 */
const GREETING = 0x0a;
/** SERVER_STATUS_IN_TRANS */
const IN_TRANSACTION = 0x0001;

const lengthAt = (octets: Uint8Array, at: number): number => octets[at]! | (octets[at + 1]! << 8) | (octets[at + 2]! << 16);

/** A command with its text: length, sequence number 0, and a statement that is text. Others are too short to be proof. */
function statement(speech: Speech): Utterance | null {
  const { head, tail, length } = speech;
  if (head.length < HEADER + 2 || head[3] !== 0) return null;
  const size = lengthAt(head, 0);
  const command = head[HEADER]!;
  if (command === GREETING) return greeting(speech);
  if ((command !== QUERY && command !== PREPARE) || size < 2 || size + HEADER < length) return null;
  const at = textAt(head, command);
  const end = HEADER + size;
  if (!isText(head, at, end)) return null;
  const cut = end > head.length;
  const sql = plainSql({
    start: utf8(head, at, end),
    end: size + HEADER === length ? latin(tail, 0, tail.length) : '',
    cut,
    dialect: 'mysql',
  });
  return says(command === PREPARE ? `prepare ${sql}` : sql, transactionOf(sql));
}

/** CLIENT_QUERY_ATTRIBUTES: a count of parameters (usually 0) and of their sets (1) before the statement. */
const textAt = (head: Uint8Array, command: number): number =>
  command === QUERY && head[HEADER + 1] === 0 && head[HEADER + 2] === 1 ? HEADER + 3 : HEADER + 1;

function greeting({ head }: Speech): Utterance | null {
  if (lengthAt(head, 0) < 30) return null;
  const end = zeroAt(head, HEADER + 1);
  const version = latin(head, HEADER + 1, end);
  return end - HEADER < 60 && /^\d+\.\d+\.[\w.:~+-]+$/.test(version) ? says(`greeting, version ${version}`) : null;
}

function other(speech: Speech): Utterance | null {
  const { head, fromServer, length } = speech;
  if (head.length < HEADER + 1) return null;
  const sequence = head[3]!;
  const size = lengthAt(head, 0);
  if (size === 0 || size + HEADER > length) return null;
  if (fromServer) return sequence === 0 ? null : answer(speech);
  if (sequence !== 0) return size + HEADER === length ? says('login') : null;
  const command = COMMANDS[head[HEADER]!];
  return command === undefined ? null : says(command, head[HEADER] === 0x01 ? 'ended' : null);
}

function answer(speech: Speech): Utterance {
  const { head, length } = speech;
  const kind = head[HEADER]!;
  const single = lengthAt(head, 0) + HEADER >= length;
  if (kind === ERROR && head.length >= HEADER + 3) {
    const code = viewOf(head).getUint16(HEADER + 1, true);
    const state = head[HEADER + 3] === 0x23 ? ` (${latin(head, HEADER + 4, HEADER + 9)})` : '';
    return says(`error ${String(code)}${state}`);
  }
  const status = statusOf(speech);
  const transaction = status === null ? null : (status & IN_TRANSACTION) !== 0 ? 'open' : 'ended';
  const within = transaction === 'open' ? ', in a transaction' : '';
  if (kind === OK && single) return says(`OK${within}`, transaction);
  if (kind === EOF && single) return says(lengthAt(head, 0) < 9 ? `end of rows${within}` : 'asks for another login', transaction);
  return says(`result set${within}`, transaction);
}

/** Status flags of the last packet: OK, EOF, or the OK that ends rows (CLIENT_DEPRECATE_EOF); null where it is none or not here. */
function statusOf({ head, tail, length }: Speech): number | null {
  if (head[HEADER] === OK && lengthAt(head, 0) + HEADER === length) return okStatus(head, HEADER + 1);
  for (const size of [5, 7]) {
    const at = tail.length - size - HEADER;
    if (at < 0 || lengthAt(tail, at) !== size || tail[at + HEADER] !== EOF) continue;
    if (size === 5) return viewOf(tail).getUint16(at + HEADER + 3, true);
    return okStatus(tail, at + HEADER + 1);
  }
  return null;
}

/** Behind two length-encoded integers: affected rows, last insert id. */
function okStatus(octets: Uint8Array, from: number): number | null {
  let at = from;
  for (let i = 0; i < 2; i++) {
    const first = octets[at] ?? 0xff;
    at += first < 0xfb ? 1 : first === 0xfc ? 3 : first === 0xfd ? 4 : 9;
  }
  return at + 2 > octets.length ? null : viewOf(octets).getUint16(at, true);
}

export const mysql: ApplicationProtocol = { name: 'MySQL', ports: [3306], strong: statement, weak: other };
