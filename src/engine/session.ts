/**
 * The analysis of a capture while it runs and after: progress, findings and answers, driven in the calling thread.
 * The same face as `remote.ts` shows of a worker; which of the two it is makes no difference to a screen.
 */
import { type CaptureFileFacts, type CaptureInput, type CaptureSink, readCaptures, Waypoints } from '../capture/index.ts';
import type { RawRecord } from '../capture/reader.ts';
import type { Detector } from '../detect/detector.ts';
import { TcpdiagError } from '../model/errors.ts';
import type { Report } from '../model/report.ts';
import type { Foresight } from '../track/foresight.ts';
import type { AnalysisOptions } from './analysis.ts';
import { Analyzer } from './analyzer.ts';
import { completed, type Unfinished } from './complete.ts';
import { withOwnRules } from './own-rules.ts';
import type { Progress, QuestionName, Questions, Session, Snapshot } from './protocol.ts';
import { type Answers, Queries, type QuerySource } from './queries.ts';
import { SecondPass } from './second-pass.ts';
import { LiveClock } from './live-clock.ts';
import { type AnalysisState, SNAPSHOT_INTERVAL_MS, Snapshots } from './snapshots.ts';
import { Spools, readAndKeep } from './spool.ts';

/** What a session needs of the analyzer; tests have a small one. */
export interface SessionAnalyzer extends QuerySource, Unfinished {
  readonly captureSeconds: number;
  readonly foresight: Foresight;
  record(record: RawRecord, file: number): boolean;
  /** @param quiet seconds without a packet, of a capture that goes on */
  snapshot(quiet?: number): AnalysisState;
  interrupt(): void;
  finish(files: readonly CaptureFileFacts[]): Report;
}

/** The outside, for tests to replace. */
export interface SessionParts {
  readonly analyzer: (options: AnalysisOptions, detectors: readonly Detector[]) => SessionAnalyzer;
  /** Ours, and those of the user's modules. */
  readonly detectors: (modules: readonly string[] | undefined) => Promise<readonly Detector[]>;
  /** Aborted: reading ends, and what was read so far is the capture. */
  readonly enough: AbortSignal;
  /** Milliseconds; only goes forward. */
  readonly now: () => number;
  /** Epoch seconds, for the one question whether packets come as they happen. */
  readonly wall: () => number;
  /** Calls again and again, until the function it returned is called. */
  readonly every: (milliseconds: number, call: () => void) => () => void;
}

const PARTS: SessionParts = {
  analyzer: (options, detectors) => new Analyzer(options, detectors),
  detectors: withOwnRules,
  enough: new AbortController().signal,
  now: () => performance.now(),
  wall: () => Date.now() / 1_000,
  every: (milliseconds, call) => {
    const timer = setInterval(call, milliseconds);
    return () => clearInterval(timer);
  },
};

/** Errors show as phase `failed` and reject `done`; this never throws. */
export function localSession(inputs: readonly CaptureInput[], options: AnalysisOptions, parts: Partial<SessionParts> = {}): Session {
  return new LocalSession(inputs, options, { ...PARTS, ...parts });
}

interface Started {
  readonly analyzer: SessionAnalyzer;
  readonly pass: SecondPass;
  readonly queries: Queries;
}

class LocalSession implements Session {
  readonly done: Promise<Report>;
  readonly #inputs: readonly CaptureInput[];
  readonly #parts: SessionParts;
  readonly #snapshots = new Snapshots();
  readonly #listeners = new Set<() => void>();
  readonly #stop = new AbortController();
  readonly #spools = new Spools();
  readonly #waypoints = new Waypoints();
  readonly #started: Promise<Started>;
  readonly #opened: number;
  readonly #live = new LiveClock();
  /** Whole seconds of silence that count. */
  #quiet = 0;
  #bytesRead = 0;
  #bytesTotal: number | null = null;

