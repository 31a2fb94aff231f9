/**
 * `report -f ndjson` of a capture that is still coming: a finding is told when it opens, when it has changed, and when it is withdrawn;
 * the report with everything in it comes last, with the status `final`.
 */
import type { Finding } from '../model/finding.ts';
import { type CaptureFacts, type Report, SCHEMA_VERSION, type Series } from '../model/report.ts';
import { TOOL_NAME, TOOL_VERSION } from '../model/version.ts';
import { captureLine, findingLine, ndjsonReport } from './ndjson.ts';

/** A finding that grows with every packet is told again once a second. */
export const REST_MS = 1_000;

interface Told {
  readonly finding: Finding;
  /** As it was printed. */
  readonly line: string;
  readonly at: number;
}

export interface LiveState {
  readonly capture: CaptureFacts;
  readonly series: Series;
  readonly findings: readonly Finding[];
}

export class LiveLines {
  readonly #told = new Map<string, Told>();
  #begun = false;
  #owes = false;

  /** A change waits for its second to be over. */
  get owes(): boolean {
    return this.#owes;
  }

  /** What has changed since the last call. @param now milliseconds of any clock that only goes forward */
  *changes({ capture, series, findings }: LiveState, now: number): Generator<string> {
    this.#owes = false;
    if (capture.packets === 0) return;
    if (!this.#begun) {
      this.#begun = true;
      yield captureLine({ schemaVersion: SCHEMA_VERSION, tool: { name: TOOL_NAME, version: TOOL_VERSION }, capture, series }, 'open');
    }
    yield* this.#withdraw(findings);
    for (const finding of findings) {
      const told = this.#told.get(finding.id);
      if (told?.finding === finding) continue;
      if (told !== undefined && now - told.at < REST_MS) {
        this.#owes = true;
        continue;
      }
      const line = findingLine(finding, 'open');
      if (line === told?.line) continue;
      this.#told.set(finding.id, { finding, line, at: now });
      yield line;
    }
  }

  *final(report: Report): Generator<string> {
    yield* this.#withdraw(report.findings);
    yield* ndjsonReport(report);
  }

  /** What was told and is not so any more. */
  *#withdraw(findings: readonly Finding[]): Generator<string> {
    const ids = new Set(findings.map(({ id }) => id));
    for (const [id, { finding }] of this.#told) {
      if (ids.has(id)) continue;
      this.#told.delete(id);
      yield findingLine(finding, 'withdrawn');
    }
  }
}
