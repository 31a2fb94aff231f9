/**
 * Two captures of the same traffic, at the client's side and at the server's: what was lost, added, changed or delayed on the way, and so
 * whether the path or a host is to blame. Read first: `pairing.ts`, `matching.ts`, `clocks.ts`.
 */
import type { Correlation, CorrelatedCapture, PathIncident, Sighting } from '../../model/correlation.ts';
import { Flag } from '../../model/flags.ts';
import { type ConnectionRow, SCHEMA_VERSION } from '../../model/report.ts';
import { SIDE_NAMES, Side, type SideName } from '../../model/state.ts';
import { nanos, NANOS_PER_SECOND, tidySeconds } from '../../model/units.ts';
import { TOOL_NAME, TOOL_VERSION } from '../../model/version.ts';
import { countText, plural } from '../../model/wording.ts';
import { endpointText } from '../../model/address.ts';
import type { Analysis } from '../analysis.ts';
import { changesOf } from './changes.ts';
import { type ClockLine, clockLine, type Passage } from './clocks.ts';
import { account, type Account, type Flow, flowOf } from './direction.ts';
import { matchSegments, type Shift } from './matching.ts';
import { type Ends, type Pair, pairConnections } from './pairing.ts';
import type { Segment, SegmentTable } from './segments.ts';
import { verdictOf } from './verdict.ts';
import { waitsOf } from './waits.ts';

/** Pairs listed, and proofs of an incident. */
const MAX_PAIRS = 1_000;
const PROOFS = 5;
/** A connection has never arrived where its server's capture ran on for so long after its SYN, nanoseconds. */
const PATIENCE = NANOS_PER_SECOND;

/** @param client the capture at the client's side @param server the one at the server's @param most segments of each that are kept @throws TcpdiagError where one cannot be read again */
export async function correlate(client: Analysis, server: Analysis, most?: number): Promise<Correlation> {
  const tables = [await client.segments(client.clock, most), await server.segments(client.clock, most)] as const;
  const sampledOneIn = Math.max(tables[0].oneIn, tables[1].oneIn);
  const [a, b] = [tables[0].thinned(sampledOneIn), tables[1].thinned(sampledOneIn)];
  const endsA = endsOf(client.connections());
  const endsB = endsOf(server.connections());
  const ends = { a: (id: number): Ends => endsA.get(id) ?? NOBODY, b: (id: number): Ends => endsB.get(id) ?? NOBODY };
  const pairs = pairConnections(a, b, ends);
  const flows = pairs.flatMap((pair) => [Side.CLIENT, Side.SERVER].map((side) => flowOf(pair, side, a, b, matchOf)));
  const line = clockLine(passages(flows, Side.CLIENT), passages(flows, Side.SERVER));
  const there = account(
    flows.filter((f) => f.side === Side.CLIENT),
    Side.CLIENT,
    b,
    line,
  );
  const back = account(
    flows.filter((f) => f.side === Side.SERVER),
    Side.SERVER,
    a,
    line,
  );
  const see = (capture: SideName, s: Segment): Sighting => ({
    capture,
    connection: s.connection,
    frame: s.frame,
    time: timeOf(capture === 'client' ? client : server, client, s),
  });
  const never = neverArrived(a, b, pairs, ends, line);
  const incidents = [...lostIncidents(there, see), ...lostIncidents(back, see), ...(never.length === 0 ? [] : [neverIncident(never, see)])];
  const waits = waitsOf(flows);
  const changes = changesOf(flows, ({ pair }) => ({ client: ends.a(pair.client), server: ends.b(pair.server) }), see);
  const by = (how: Pair['by']): number => pairs.filter((p) => p.by === how).length;
  const hosts = hostsOf(pairs, ends);
  return {
    schemaVersion: SCHEMA_VERSION,
    tool: { name: TOOL_NAME, version: TOOL_VERSION },
    captures: { client: captureOf(client), server: captureOf(server) },
    clock: line === null ? null : clockFacts(line, flows),
    sampledOneIn,
    connections: {
      matched: pairs.length,
      byTuple: by('tuple'),
      byNumbers: by('numbers'),
      byContent: by('content'),
      onlyClient: a.byConnection.size - pairs.length,
      onlyServer: b.byConnection.size - pairs.length,
    },
    directions: [there.facts, back.facts],
    waits,
    changes,
    incidents,
    verdict: verdictOf({ pairs: pairs.length, directions: [there.facts, back.facts], incidents, waits, resets: resetsOf(flows), hosts }),
    pairs: pairs.slice(0, MAX_PAIRS).map(({ client: id, server: other, by: how }) => ({
      client: id,
      server: other,
      by: how,
      lostFromClient: there.lost.filter(([flow]) => flow.pair.client === id).length,
      lostFromServer: back.lost.filter(([flow]) => flow.pair.client === id).length,
    })),
    caveats: caveatsOf(a, b, there, back, line, waits),
  };
}

