/**
 * The addresses in an answer of DNS (RFC 1035 §4.1, RFC 3596), for the name that was asked: what comes behind aliases (CNAME) is that name's as
 * well. Only names of hosts are taken; what else a message holds is passed over.
 */
import { ipv4Text, ipv6Text } from '../../model/address.ts';
import { hostName } from './host-name.ts';
import { viewOf } from './speech.ts';

const HEADER = 12;
const Type = { A: 1, AAAA: 28 } as const;
const INTERNET = 1;
/** Records looked at: more than this no resolver gives for one name. */
const MOST_RECORDS = 32;
const MOST_LABELS = 128;

export interface DnsAnswer {
  readonly name: string;
  /** RFC 5952 texts. */
  readonly addresses: readonly string[];
}

/** @param message without the length that goes before it over TCP; null: no answer that names a host, or cut too early */
export function dnsAnswer(message: Uint8Array): DnsAnswer | null {
  if (message.length < HEADER) return null;
  const view = viewOf(message);
  const isAnswer = (message[2]! & 0x80) !== 0 && (message[3]! & 15) === 0;
  const records = view.getUint16(6);
  if (!isAnswer || view.getUint16(4) !== 1 || records === 0) return null;
  const question = plainName(message, HEADER);
  const name = question === null ? null : hostName(question.name);
  if (question === null || name === null) return null;
  const addresses: string[] = [];
  let at = question.end + 4; // type and class
  for (let i = 0; i < Math.min(records, MOST_RECORDS); i++) {
    at = nameEnd(message, at);
    if (at < 0 || at + 10 > message.length) break;
    const type = view.getUint16(at);
    const length = view.getUint16(at + 8);
    const data = at + 10;
    at = data + length;
    if (at > message.length) break;
    if (view.getUint16(data - 8) !== INTERNET) continue;
    if (type === Type.A && length === 4) addresses.push(ipv4Text(view.getInt32(data)));
    else if (type === Type.AAAA && length === 16) addresses.push(ipv6Text(message, data));
  }
  return addresses.length === 0 ? null : { name, addresses };
}

/** A name without compression, as a question has it. */
function plainName(message: Uint8Array, from: number): { name: string; end: number } | null {
  const labels: string[] = [];
  for (let at = from; labels.length < MOST_LABELS;) {
    const length = message[at];
    if (length === undefined || length > 63 || at + 1 + length > message.length) return null;
    if (length === 0) return { name: labels.join('.'), end: at + 1 };
    labels.push(String.fromCharCode(...message.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  return null;
}

/** Behind a name, compressed or not; -1 where it is none. */
function nameEnd(message: Uint8Array, from: number): number {
  for (let at = from, labels = 0; labels < MOST_LABELS; labels++) {
    const length = message[at];
    if (length === undefined) return -1;
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2; // RFC 1035 §4.1.4: a pointer ends the name
    if (length > 63) return -1;
    at += 1 + length;
  }
  return -1;
}
