/** Redis (RESP, redis.io/docs): the command and its first argument, which is the key; never what is stored, and of AUTH nothing at all. */
import { type ApplicationProtocol, latin, says, type Speech, type Utterance } from './speech.ts';

/** Arguments of these are secrets, or may be. */
const SECRETIVE = /^(AUTH|HELLO|ACL|MIGRATE)$/;
/** These have a word of their own before what they are about. */
const FAMILIES = /^(CLIENT|CLUSTER|COMMAND|CONFIG|FUNCTION|LATENCY|MEMORY|MODULE|OBJECT|PUBSUB|SCRIPT|SENTINEL|SLOWLOG|XGROUP|XINFO)$/;
const ARRAY = /^\*(\d{1,7})\r\n((?:\$\d{1,10}\r\n[\s\S]*)?)$/;
const COMMAND = /^[A-Za-z][A-Za-z._]{1,30}$/;
const SHOWN = 60;

function array({ head, fromServer }: Speech): Utterance | null {
  if (fromServer) return null;
  const [, count = '', rest = ''] = ARRAY.exec(latin(head, 0, head.length)) ?? [];
  const words = bulks(rest, Math.min(Number(count), 3));
  return words[0] === undefined || !COMMAND.test(words[0]) ? null : command(words, Number(count));
}

/** The first of `$3\r\nGET\r\n$1\r\nk\r\n`; the last may be cut. */
function bulks(text: string, most: number): string[] {
  const words: string[] = [];
  let rest = text;
  while (words.length < most) {
    const [mark, size] = /^\$(\d{1,10})\r\n/.exec(rest) ?? [];
    if (mark === undefined) break;
    words.push(rest.slice(mark.length, mark.length + Number(size)));
    rest = rest.slice(mark.length + Number(size) + 2);
  }
  return words;
}

function command(words: readonly string[], count: number): Utterance {
  const name = (words[0] ?? '').toUpperCase();
  if (SECRETIVE.test(name)) return says(count > 1 ? `${name} …` : name);
  const shown = FAMILIES.test(name) ? (words[1] ?? '').toUpperCase() : (words[1] ?? '');
  const argument = shown.length > SHOWN ? `${shown.slice(0, SHOWN)}…` : shown;
  return says([name, argument, count > 2 ? '…' : ''].filter((word) => word !== '').join(' '));
}

function other(speech: Speech): Utterance | null {
  const text = latin(speech.head, 0, speech.head.length);
  if (!speech.fromServer) {
    const words = /^[A-Za-z][^\r\n]*(?=\r?\n)/.exec(text)?.[0].split(' ') ?? [];
    return words[0] === undefined || !COMMAND.test(words[0]) ? null : command(words, words.length);
  }
  const [line = '', kind = '', rest = ''] = /^([+\-:$*%~,#_])([^\r\n]{0,60})/.exec(text) ?? [];
  if (line === '') return null;
  switch (kind) {
    case '+':
      return says(rest);
    case '-':
      return says(`error ${/^[A-Z]+/.exec(rest)?.[0] ?? ''}`.trimEnd());
    case ':':
      return says('an integer');
    case '$':
      return says(rest === '-1' ? 'nil' : 'a value');
    case '*':
      return says(rest === '-1' ? 'nil' : `${rest} elements`);
    default:
      return says('a reply');
  }
}

export const redis: ApplicationProtocol = { name: 'Redis', ports: [6379, 26379], strong: array, weak: other };
