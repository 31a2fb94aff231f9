/** Numbers and times as people read them; durations and sizes shorter than in a report, for columns of fixed width. */
import { countText, plural } from '../../model/wording.ts';

export { countText as count, plural };

/** Decimal units, as network people count: `78 B`, `1.4 kB`, `3.2 MB`. */
export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = n;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${units[unit] ?? ''}`;
}

/** `430 µs`, `1.1 ms`, `20.0 s`, `5m12s`, `2h05m`. */
export function duration(seconds: number): string {
  const s = Math.abs(seconds);
  if (s === 0) return '0 s';
  if (s < 0.0009995) return `${(s * 1e6).toFixed(0)} µs`;
  if (s < 0.9995) return `${(s * 1e3).toFixed(s < 0.0995 ? 1 : 0)} ms`;
  if (s < 99.95) return `${s.toFixed(1)} s`;
  const whole = Math.round(s);
  if (whole < 3600) return `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, '0')}s`;
  return `${Math.floor(whole / 3600)}h${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')}m`;
}

/** Time of day of an RFC 3339 time, with `digits` decimals: `08:33:20.123`. Anything else as it is. */
export function timeOfDay(time: string, digits = 3): string {
  const m = /T(\d\d:\d\d:\d\d)\.(\d{9})Z$/.exec(time);
  if (!m) return time;
  return digits === 0 ? (m[1] ?? '') : `${m[1] ?? ''}.${(m[2] ?? '').slice(0, digits)}`;
}

/** `2026-11-20 08:33:20 UTC` */
export const dateTime = (time: string): string => time.replace(/T(\d\d:\d\d:\d\d).*Z$/, ' $1 UTC');

/** An entry of `metrics` in words, with its unit: `longestSeconds` 312.4 is `longest: 5m12s`. */
export function metric(key: string, value: number | string): string {
  if (typeof value === 'string') return `${words(key)}: ${timeOfDay(value)}`;
  if (key.endsWith('Seconds')) return `${words(key.slice(0, -'Seconds'.length))}: ${duration(value)}`;
  const number = Number.isInteger(value) ? countText(value) : String(Number(value.toPrecision(4)));
  return key.endsWith('Percent') ? `${words(key.slice(0, -'Percent'.length))}: ${number} %` : `${words(key)}: ${number}`;
}
const words = (key: string): string => key.replace(/([a-z\d])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);

const SPELLED: readonly (readonly [RegExp, string])[] = [
  [/\bclose-wait\b/, 'CLOSE_WAIT'],
  [/\btime-wait\b/, 'TIME_WAIT'],
  [/\bfin-wait2\b/, 'FIN_WAIT_2'],
  [/\blast-ack\b/, 'LAST_ACK'],
  [/\b(syn|rst|ack|fin|icmp|dns|http|udp|mss|paws|nat|isn|tcp|tls)\b/g, ''],
];

/** A rule's id as a person says it: `close-wait-stuck` is `CLOSE_WAIT stuck`. */
export function ruleLabel(rule: string): string {
  let text = rule;
  for (const [pattern, spelled] of SPELLED) text = text.replace(pattern, (found) => (spelled === '' ? found.toUpperCase() : spelled));
  text = text.replaceAll('-', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}
