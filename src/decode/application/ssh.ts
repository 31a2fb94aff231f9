/** SSH (RFC 4253 §4.2): the identification line; all that comes after the key exchange is encrypted. */
import { type ApplicationProtocol, isText, latin, says, type Speech, type Utterance } from './speech.ts';

const BANNER = /^SSH-\d\.\d{1,2}-[^\s]{1,80}/;

const banner = ({ head }: Speech): Utterance | null => {
  const [line] = BANNER.exec(latin(head, 0, 128)) ?? [];
  return line === undefined ? null : says(line);
};

const encrypted = ({ head }: Speech): Utterance | null => (isText(head, 0, head.length) ? null : says('packet, encrypted'));

export const ssh: ApplicationProtocol = { name: 'SSH', ports: [22], strong: banner, weak: encrypted };