const NOBODY: Ends = { client: '', server: '' };

const endsOf = (rows: Iterable<ConnectionRow>): ReadonlyMap<number, Ends> => {
  const out = new Map<number, Ends>();
  for (const { id, client, server } of rows)
    out.set(id, { client: endpointText(client.ip, client.port), server: endpointText(server.ip, server.port) });
  return out;
};

const captureOf = ({ report: { capture } }: Analysis): CorrelatedCapture => ({
  path: capture.files[0]?.path ?? '',
  packets: capture.packets,
  connections: capture.connections,
  start: capture.start,
  end: capture.end,
});

function matchOf(sent: readonly Segment[], arrived: readonly Segment[], { shift }: Pair, side: Side): ReturnType<typeof matchSegments> {
  const by: Shift = side === Side.CLIENT ? { seq: shift[0], ack: shift[1] } : { seq: -shift[1], ack: -shift[0] };
  return matchSegments(sent, arrived, by);
}

/** By the server's clock minus by the client's, of segments that cannot be mistaken. */
function passages(flows: readonly Flow[], side: Side): readonly Passage[] {
  return flows
    .filter((f) => f.side === side)
    .flatMap(({ matching }) =>
      matching.matched
        .filter((m) => m.unmistakable)
        .map(({ sent, arrived }) => {
          const [atClient, atServer] = side === Side.CLIENT ? [sent.time, arrived.time] : [arrived.time, sent.time];
          return { time: atClient, difference: atServer - atClient };
        }),
    );
}

function clockFacts({ offset, slope, margin }: ClockLine, flows: readonly Flow[]): Correlation['clock'] {
  const pairs = flows.reduce((sum, { matching }) => sum + matching.matched.filter((m) => m.unmistakable).length, 0);
  return {
    offsetSeconds: tidySeconds(offset / NANOS_PER_SECOND) + 0, // not -0
    driftPpm: Math.round(slope * 1e8) / 100 + 0,
    uncertaintySeconds: tidySeconds(Math.max(0, margin) / NANOS_PER_SECOND),
    pairs,
  };
}

/** As the capture's own clock had it. */
function timeOf(of: Analysis, origin: Analysis, { time }: Segment): string {
  const { originSeconds, originNanos } = origin.clock;
  const shift = (of.clock.originSeconds - originSeconds) * NANOS_PER_SECOND + (of.clock.originNanos - originNanos);
  return of.clock.text(nanos(time - shift));
}

function lostIncidents(
  { facts: { from }, lost, injectedResets, droppedResets, appeared }: Account,
  see: (c: SideName, s: Segment) => Sighting,
): readonly PathIncident[] {
  const to: SideName = from === 'client' ? 'server' : 'client';
  const incident = (
    kind: PathIncident['kind'],
    found: Account['lost'],
    capture: SideName,
    text: string,
    note: (flow: Flow, s: Segment) => string,
  ): readonly PathIncident[] =>
    found.length === 0
      ? []
      : [
          {
            kind,
            from,
            segments: found.length,
            connections: new Set(found.map(([flow]) => flow.pair.client)).size,
            text: `${countText(found.length)} ${text}`,
            evidence: found.slice(0, PROOFS).map(([flow, s]) => ({ ...see(capture, s), note: note(flow, s) })),
          },
        ];
  const what = (s: Segment): string => `${flagWords(s.flags)}${s.length > 0 ? `${countText(s.length)} octets, ` : ''}seq ${String(s.seq)}`;
  return [
    ...incident(
      'lost',
      lost,
      from,
      `of what the ${from} sent did not reach the ${to}'s capture`,
      (_, s) => `sent, never arrived: ${what(s)}`,
    ),
    ...incident(
      'dropped-reset',
      droppedResets,
      from,
      `RST that the ${from} sent did not reach the ${to}`,
      (_, s) => `sent, never arrived: ${what(s)}`,
    ),
    ...incident(
      'injected-reset',
      injectedResets,
      to,
      `RST that came to the ${to} in the name of the ${from} were never sent by it`,
      (flow, s) => `arrived, never sent: ${what(s)}${otherTtl(flow, s)}`,
    ),
    ...incident(
      'appeared',
      appeared,
      to,
      `of what came to the ${to} is not in the ${from}'s capture: put in on the way, or missed by that capture`,
      (flow, s) => `arrived, not sent: ${what(s)}${otherTtl(flow, s)}`,
    ),
  ];
}

