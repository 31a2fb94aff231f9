/**
 * What an end of a connection said last, as one line for a person: `SELECT … FOR UPDATE`, `GET /orders?page=…`, `application data`.
 *
 * A new protocol is a file beside this one and a line in PROTOCOLS. Whatever comes out has been sanitised and is short; secrets are left out
 * by the readers. No octets make this throw (test/decode/application.test.ts).
 */
import { sanitise } from '../../model/sanitise.ts';
import { plural } from '../../model/wording.ts';
import { dns } from './dns.ts';
import { http } from './http.ts';
import { mysql } from './mysql.ts';
import { plainText } from './plain-text.ts';
import { postgresql } from './postgresql.ts';
import { redis } from './redis.ts';
import type { ApplicationProtocol, Speech, Transaction, Utterance } from './speech.ts';
import { ssh } from './ssh.ts';
import { tls } from './tls.ts';

export { KEPT_HEAD, KEPT_TAIL, type Speech, type Transaction } from './speech.ts';
export { serverName } from './tls.ts';

/** Asked in this order: strong signatures of all of them first. */
const PROTOCOLS: readonly ApplicationProtocol[] = [tls, http, ssh, postgresql, mysql, redis, dns];

/** Characters of a line; a list of names in a TLS extension or a URL may be longer. */
const LONGEST = 200;
/** Octets of an unknown protocol that are shown. */
const SHOWN_OCTETS = 8;

export interface Said {
  /** Name of the protocol, or `text`, `binary`, `cut`. */
  readonly protocol: string;
  readonly text: string;
  readonly transaction: Transaction;
}

/** By a signature alone; null where it is no protocol that has one. */
export function recognise(speech: Speech): Said | null {
  for (const { name, strong } of PROTOCOLS) {
    const utterance = strong(speech);
    if (utterance !== null) return said(name, utterance);
  }
  return null;
}

/** @param known the protocol that the other end was understood to speak, or this one before; null unknown */
export function describe(speech: Speech, known: string | null = null): Said {
  if (speech.head.length === 0) return said('cut', { text: `none of ${octets(speech.length)} captured`, transaction: null });
  const recognised = recognise(speech);
  if (recognised !== null) return recognised;
  // What the other end speaks is better ground than a port: a tunnel may end anywhere.
  const expected = PROTOCOLS.find(({ name }) => name === known) ?? PROTOCOLS.find(({ ports }) => ports.includes(speech.port));
  const utterance = expected?.weak?.(speech) ?? null;
  if (utterance !== null && expected !== undefined) return said(expected.name, utterance);
  const line = plainText(speech);
  return line === null ? said('binary', { text: octetsText(speech), transaction: null }) : said('text', line);
}

const said = (protocol: string, { text, transaction }: Utterance): Said => ({ protocol, text: sanitise(text, LONGEST), transaction });

/** `120 octets: 00 01 ff …` */
function octetsText({ head, length }: Speech): string {
  const shown = Array.from(head.subarray(0, SHOWN_OCTETS), (octet) => octet.toString(16).padStart(2, '0'));
  return `${octets(length)}: ${shown.join(' ')}${length > shown.length ? ' …' : ''}`;
}

const octets = (n: number): string => plural(n, 'octet');
