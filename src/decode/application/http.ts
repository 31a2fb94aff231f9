/**
 * HTTP/1 (RFC 9112): the request line or the status line, nothing below it, so neither Authorization nor Cookie. Of the target:
 * no userinfo, the names of query parameters without their values, and no path segment that looks like a token. HTTP/2 shows
 * its preface only (RFC 9113 §3.4); what follows is compressed.
 */
import { type ApplicationProtocol, latin, says, type Speech, type Utterance } from './speech.ts';

/** RFC 9110 §9.1, RFC 5789, RFC 4918; a method of its own is no proof of HTTP. */
const REQUEST =
  /^(GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|PROPFIND|REPORT|MKCOL|COPY|MOVE|LOCK|UNLOCK) ([^\s]{1,2000})(?: (HTTP\/\d\.\d))?/;
/** The reason is shown where all of it was captured. */
const STATUS = /^(HTTP\/\d\.\d \d{3})(?: ([^\r\n]{0,60})(?=\r?\n))?/;
const PREFACE = 'PRI * HTTP/2.0\r\n';

function read({ head }: Speech): Utterance | null {
  const text = latin(head, 0, head.length);
  const [, status, reason = ''] = STATUS.exec(text) ?? [];
  if (status !== undefined) return says(`${status} ${reason}`.trimEnd());
  if (text.startsWith(PREFACE)) return says('HTTP/2 preface');
  const [line = '', method = '', target = '', version] = REQUEST.exec(text) ?? [];
  // Redis and memcached have a GET too, but no path. A target that fills the segment may go on.
  if (line === '' || !/^([/*]|[a-z][a-z\d+.-]*:\/\/)/i.test(target) === (method !== 'CONNECT')) return null;
  const shown = `${method} ${plainTarget(target)}`;
  return says(version !== undefined || shown.endsWith('…') ? shown : `${shown}…`);
}

/** Opaque and long enough to be a key: letters and digits without a dot (file names have one), RFC 4122 UUIDs among them. */
const TOKEN = /^(?=.*\d)(?=.*[A-Za-z])[A-Za-z\d_~%=-]{20,}$/;

/** @returns the request target without what only its sender should know */
export function plainTarget(target: string): string {
  const [beforeQuery, query] = splitOnce(target.replace(/#.*$/, ''), '?');
  const path = beforeQuery
    .replace(/^([a-z][a-z\d+.-]*:\/\/)[^/@]*@/i, '$1')
    .split('/')
    .map((segment) => (TOKEN.test(segment) ? '…' : segment))
    .join('/');
  if (query === undefined) return path;
  const names = query.split('&').map((pair) => {
    const [name, value] = splitOnce(pair, '=');
    return value === undefined ? (TOKEN.test(name) ? '…' : name) : `${name}=…`;
  });
  return `${path}?${names.join('&')}`;
}

function splitOnce(text: string, mark: string): [string, string?] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + mark.length)];
}

export const http: ApplicationProtocol = { name: 'HTTP', ports: [80, 8080], strong: read };