  constructor(inputs: readonly CaptureInput[], options: AnalysisOptions, parts: SessionParts) {
    this.#inputs = inputs;
    this.#parts = parts;
    this.#opened = parts.now();
    // Everything after the constructor, so that whoever made the session can subscribe before the first snapshot.
    this.#started = Promise.resolve().then(() => this.#start(options));
    this.done = this.#started.then((started) => this.#run(started)).catch((error: unknown) => this.#fail(error));
    this.done.catch(() => undefined); // whoever awaits it gets the error; nobody has to
  }

  snapshot(): Snapshot {
    return this.#snapshots.current;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async ask<Q extends QuestionName>(question: Q, ask: Questions[Q]['ask']): Promise<Questions[Q]['answer']> {
    this.#stop.signal.throwIfAborted();
    const { queries } = await this.#started;
    const answers: Answers = queries;
    return answers[question](ask);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    this.#stop.abort(new TcpdiagError('the session is closed'));
    await this.done.catch(() => undefined);
    this.#spools.close();
  }

  async #start(options: AnalysisOptions): Promise<Started> {
    const { now } = this.#parts;
    const detectors = await this.#parts.detectors(options.rules);
    const analyzer = this.#parts.analyzer(options, detectors);
    const pass = new SecondPass(
      (sink, signal) => readCaptures(this.#spools.again(this.#inputs), sink, { signal, noted: this.#waypoints }),
      this.#stop.signal,
    );
    const state = (): { findings: Snapshot['findings']; analysisRevision: number; final: boolean } => ({
      findings: this.#snapshots.current.findings,
      analysisRevision: this.#snapshots.analysisRevision,
      final: this.#snapshots.current.progress.phase !== 'reading',
    });
    return {
      analyzer,
      pass,
      queries: new Queries(
        analyzer,
        pass,
        detectors,
        state,
        now,
        this.#inputs.filter((input) => typeof input === 'string'),
      ),
    };
  }

  async #run({ analyzer, pass }: Started): Promise<Report> {
    const { every, now, enough } = this.#parts;
    const { signal } = this.#stop;
    const analyse = (): AnalysisState => analyzer.snapshot(this.#quiet);
    const stopTicking = every(SNAPSHOT_INTERVAL_MS, () => {
      this.#quiet = Math.floor(this.#live.quiet(analyzer.packets, analyzer.observedUntil.seconds, now(), this.#parts.wall()));
      if (this.#snapshots.tick(this.#progress('reading', analyzer), analyse, now)) this.#publish();
    });
    try {
      const sink: CaptureSink = {
        record: (record, file) => analyzer.record(record, file),
        ahead: (reader, { view }) => {
          analyzer.foresight.look(reader, view);
        },
        chunk: (bytesRead, bytesTotal) => {
          this.#bytesRead = bytesRead;
          this.#bytesTotal = bytesTotal;
          if (bytesTotal !== null) analyzer.foresight.expect(bytesRead / bytesTotal);
        },
      };
      const files = await readAndKeep(this.#inputs, sink, this.#spools, AbortSignal.any([signal, enough]), this.#waypoints);
      signal.throwIfAborted();
      if (enough.aborted) analyzer.interrupt();
      const report = await completed(analyzer.finish(files), analyzer, pass);
      this.#snapshots.replace(this.#progress('done', analyzer), () => report, now);
      this.#publish();
      return report;
    } catch (error) {
      signal.throwIfAborted(); // an input that was given up before its first octet looks empty
      throw error;
    } finally {
      stopTicking();
    }
  }

  #fail(error: unknown): never {
    this.#snapshots.fail(error instanceof Error ? error.message : String(error));
    this.#publish();
    throw error;
  }

  #progress(phase: Progress['phase'], { packets, connections, captureSeconds }: SessionAnalyzer): Progress {
    const elapsedSeconds = (this.#parts.now() - this.#opened) / 1_000;
    const live = phase === 'reading' && this.#live.live ? { quietSeconds: this.#quiet } : {};
    return {
      phase,
      bytesRead: this.#bytesRead,
      bytesTotal: this.#bytesTotal,
      packets,
      connections,
      captureSeconds: captureSeconds + (live.quietSeconds ?? 0),
      elapsedSeconds,
      ...live,
    };
  }

  #publish(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
