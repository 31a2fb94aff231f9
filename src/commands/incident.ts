/** Gathers what an incident document shows beside the report. The capture is read once more, for the connections that it draws. */
import type { Analysis } from '../engine/analysis.ts';
import { TcpdiagError } from '../model/errors.ts';
import type { Report, StateCountRow } from '../model/report.ts';
import { sanitise, shellQuoted } from '../model/sanitise.ts';
import { STATE_NAMES } from '../model/state.ts';
import { nanos, NANOS_PER_SECOND } from '../model/units.ts';
import { exhibits, type IncidentDocument, SEGMENTS_READ, type StatesOverTime } from '../report/incident.ts';
import { TOOL_NAME } from '../model/version.ts';

/** Moments at which sockets are counted: as many as a drawing has room for. */
const MOMENTS = 160;

/** @param report of the analysis, with its checksums @param argv the words after the program's name; null: they would say too much */
export async function incidentOf(analysis: Analysis, report: Report, argv: readonly string[] | null): Promise<IncidentDocument> {
  return {
    report,
    command: [TOOL_NAME, ...(argv ?? ['report', '--anonymize'])].map(shellQuoted).join(' '),
    anonymous: argv === null,
    ...(await drawn(analysis, report)),
    states: statesOf(analysis, report),
    distributions: analysis.distributions(),
    partial: () => analysis.partial(),
  };
}

/** A document without drawings is better than none; only a signal ends it. */
async function drawn(analysis: Analysis, report: Report): Promise<Pick<IncidentDocument, 'connections' | 'lacking'>> {
  const ids = [...new Set(exhibits(report).values())];
  try {
    const ladders = await analysis.ladders(ids, SEGMENTS_READ);
    const details = [...ladders].map(
      ([id, ladder]) => [id, { ladder, findings: report.findings, captureEnd: report.capture.end }] as const,
    );
    return { connections: new Map(details), lacking: null };
  } catch (error) {
    if (!(error instanceof TcpdiagError)) throw error;
    return { connections: new Map(), lacking: sanitise(error.message) };
  }
}

function statesOf(analysis: Analysis, { capture }: Report): StatesOverTime | null {
  if (capture.connections === 0) return null;
  const every = nanos(Math.max(1, Math.ceil((capture.durationSeconds * NANOS_PER_SECOND) / MOMENTS)));
  const moments: string[] = [];
  const sums = new Map(STATE_NAMES.map((state) => [state, [] as number[]]));
  for (const { at, counts } of analysis.stateCounts(every).rows) {
    if (moments.at(-1) !== at) {
      moments.push(at);
      for (const sockets of sums.values()) sockets.push(0);
    }
    addTo(sums, counts, moments.length - 1);
  }
  const counts = [...sums].flatMap(([state, sockets]) => (sockets.some((n) => n > 0) ? [{ state, sockets }] : []));
  return counts.length === 0 ? null : { everySeconds: every / NANOS_PER_SECOND, moments, counts };
}

function addTo(sums: ReadonlyMap<string, number[]>, counts: StateCountRow['counts'], moment: number): void {
  for (const [state, n] of Object.entries(counts)) {
    const sockets = sums.get(state);
    if (sockets !== undefined) sockets[moment] = (sockets[moment] ?? 0) + n;
  }
}
