/**
 * What both ends of a connection said last: which of their segments tells it, and which protocol they speak. A turn may be longer than a
 * segment: its beginning names what was asked or answered, the end of an answer says whether a transaction is open.
 */
import { describe, recognise, type Said } from './index.ts';
import type { Speech } from './speech.ts';
import { APPLICATION_DATA, serverName } from './tls.ts';

/** Of one segment. */
export interface Heard extends Pick<Speech, 'head' | 'tail' | 'length'> {
  readonly frame: number;
}

/** The last words of one end: the segment with which they began, and the last one with payload (the same, where one was enough). */
export interface Turn {
  readonly began: Heard;
  readonly last: Heard;
}

export interface SaidInFrame extends Said {
  readonly frame: number;
}

export interface Conversation {
  readonly client: SaidInFrame | null;
  readonly server: SaidInFrame | null;
  /** A database transaction was open after the last words: `proven` by the server's status, `asked` for by the client's statement. */
  readonly transaction: 'proven' | 'asked' | null;
}

/**
 * @param port the service's; null for an end: it said nothing
 * @param hello the client's ClientHello, where it is at hand
 */
export function conversation(client: Turn | null, server: Turn | null, port: number, hello: Heard | null = null): Conversation {
  const asked = client && heardAs(client, false, port);
  const answered = server && heardAs(server, true, port);
  const known = (asked && recognise(asked.speech)) ?? (answered && recognise(answered.speech));
  const said = (one: HeardSpeech | null): SaidInFrame | null =>
    one && { frame: one.frame, ...withServerName(describe(one.speech, known?.protocol ?? null), hello) };
  const [fromClient, fromServer] = [said(asked), said(answered)];
  const answerIsLater = (server?.last.frame ?? 0) > (client?.last.frame ?? 0);
  return { client: fromClient, server: fromServer, transaction: transactionOf(fromClient, fromServer, answerIsLater) };
}

/** What is encrypted says at least for whom it is. */
function withServerName(said: Said, hello: Heard | null): Said {
  const name = said.text === APPLICATION_DATA && hello !== null ? serverName(hello.head) : null;
  return name === null ? said : { ...said, text: `${said.text}, SNI ${name}` };
}

interface HeardSpeech {
  readonly frame: number;
  readonly speech: Speech;
}

function heardAs({ began, last }: Turn, fromServer: boolean, port: number): HeardSpeech {
  const speechOf = (tail: Uint8Array, length: number): Speech => ({ head: began.head, tail, length, fromServer, port });
  const first = speechOf(began.tail, began.length);
  if (last.frame === began.frame) return { frame: began.frame, speech: first };
  // A second request behind the first, an answer behind an interim one.
  const alone: Speech = { head: last.head, tail: last.tail, length: last.length, fromServer, port };
  const again = recognise(alone);
  if (again !== null && again.protocol === (recognise(first) ?? again).protocol) return { frame: last.frame, speech: alone };
  return { frame: began.frame, speech: speechOf(last.tail, began.length + last.length) };
}

function transactionOf(client: Said | null, server: Said | null, answerIsLater: boolean): Conversation['transaction'] {
  if (client?.transaction === 'ended' && !answerIsLater) return null;
  if (server?.transaction === 'open') return 'proven';
  if (server?.transaction === 'ended' && answerIsLater) return null;
  return client?.transaction === 'open' ? 'asked' : null;
}
