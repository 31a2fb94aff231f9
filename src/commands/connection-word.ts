/**
 * How `connection` is told which one: its id, or what a log line holds of it: one end or both, and perhaps the moment.
 * `17`, `10.0.0.5:51812`, `10.0.0.5:51812-10.0.0.9:443@2026-11-20T10:22:25Z`, `[2001:db8::1]:443@+12.5`.
 */
import { type Endpoint, inPrefix, parseEndpoint } from '../model/address.ts';
import { type Clock, parseTimeArgument, resolveTime, type TimeArgument } from '../model/clock.ts';
import { UsageError } from '../model/errors.ts';
import type { ConnectionRow, EndpointRow } from '../model/report.ts';
import { sanitise } from '../model/sanitise.ts';
import { plural } from '../model/wording.ts';

export type ConnectionWord = { readonly kind: 'id'; readonly id: number } | Ends;

interface Ends {
  readonly kind: 'ends';
  /** As it was written. */
  readonly word: string;
  /** One, or both in either order. */
  readonly ends: readonly Endpoint[];
  readonly at: TimeArgument | null;
}

/** Connections named in a message that asks which of them is meant. */
const NAMED = 5;

/** Null: it is none of the forms. */
export function parseConnectionWord(word: string): ConnectionWord | null {
  if (/^\d{1,15}$/.test(word)) return { kind: 'id', id: Number(word) };
  const [, tuple = '', moment] = /^([^@]+)(?:@(.+))?$/.exec(word) ?? [];
  const ends = tuple.split('-').map(parseEndpoint);
  const at = moment === undefined ? null : parseTimeArgument(moment);
  if (ends.length > 2 || !ends.every((e) => e !== null) || at === undefined) return null;
  return { kind: 'ends', word, ends, at };
}

/**
 * The only connection with these ends; with a moment the one that was open then, or else the last that had ended before it: what
 * a log tells of a connection is written when it is over.
 * @throws UsageError where there is none, or more than one
 */
export function findConnection(rows: Iterable<ConnectionRow>, { word, ends, at }: Ends, clock: Clock): number {
  const moment = at === null ? null : clock.text(resolveTime(at, clock));
  const candidates: ConnectionRow[] = [];
  let earlier: ConnectionRow | null = null;
  let others = 0;
  for (const row of rows) {
    if (!hasEnds(row, ends)) continue;
    // Times of one width: their texts are in the order of time.
    if (moment === null || (row.start <= moment && moment <= row.end)) candidates.push(row);
    else if (row.end < moment && (earlier === null || row.end > earlier.end)) earlier = row;
    else others++;
  }
  if (candidates.length === 0 && earlier !== null) return earlier.id;
  if (candidates.length === 1) return candidates[0]!.id;
  const shown = sanitise(word, 200);
  if (candidates.length === 0)
    throw new UsageError(
      others === 0
        ? `no connection of the capture has the ends of "${shown}".`
        : `no connection of the capture with the ends of "${shown}" had begun then; ${plural(others, 'other')} came later.`,
    );
  const some = candidates.slice(0, NAMED).map(({ id, start, end }) => `${String(id)} (${start} to ${end})`);
  const more = candidates.length > some.length ? ` and ${plural(candidates.length - some.length, 'more', 'more')}` : '';
  throw new UsageError(`"${shown}" is said of ${plural(candidates.length, 'connection')}: ${some.join(', ')}${more}.`, {
    hint: 'name both ends (IP:PORT-IP:PORT), a moment (@TIME), or the id.',
  });
}

function hasEnds({ client, server }: ConnectionRow, [one, other]: readonly Endpoint[]): boolean {
  if (one === undefined) return false;
  if (other === undefined) return isAt(client, one) || isAt(server, one);
  return (isAt(client, one) && isAt(server, other)) || (isAt(client, other) && isAt(server, one));
}

const isAt = ({ ip, port }: EndpointRow, { address, port: wanted }: Endpoint): boolean => port === wanted && inPrefix(ip, address);
