/**
 * Everything outside the program that a command touches: the streams, the environment, the time, and the heavy parts that are
 * loaded only when a command needs them. `cli.ts` makes the real one; tests make theirs.
 */
import type { CrossReadResult } from '../capture/cross-read.ts';
import type { Detector } from '../detect/detector.ts';
import type { Analysis, AnalysisOptions, Stage } from '../engine/analysis.ts';
import type { Progress, Session } from '../engine/protocol.ts';
import type { Finding } from '../model/finding.ts';

export interface OutStream {
  /** Settles when the text (or the octets of a capture) has been handed to the system; rejects with its error (EPIPE, ENOSPC …). */
  write(text: string | Uint8Array): Promise<void>;
  readonly isTTY: boolean;
  /** undefined: not a terminal, or one that does not say. */
  readonly columns: number | undefined;
}

export interface AnalyseHooks {
  progress?(progress: Progress): void;
  signal?: AbortSignal;
  /** Ends reading; what was read so far is the capture. */
  enough?: AbortSignal;
  /** A stage begins. */
  stage?(stage: Stage): void;
  /** With the SHA-256 of what can be read only once. */
  checksum?: boolean;
  /** Keep a copy of standard input, so that it can be read again. */
  keep?: boolean;
  /** The key by which addresses are mapped before anything is analysed. */
  anonymize?: Uint8Array;
  /** The findings will be shown with what their connections said last. */
  said?: boolean;
  /** Only what was tracked is wanted of it. */
  readonly partial?: boolean;
}

/** How the screen is drawn and driven. */
export interface TuiLook {
  readonly colour: boolean;
  readonly ascii: boolean;
  readonly mouse: boolean;
  /** Keys by the name of their command, instead of its own. */
  readonly keys: Readonly<Record<string, readonly string[]>>;
}

export interface TuiEnd {
  readonly exitCode: number;
  /** As far as the analysis had come when the user left. */
  readonly findings: readonly Finding[];
}

export interface World {
  readonly stdout: OutStream;
  readonly stderr: OutStream;
  readonly stdin: { readonly isTTY: boolean };
  readonly env: { readonly TERM?: string | undefined; readonly NO_COLOR?: string | undefined };
  /** The working directory. */
  readonly folder: string;
  readonly version: string;
  /** Milliseconds, for progress and `--stats` only. */
  readonly now: () => number;
  /** What the machine has, or its container lets the process have, octets; Infinity: nobody says. */
  readonly memory: () => number;
  /** The most that the process has held at once, octets. */
  readonly peakMemory: () => number;
  /** Aborted by a signal; `reason` is the signal's number. */
  readonly interrupted: AbortSignal;
  /** Has the first Ctrl-C call `enough` instead, until the returned function is called: somebody who waits wants what there is. */
  readonly onFirstInterrupt: (enough: () => void) => () => void;
  readonly analyse: (paths: readonly string[], options: AnalysisOptions, hooks?: AnalyseHooks) => Promise<Analysis>;
  /** The same while it runs, in this thread. */
  readonly session: (paths: readonly string[], options: AnalysisOptions, enough?: AbortSignal) => Promise<Session>;
  /** Ours, and those of the user's own modules, which are given as URLs. */
  readonly rules: (own: readonly string[]) => Promise<readonly Detector[]>;
  readonly crossRead: (path: string) => Promise<CrossReadResult>;
  /** Shows the capture on the terminal until the user leaves; null where there is no terminal to take keys from. */
  readonly openTui: (paths: readonly string[], options: AnalysisOptions, look: TuiLook) => Promise<TuiEnd | null>;
}
