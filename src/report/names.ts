/** Names beside addresses: `10.0.0.9:3306 (db.example)` where a sentence first speaks of it. The address is always there. */
import type { NameOrigin } from '../model/names.ts';
import type { CaptureFacts, ReportName } from '../model/report.ts';

type ReportNames = Readonly<Record<string, ReportName>> | undefined;

/** `[2001:db8::1]:443`, `2001:db8::1`, `10.0.0.9:3306`; no prefix, no part of a longer word. Times look alike, but have no name. */
const ADDRESS =
  /(?<![\w.:[/-])(?:\[([\da-f:.]+)\](?::\d{1,5})?|(\d{1,3}(?:\.\d{1,3}){3})(?::\d{1,5})?|([\da-f]{0,4}:[\da-f:.]*[\da-f]))(?![\w/]|\.\d)/gi;

/** @returns the text with each named address followed by its name, once */
export function withNames(text: string, names: ReportNames): string {
  if (names === undefined) return text;
  const told = new Set<string>();
  return text.replace(ADDRESS, (word: string, bracketed?: string, ipv4?: string, ipv6?: string) => {
    const ip = bracketed ?? ipv4 ?? ipv6 ?? '';
    const known = [names[word], names[ip]].flatMap((n) => (n === undefined ? [] : [n.name]));
    const name = [...new Set(known)].join(', ');
    if (name === '' || told.has(name)) return word;
    told.add(name);
    return `${word} (${name})`;
  });
}

const ORIGINS: Readonly<Record<NameOrigin, string>> = {
  config: 'the configuration',
  dns: 'DNS answers in the capture',
  capture: 'the capture file',
  sni: 'server names that TLS clients asked for',
  http: 'Host headers',
};

/** Where the names are from: nobody was asked for them. Null: there are none. */
export function nameOriginsText({ names }: CaptureFacts): string | null {
  const origins = new Set(Object.values(names ?? {}).map(({ from }) => from));
  const said = Object.entries(ORIGINS).flatMap(([origin, text]) => (origins.has(origin as NameOrigin) ? [text] : []));
  return said.length === 0 ? null : `Names are taken from ${said.join(' and ')}`;
}
