/** `correlate`: two captures beside each other, as text and as JSON. */
import type { Correlation, DirectionFacts, PathIncident, Sighting } from '../model/correlation.ts';
import { sanitise } from '../model/sanitise.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { hang, type Page, paint, textWidth } from './layout.ts';
import { safeJson } from './safe-json.ts';

/** Proofs shown of an incident. */
const SHOWN = 3;

export function* correlationText(c: Correlation, page: Page): Generator<string> {
  const width = textWidth(page.width);
  const lines = (lead: string, text: string): string => `${hang(lead, text, width).join('\n')}\n`;
  yield lines('', paint(page, sanitise(c.verdict.text, 2_000), 'bold'));
  yield lines('', `At fault: ${c.verdict.atFault ?? 'nobody that these captures show'}`);
  yield '\n';
  for (const side of ['client', 'server'] as const) {
    const { path, packets, connections } = c.captures[side];
    yield lines(side.padEnd(8), `${sanitise(path)}: ${plural(packets, 'packet')}, ${plural(connections, 'connection')}`);
  }
  yield lines('match   ', matchText(c));
  yield lines('clocks  ', clockText(c));
  yield '\n';
  for (const direction of c.directions) yield lines(`${direction.from === 'client' ? '→' : '←'} `, directionText(direction));
  if (c.waits.answers > 0) yield lines('  ', waitsText(c));
  for (const [title, items] of [
    ['On the way', c.incidents.flatMap((incident) => incidentLines(incident))],
    [
      'Changed on the way',
      c.changes.map(
        ({ from, text, connections, evidence }) =>
          `${text} from the ${from}, in ${plural(connections, 'connection')}${proofText(evidence.slice(0, 2))}`,
      ),
    ],
    ['But', c.caveats],
  ] as const) {
    if (items.length === 0) continue;
    yield `\n${paint(page, title, 'bold')}\n`;
    for (const item of items) yield lines(item.startsWith('  ') ? '      ' : '  - ', sanitise(item.trimStart(), 2_000));
  }
}

export function* correlationJson(c: Correlation): Generator<string> {
  yield `${safeJson(c)}\n`;
}

function matchText({ sampledOneIn, connections }: Correlation): string {
  const { matched, byTuple, byNumbers, byContent, onlyClient, onlyServer } = connections;
  const sample = sampledOneIn === 1 ? '' : ` (1 in ${countText(sampledOneIn)} connections is compared)`;
  const how = [
    [byTuple, 'by addresses and ports'],
    [byNumbers, 'by initial sequence numbers, behind a translator'],
    [byContent, 'by what was sent'],
  ] as const;
  const said = how.filter(([n]) => n > 0).map(([n, words]) => `${countText(n)} ${words}`);
  return `${plural(matched, 'connection')} in both${said.length === 0 ? '' : ` (${said.join(', ')})`}; ${countText(onlyClient)} only at the client, ${countText(onlyServer)} only at the server${sample}`;
}

function clockText({ clock }: Correlation): string {
  if (clock === null) return 'cannot be compared';
  const { offsetSeconds, driftPpm, uncertaintySeconds, pairs } = clock;
  const way = offsetSeconds < 0 ? 'behind' : 'ahead of';
  const drift = driftPpm === 0 ? '' : `, and ${driftPpm > 0 ? 'gains' : 'loses'} ${String(Math.abs(driftPpm))} ppm`;
  return `the server's is ${durationText(Math.abs(offsetSeconds))} ${way} the client's${drift}, to within ${durationText(uncertaintySeconds)} (${plural(pairs, 'segment')} compared; if the path is slower one way, the delays below are off by up to that)`;
}

function directionText({
  from,
  sent,
  arrived,
  lost,
  missedByCapture,
  duplicated,
  overtaken,
  appeared,
  injectedResets,
  delaySeconds: d,
  hops,
}: DirectionFacts): string {
  const odd = [
    [lost, 'lost'],
    [missedByCapture, "missed by the receiver's capture"],
    [duplicated, 'duplicated'],
    [overtaken, 'overtaken'],
    [appeared, 'never sent'],
    [injectedResets, 'forged RST in its name'],
  ] as const;
  const said = odd.filter(([n]) => n > 0).map(([n, words]) => `${countText(n)} ${words}`);
  const delay =
    d === null
      ? ''
      : `; one way ${durationText(d.median)} (fastest ${durationText(d.min)}, 95 % within ${durationText(d.p95)}, slowest ${durationText(d.max)})`;
  const routers = hops === null || hops === 0 ? '' : `; ${plural(hops, 'router')} on the way`;
  return `from the ${from}: ${plural(sent, 'segment')} sent, ${countText(arrived)} arrived${said.length === 0 ? '' : `, ${said.join(', ')}`}${delay}${routers}`;
}

function waitsText({ waits: { answers, clientSeconds, serverSeconds } }: Correlation): string {
  return `the client waited ${durationText(clientSeconds)} for ${plural(answers, 'answer')}, ${durationText(serverSeconds)} of it for the server and ${durationText(Math.max(0, clientSeconds - serverSeconds))} for the path`;
}

function incidentLines({ text, connections, evidence }: PathIncident): readonly string[] {
  const proofs = evidence.slice(0, SHOWN).map((e) => `  ${placeText(e)}: ${e.note}`);
  return [`${text} (${plural(connections, 'connection')})`, ...proofs];
}

const placeText = ({ capture, frame, time }: Sighting): string =>
  `frame ${String(frame)} of the ${capture}'s capture, ${time.slice(11, 23)}`;
const proofText = (evidence: readonly Sighting[]): string =>
  evidence.length === 0
    ? ''
    : ` (${evidence.map(({ capture, frame }) => `frame ${String(frame)} of the ${capture}'s capture`).join(', ')})`;
