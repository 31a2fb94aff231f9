/**
 * When a session shows what it has: at most ten times a second, and never so often that running the rules takes more than a tenth
 * of the time. Between two runs only the progress changes, and the findings stay the same object.
 */
import type { CaptureFacts, Series } from '../model/report.ts';
import type { Finding } from '../model/finding.ts';
import type { Progress, Snapshot } from './protocol.ts';
import { UNKNOWN_VANTAGE, vantageFacts } from '../model/vantage.ts';

/** Ten pictures a second: what an eye follows and a terminal draws without load (docs/performance.md). */
export const SNAPSHOT_INTERVAL_MS = 100;
/** A snapshot that took 50 ms is not repeated within 500 ms. */
const REST_PER_COST = 10;

export interface AnalysisState {
  readonly capture: CaptureFacts;
  readonly series: Series;
  readonly findings: readonly Finding[];
}

const NOTHING: AnalysisState = {
  capture: {
    files: [],
    packets: 0,
    tcpPackets: 0,
    connections: 0,
    start: null,
    end: null,
    durationSeconds: 0,
    vantage: vantageFacts(UNKNOWN_VANTAGE),
    caveats: [],
  },
  series: {
    bucketSeconds: 1,
    start: null,
    syn: [],
    synAnswered: [],
    completed: [],
    rst: [],
    retransmissions: [],
    halfOpen: [],
    closeWait: [],
    timeWait: [],
    connectP50: [],
    connectP99: [],
  },
  findings: [],
};

/** Before the first byte. */
export const firstSnapshot = (): Snapshot => ({
  revision: 0,
  progress: { phase: 'reading', bytesRead: 0, bytesTotal: null, packets: 0, connections: 0, captureSeconds: 0, elapsedSeconds: 0 },
  ...NOTHING,
  error: null,
});

/** Holds the newest snapshot; times are milliseconds of any clock that only goes forward. */
export class Snapshots {
  #current: Snapshot = firstSnapshot();
  #analysisRevision = 0;
  #notBefore = 0;
  /** Packets have come since the rules ran. */
  #stale = false;

  get current(): Snapshot {
    return this.#current;
  }

  /** Rises when the rules have run again; unlike `revision`, not with mere progress. */
  get analysisRevision(): number {
    return this.#analysisRevision;
  }

  /** The regular look while reading: the rules when they are due, else the progress. False when nothing has changed. */
  tick(progress: Progress, analyse: () => AnalysisState, now: () => number): boolean {
    const before = this.#current.progress;
    const came = before.packets !== progress.packets || before.bytesRead !== progress.bytesRead;
    // In silence, too, something changes: everything is a second older.
    this.#stale ||= before.packets !== progress.packets || before.quietSeconds !== progress.quietSeconds;
    // On a quiet pipe the last packets are still owed a run of the rules.
    if (this.#stale && now() >= this.#notBefore) this.replace(progress, analyse, now);
    else if (came) this.#put({ ...this.#current, progress });
    else return false;
    return true;
  }

  replace(progress: Progress, analyse: () => AnalysisState, now: () => number): void {
    const start = now();
    const { capture, series, findings } = analyse();
    const end = now();
    this.#notBefore = end + REST_PER_COST * (end - start);
    this.#analysisRevision++;
    this.#stale = false;
    this.#put({ ...this.#current, progress, capture, series, findings });
  }

  /** What was found so far stays; the sentence says why it ends here. */
  fail(error: string): void {
    this.#put({ ...this.#current, progress: { ...this.#current.progress, phase: 'failed' }, error });
  }

  #put(next: Snapshot): void {
    this.#current = { ...next, revision: this.#current.revision + 1 };
  }
}
