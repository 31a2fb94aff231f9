/** Lines of text of protocols that have no reader: the first line, and nothing of what follows a word for a secret. */
import { isText, says, type Speech, utf8, type Utterance } from './speech.ts';

const SHOWN = 80;
/** A line of fewer characters that happen to be printable says nothing. */
const LEAST = 2;

/** From these words on the rest of the line is left out: FTP, POP3, IRC, IMAP and SMTP logins, headers, `key=value` and JSON. */
const SECRETS: readonly RegExp[] = [
  /^(\s*(?:PASS|OPER|APOP|USERPASS)\s)\S.*/i,
  /^(\S*\s*(?:LOGIN|AUTH|AUTHENTICATE|AUTHINFO)\s).*/i,
  /((?:authorization|cookie|x-api-key)\s*:).*/i,
  /(["']?[\w.-]*(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|credential)[\w.-]*["']?\s*[:=]).*/i,
  /\b((?:bearer|basic)\s+)\S.*/i,
  /([a-z][a-z\d+.-]*:\/\/)[^/@\s]+@.*/i,
];

/** @returns the text without what looks like a secret */
export function withoutSecrets(line: string): string {
  return SECRETS.reduce((text, secret) => text.replace(secret, '$1…'), line);
}

export function plainText({ head }: Speech): Utterance | null {
  const start = head[0] === 0x0d || head[0] === 0x0a ? head.findIndex((octet) => octet !== 0x0d && octet !== 0x0a) : 0;
  if (start < 0) return null;
  const stop = head.findIndex((octet, i) => i > start && (octet === 0x0a || octet === 0x0d));
  const end = stop < 0 ? head.length : stop;
  if (end - start < LEAST || !isText(head, start, end)) return null;
  const line = withoutSecrets(utf8(head, start, end).replace(/\s+/g, ' ').trim());
  return line.length < LEAST || line.includes('\ufffd') ? null : says(line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line);
}