/** `, TTL 55 where its other segments arrive with 64`. */
function otherTtl({ matching }: Flow, s: Segment): string {
  const usual = matching.matched[0]?.arrived.ttl;
  return usual === undefined || usual === s.ttl ? '' : `, TTL ${String(s.ttl)} where its other segments arrive with ${String(usual)}`;
}

function flagWords(flags: number): string {
  const named = [
    [Flag.SYN, 'SYN'],
    [Flag.FIN, 'FIN'],
    [Flag.RST, 'RST'],
  ] as const;
  const words = named.flatMap(([bit, word]) => ((flags & bit) === 0 ? [] : [word]));
  return words.length === 0 ? '' : `${words.join(' ')}, `;
}

/** First SYNs of connections that the server's capture has nothing of, although it ran and has others of the same service. */
function neverArrived(
  a: SegmentTable,
  b: SegmentTable,
  pairs: readonly Pair[],
  ends: { readonly a: (id: number) => Ends },
  line: ClockLine | null,
): readonly Segment[] {
  const paired = new Set(pairs.map((p) => p.client));
  const known = new Set(pairs.map((p) => ends.a(p.client).server));
  const offset = line?.offset ?? 0;
  const out: Segment[] = [];
  for (const [id, segments] of a.byConnection) {
    const syn = segments.find((s) => s.side === Side.CLIENT && (s.flags & (Flag.SYN | Flag.ACK)) === Flag.SYN);
    if (syn === undefined || paired.has(id) || !known.has(ends.a(id).server)) continue;
    if (syn.time + offset >= b.first && syn.time + offset <= b.last - PATIENCE) out.push(syn);
  }
  return out;
}

const neverIncident = (syns: readonly Segment[], see: (c: SideName, s: Segment) => Sighting): PathIncident => ({
  kind: 'never-arrived',
  from: 'client',
  segments: syns.length,
  connections: syns.length,
  text: `${plural(syns.length, 'connection')} of the client's capture never reached the server's, not even with a SYN`,
  evidence: syns.slice(0, PROOFS).map((s) => ({ ...see('client', s), note: 'its SYN' })),
});

/** RSTs that were sent and arrived, by who sent them. */
function resetsOf(flows: readonly Flow[]): Readonly<Record<SideName, number>> {
  const of = (side: Side): number =>
    flows.filter((f) => f.side === side && f.matching.matched.some((m) => (m.sent.flags & Flag.RST) !== 0)).length;
  return { [SIDE_NAMES[Side.CLIENT]]: of(Side.CLIENT), [SIDE_NAMES[Side.SERVER]]: of(Side.SERVER) };
}

/** The host of each side, where there is one: the client by its own capture, the server by its. */
function hostsOf(
  pairs: readonly Pair[],
  ends: { readonly a: (id: number) => Ends; readonly b: (id: number) => Ends },
): Readonly<Record<SideName, string | null>> {
  const only = (hosts: readonly string[]): string | null => (new Set(hosts).size === 1 ? hosts[0]! : null);
  const host = (end: string): string => end.slice(0, end.lastIndexOf(':')).replace(/^\[|\]$/g, '');
  return { client: only(pairs.map((p) => host(ends.a(p.client).client))), server: only(pairs.map((p) => host(ends.b(p.server).server))) };
}

function caveatsOf(
  a: SegmentTable,
  b: SegmentTable,
  there: Account,
  back: Account,
  line: ClockLine | null,
  { answers }: Correlation['waits'],
): readonly string[] {
  const out: string[] = [];
  if (a.oneIn > 1)
    out.push(
      `there are too many segments to compare all: what is said is of 1 in ${countText(a.oneIn)} connections, the same ones of both captures, chosen by their initial sequence numbers; shares and delays are those of the whole, counts are not`,
    );
  for (const [which, { cutAt }] of [
    ['client', a],
    ['server', b],
  ] as const)
    if (cutAt !== null)
      out.push(
        `a single connection has too many segments to compare them all: the ${which}'s capture is compared up to its frame ${countText(cutAt)}`,
      );
  if (line === null)
    out.push(
      'no segment is in both captures in both directions: their clocks cannot be compared, so no delay is given, and the edges of the captures count as lost',
    );
  else if (line.margin < 0)
    out.push(
      "segments arrive before they were sent: the captures may be named the wrong way round (the client's comes first), or a clock was set while they ran; delays are not to be relied on",
    );
  for (const { facts } of [there, back])
    if (facts.missedByCapture > 0)
      out.push(
        `${plural(facts.missedByCapture, 'segment')} from the ${facts.from} ${facts.missedByCapture === 1 ? 'was' : 'were'} acknowledged and ${facts.missedByCapture === 1 ? 'is' : 'are'} not in the other capture: that capture drops packets, and other losses may be its own`,
      );
  if (answers === 0) out.push('no request with an answer is in both captures: where time was spent cannot be said');
  return out;
}
