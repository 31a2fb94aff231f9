/** What the path does to segments that it lets through: other addresses, options of the handshake that are smaller or gone, other numbers, other octets. */
import type { ChangeKind, PathChange, Sighting } from '../../model/correlation.ts';
import { SIDE_NAMES, type SideName } from '../../model/state.ts';
import type { Flow } from './direction.ts';
import type { Matched } from './matching.ts';
import type { Ends } from './pairing.ts';
import type { Segment } from './segments.ts';

/** Proofs of a change: the same segment on both sides, once or twice. */
const PROOFS = 2;

export type See = (capture: SideName, segment: Segment) => Sighting;

interface Seen {
  readonly what: ChangeKind;
  readonly text: string;
}

export function changesOf(
  flows: readonly Flow[],
  ends: (flow: Flow) => { readonly client: Ends; readonly server: Ends },
  see: See,
): readonly PathChange[] {
  const out = new Map<string, { readonly change: Seen; readonly from: SideName; count: number; readonly evidence: Sighting[] }>();
  for (const flow of flows) {
    const from = SIDE_NAMES[flow.side];
    const [sender, receiver] = flow.side === 0 ? (['client', 'server'] as const) : (['server', 'client'] as const);
    const told = new Set<string>();
    for (const m of flow.matching.matched)
      for (const change of changesIn(m, flow, ends(flow))) {
        const key = `${from} ${change.what} ${change.text}`;
        if (told.has(key)) continue;
        told.add(key);
        const known = out.get(key) ?? { change, from, count: 0, evidence: [] };
        known.count++;
        if (known.evidence.length < 2 * PROOFS) known.evidence.push(see(sender, m.sent), see(receiver, m.arrived));
        out.set(key, known);
      }
  }
  return [...out.values()].map(({ change, from, count, evidence }) => ({ ...change, from, connections: count, evidence }));
}

function* changesIn(
  { sent, arrived }: Matched,
  { side, pair }: Flow,
  { client, server }: { readonly client: Ends; readonly server: Ends },
): Generator<Seen> {
  const [mine, theirs] = [side === 0 ? client.client : server.server, side === 0 ? server.client : client.server];
  const isOther = pair.flipped ? false : mine !== theirs;
  // Of ports, every connection has its own: what is said of all of them is the address.
  if (isOther)
    yield {
      what: 'address',
      text: `${hostOf(mine)} becomes ${hostOf(theirs)}${portOf(mine) === portOf(theirs) ? '' : ', with other ports'}`,
    };
  if (pair.shift[side] !== 0) yield { what: 'sequence-numbers', text: 'its sequence numbers are others' };
  const [before, after] = [sent.syn, arrived.syn];
  if (before !== null && after !== null) {
    if (before.mss !== after.mss) yield { what: 'mss', text: `MSS ${shown(before.mss)} becomes ${shown(after.mss)}` };
    if (before.windowScale !== after.windowScale)
      yield { what: 'window-scale', text: `window scale ${shown(before.windowScale)} becomes ${shown(after.windowScale)}` };
    if (before.sack !== after.sack) yield { what: 'sack', text: before.sack ? 'SACK permitted is taken out' : 'SACK permitted is put in' };
    if (before.timestamps !== after.timestamps)
      yield { what: 'timestamps', text: before.timestamps ? 'timestamps are taken out' : 'timestamps are put in' };
  }
  if (sent.hash !== 0 && arrived.hash !== 0 && sent.hash !== arrived.hash) yield { what: 'payload', text: 'its octets are others' };
}

const shown = (value: number): string => (value < 0 ? 'none' : String(value));
const hostOf = (end: string): string => end.slice(0, end.lastIndexOf(':'));
const portOf = (end: string): string => end.slice(end.lastIndexOf(':') + 1);
