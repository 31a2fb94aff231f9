/**
 * PostgreSQL's protocol 3 (postgresql.org/docs, "Message Formats"): the statements of a simple query or of Parse; of the server the tag of
 * the finished command, an error with its code, and what ReadyForQuery says of the transaction. Passwords and SASL are named, never shown.
 */
import { plainSql, transactionOf } from './sql.ts';
import {
  type ApplicationProtocol,
  isText,
  latin,
  says,
  type Speech,
  type Transaction,
  utf8,
  type Utterance,
  viewOf,
  zeroAt,
} from './speech.ts';

/** A letter, then a length that counts itself. */
const HEADER = 5;
/** More messages than this in the captured octets tell nothing new. */
const MOST_MESSAGES = 16;
/** Octets; below what four printable characters read as a length would be. */
const LONGEST = 1 << 28;

/** First messages have no letter: length, code. */
const STARTUP: Readonly<Record<number, string>> = {
  196_608: 'startup',
  196_610: 'startup',
  80_877_102: 'cancel request',
  80_877_103: 'TLS request',
  80_877_104: 'GSSAPI request',
};

interface Message {
  readonly letter: string;
  readonly at: number;
  /** May lie behind what was captured. */
  readonly end: number;
}

/** The messages that begin in what was captured. Empty: it is none of this protocol. */
function messages({ head, length }: Speech): readonly Message[] {
  const found: Message[] = [];
  for (let at = 0; at + HEADER <= head.length && found.length < MOST_MESSAGES;) {
    const size = viewOf(head).getInt32(at + 1);
    const letter = String.fromCharCode(head[at]!);
    if (size < 4 || size > LONGEST || !/[A-Za-z\d]/.test(letter)) return [];
    found.push({ letter, at: at + HEADER, end: at + 1 + size });
    at += 1 + size;
    if (at > length && found.length > 1) break;
  }
  return found;
}

function statementOf(speech: Speech, { letter, at, end }: Message): string | null {
  const { head, tail, length } = speech;
  const from = letter === 'P' ? zeroAt(head, at) + 1 : at;
  const to = Math.min(zeroAt(head, from), end - 1);
  if (from >= end || !isText(head, from, to)) return null;
  const cut = to >= head.length;
  const last = letter === 'Q' && end === length ? latin(tail, 0, Math.max(0, tail.length - 1)) : '';
  return plainSql({ start: utf8(head, from, to), end: last, cut, dialect: 'standard' });
}

function statements(speech: Speech): Utterance | null {
  const [first, ...more] = messages(speech);
  if (first === undefined || (first.letter !== 'Q' && first.letter !== 'P')) return null;
  const sql = statementOf(speech, first);
  if (sql === null) return null;
  const all = [sql, ...more.filter((m) => m.letter === 'P').map((m) => statementOf(speech, m) ?? '…')];
  const transaction = all.reduce<Transaction>((before, one) => transactionOf(one) ?? before, null);
  return says(all.join('; '), transaction);
}

function other(speech: Speech): Utterance | null {
  const { head, fromServer } = speech;
  if (fromServer) return answer(speech);
  if (head.length >= 8) {
    const startup = STARTUP[viewOf(head).getInt32(4)];
    if (startup !== undefined && viewOf(head).getInt32(0) >= 8) return says(startup);
  }
  const all = messages(speech);
  switch (all[0]?.letter) {
    case 'B':
      return says(`execute ${preparedName(head, all[0])}`);
    case 'E':
      return says('execute');
    case 'p':
      return says('login');
    case 'X':
      return says('terminate', 'ended');
    case 'S':
      return says('sync');
    case 'C':
      return says('close a prepared statement');
    case 'D':
      return says('describe');
    case 'd':
      return says('copy data');
    default:
      return null;
  }
}

/** Bind: portal, then the name of the statement. */
function preparedName(head: Uint8Array, { at }: Message): string {
  const from = zeroAt(head, at) + 1;
  const name = latin(head, from, Math.min(zeroAt(head, from), from + 40));
  return name === '' ? 'the unnamed statement' : `prepared statement ${name}`;
}

const STATUS: Readonly<Record<string, readonly [string, Transaction]>> = {
  I: ['', 'ended'],
  T: [', in a transaction', 'open'],
  E: [', in a failed transaction', 'open'],
};

function answer(speech: Speech): Utterance | null {
  const { head, tail, length } = speech;
  if (length === 1) return head[0] === 0x53 ? says('accepts TLS') : head[0] === 0x4e ? says('refuses TLS') : null;
  const all = messages(speech);
  if (all.length === 0) return null;
  const [within, transaction] = STATUS[readyForQuery(tail)] ?? ['', null];
  const error = all.find((m) => m.letter === 'E');
  if (error) return says(`${errorText(head, error)}${within}`, transaction);
  if (all.some((m) => m.letter === 'R') && within === '') return says('authentication', transaction);
  const done = all.findLast((m) => m.letter === 'C');
  const tag =
    done === undefined
      ? all.some((m) => m.letter === 'T' || m.letter === 'D')
        ? 'rows'
        : 'answer'
      : latin(head, done.at, zeroAt(head, done.at));
  return says(`${tag.slice(0, 40)}${within}`, transaction);
}

/** The last message, `Z`, length 5, status; empty where it is another. */
function readyForQuery(tail: Uint8Array): string {
  const at = tail.length - 6;
  return at >= 0 && tail[at] === 0x5a && viewOf(tail).getInt32(at + 1) === 5 ? String.fromCharCode(tail[at + 5]!) : '';
}

/** ErrorResponse: fields of a letter and a text each; C is the SQLSTATE. The message may quote data. */
function errorText(head: Uint8Array, { at, end }: Message): string {
  for (let field = at; field < Math.min(end, head.length) && head[field] !== 0;) {
    const stop = zeroAt(head, field);
    if (head[field] === 0x43) return `error ${latin(head, field + 1, Math.min(stop, field + 6))}`;
    field = stop + 1;
  }
  return 'error';
}

export const postgresql: ApplicationProtocol = { name: 'PostgreSQL', ports: [5432, 6432], strong: statements, weak: other };
