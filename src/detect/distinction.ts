/**
 * What the affected connections have in common and the unaffected lack: the first question of whoever has to find the
 * cause. One sentence with both counts, also when nothing tells them apart.
 */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import type { ConnectionView } from '../model/connection.ts';
import { otherSide, Side } from '../model/state.ts';
import { type ConnId, type ConnIds, secondsOf } from '../model/units.ts';
import { countText, plural } from '../model/wording.ts';
import { period } from './evidence.ts';
import { sample } from './statistics.ts';

/** A trait speaks for itself when so many of the affected have it and so few of the others. */
const MOST = 0.9;
const FEW = 0.2;
/** Connections looked at on either side: enough for shares of a tenth, and a rule may ask for every service. */
const SAMPLE = 60;

/** Connections of a service from which the unaffected are taken: of a larger one a sample. */
const MOST_OTHERS = 2_000;

/** The other connections of the service and, where the finding is about a client, of that client. */
export function othersOf(
  capture: CaptureView,
  service: ServiceView,
  affected: readonly ConnId[],
  { side, host }: { readonly side: Side; readonly host: string | null },
): readonly ConnId[] {
  const members = new Set(affected);
  const anyHost = side === Side.SERVER || host === null;
  return sample(service.all(), MOST_OTHERS).filter((id) => !members.has(id) && (anyHost || capture.clientOf(id) === host));
}

/** A property with a value per connection; `words` finishes "12 of 12 affected …". Null: it has no value there. */
interface Property {
  readonly value: (c: ConnectionView) => string | null;
  readonly words: (value: string) => string;
}

/**
 * @param side the end that the finding is about.
 * @param endings false: the finding is itself about how they ended, and who closed first distinguishes nothing.
 */
export function distinction(
  capture: CaptureView,
  affected: ConnIds,
  unaffected: ConnIds,
  side: Side,
  { endings } = { endings: true },
): string {
  if (unaffected.length === 0) return 'The capture has no other connections of this service and host to compare them with.';
  const a = sample(affected, SAMPLE).map((id) => capture.connection(id));
  const b = sample(unaffected, SAMPLE).map((id) => capture.connection(id));
  const others = plural(unaffected.length, 'other');
  let best: { gap: number; text: string } | undefined;
  for (const property of properties(side, endings)) {
    const common = commonest(a.map((c) => property.value(c)));
    if (common === null) continue;
    const { value } = common;
    const mine = common.count / a.length;
    if (mine < MOST) continue;
    const theirs = b.filter((c) => property.value(c) === value).length / b.length;
    if (theirs > FEW || mine - theirs <= (best?.gap ?? 0)) continue;
    const text = `${countText(Math.round(mine * affected.length))} of the ${countText(affected.length)} affected ${property.words(value)}, and ${countText(Math.round(theirs * unaffected.length))} of the ${others}.`;
    best = { gap: mine - theirs, text };
  }
  return (
    best?.text ??
    moment(capture, a, b) ??
    `Peer address, ${endings ? 'direction of the close, ' : ''}the last to speak, sizes and moment do not tell the ${countText(affected.length)} affected from the ${others}.`
  );
}

const properties = (side: Side, endings: boolean): readonly Property[] => [
  { value: (c) => c.ends[otherSide(side)].ip, words: (ip) => `have the peer ${ip}` },
  { value: (c) => c.encapsulation.join(' ') || null, words: (tag) => `are in ${tag}` },
  {
    value: (c) => (endings ? c.closedBy : null),
    words: (who) => `were closed first by ${who === 'both' ? 'both ends at once' : `the ${who}`}`,
  },
  { value: lastSpeaker, words: (who) => `carried their last data from the ${who}` },
  { value: (c) => `${c.client.payloadBytes} ${c.server.payloadBytes}`, words: sizesText },
];

function lastSpeaker(c: ConnectionView): string | null {
  const [client, server] = [c.client.lastDataTime, c.server.lastDataTime];
  if (client === null && server === null) return null;
  return (client ?? -1) > (server ?? -1) ? 'client' : 'server';
}

function sizesText(value: string): string {
  const [client = '', server = ''] = value.split(' ');
  return `carried ${countText(Number(client))} bytes from the client and ${countText(Number(server))} from the server`;
}

function commonest(values: readonly (string | null)[]): { value: string; count: number } | null {
  const counts = new Map<string, number>();
  for (const v of values) if (v !== null) counts.set(v, (counts.get(v) ?? 0) + 1);
  let best: { value: string; count: number } | null = null;
  for (const [value, count] of counts) if (count > (best?.count ?? 0)) best = { value, count };
  return best;
}

/** The affected were opened in a stretch of time of their own. One alone always was, which says nothing. */
function moment(capture: CaptureView, affected: readonly ConnectionView[], unaffected: readonly ConnectionView[]): string | null {
  if (affected.length < 2) return null;
  const starts = affected.map((c) => c.start).sort((a, b) => a - b);
  const [from, to] = [starts[0]!, starts.at(-1)!];
  const inside = unaffected.filter((c) => c.start >= from && c.start <= to).length;
  if (secondsOf(to - from) > 0.5 * secondsOf(capture.end - capture.start) || inside > FEW * unaffected.length) return null;
  return `The affected were all opened ${period(capture, from, to)}, as ${inside} of the ${plural(unaffected.length, 'other')} were.`;
}
