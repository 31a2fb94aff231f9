/** DNS over TCP (RFC 1035 §4.2.2, RFC 7766): what is asked, and how the answer turned out. */
import { type ApplicationProtocol, latin, says, type Speech, type Utterance, viewOf } from './speech.ts';

const HEADER = 12;
const TYPES: Readonly<Record<number, string>> = {
  1: 'A',
  2: 'NS',
  5: 'CNAME',
  6: 'SOA',
  12: 'PTR',
  15: 'MX',
  16: 'TXT',
  28: 'AAAA',
  33: 'SRV',
  41: 'OPT',
  43: 'DS',
  48: 'DNSKEY',
  64: 'SVCB',
  65: 'HTTPS',
  251: 'IXFR',
  252: 'AXFR',
  255: 'ANY',
};
const RCODES = ['no error', 'format error', 'server failure', 'no such name', 'not implemented', 'refused'] as const;

function read({ head }: Speech): Utterance | null {
  if (head.length < 2 + HEADER) return null;
  const view = viewOf(head);
  const flags = view.getUint16(4);
  if (view.getUint16(0) < HEADER || view.getUint16(6) !== 1) return null;
  const question = questionText(head, 2 + HEADER);
  if (question === null) return null;
  const rcode = flags & 15;
  return says((flags & 0x8000) === 0 ? question : `${question}: ${RCODES[rcode] ?? `rcode ${String(rcode)}`}`);
}

/** `AAAA example.org` */
function questionText(head: Uint8Array, from: number): string | null {
  const labels: string[] = [];
  let at = from;
  for (;;) {
    const length = head[at];
    if (length === undefined || length > 63 || at + 1 + length > head.length) return null;
    at += 1;
    if (length === 0) break;
    labels.push(latin(head, at, at + length));
    at += length;
  }
  const type = at + 2 <= head.length ? viewOf(head).getUint16(at) : 0;
  return `${TYPES[type] ?? `type ${String(type)}`} ${labels.length === 0 ? '.' : labels.join('.').toLowerCase()}`;
}

export const dns: ApplicationProtocol = { name: 'DNS', ports: [53], strong: () => null, weak: read };
