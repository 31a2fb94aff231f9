/**
 * The two calls of the library: a capture analysed to its end, and one that is asked while it is read. They take captures from wherever
 * the caller has them, and check what the command line would have checked.
 */
import type { CaptureInput } from '../capture/index.ts';
import type { Detector } from '../detect/detector.ts';
import { UsageError } from '../model/errors.ts';
import { analyse } from './analyse.ts';
import type { Analysis, AnalysisOptions } from './analysis.ts';
import { checkOptions } from './option-check.ts';
import { joined, withOwnRules } from './own-rules.ts';
import type { Progress, Session } from './protocol.ts';
import { remoteSession } from './remote.ts';
import { localSession } from './session.ts';

/**
 * A capture: the path of a file, `-` for standard input, its octets, or its octets piece by piece: a stream of Node or of the web, a
 * generator. Compressed or not. What can be read only once is copied to a temporary file while it is read, up to 1 GiB of it, so that
 * a ladder or an extract can be taken from it; `close` removes that.
 */
export type Input = string | Uint8Array | AsyncIterable<Uint8Array>;

interface OwnDetectors {
  /** Rules of your own beside ours; `rules` names modules instead. */
  readonly detectors?: readonly Detector[];
}

export interface AnalyzeOptions extends AnalysisOptions, OwnDetectors {
  /** Called after each chunk, some thousand packets. */
  readonly progress?: (progress: Progress) => void;
  /** Ends the work; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** The SHA-256 of each input that can be read only once stands in `report.capture.files`. */
  readonly checksum?: boolean;
  /** Other addresses, no names and no payload in everything that comes of it; the same key maps an address the same way. 32 octets. */
  readonly anonymize?: Uint8Array;
}

export interface SessionOptions extends AnalysisOptions, OwnDetectors {
  /** In a thread of its own, so that this one stays free. Needs paths; rules of your own then come from modules (`rules`). */
  readonly worker?: boolean;
}

/**
 * Reads a capture, or several as one in time order, to its end.
 *
 * @throws UnreadableError, UnknownFormatError: what was given is no capture; UsageError: an option names what does not exist. What is odd
 * in a capture is never an error: `report.capture.caveats` says it.
 */
export async function analyze(input: Input | readonly Input[], options: AnalyzeOptions = {}): Promise<Analysis> {
  const { detectors = [], progress, signal, checksum, anonymize, ...analysis } = options;
  await checked(analysis, detectors);
  try {
    const analysed = await analyse(inputsOf(input), analysis, { keep: true, detectors, progress, signal, checksum, anonymize });
    if (signal?.aborted === true) analysed.close(); // what was read up to here would look like the whole capture
    signal?.throwIfAborted();
    return analysed;
  } catch (error) {
    signal?.throwIfAborted(); // whatever an interrupted reader says, the signal is the reason
    throw error;
  }
}

/**
 * The same while it is read: snapshots as they change (at most ten a second), and answers to `Questions` at any time. What goes wrong
 * shows as phase `failed` and rejects `done`.
 *
 * @throws UsageError where a worker is asked for and cannot have the input or the detectors
 */
export function openSession(input: Input | readonly Input[], options: SessionOptions = {}): Session {
  const { detectors = [], worker = false, ...analysis } = options;
  const inputs = inputsOf(input);
  if (!worker) {
    return localSession(inputs, analysis, {
      detectors: async () => checked(analysis, detectors),
    });
  }
  const paths = inputs.filter((one) => typeof one === 'string');
  if (paths.length < inputs.length) throw new UsageError('a session in a worker reads files; a stream stays in the thread that has it');
  if (detectors.length > 0) throw new UsageError('detectors do not pass to a worker; name their modules in rules');
  return remoteSession(paths, analysis);
}

/** The rules there are, once the options are known to name nothing else. */
async function checked(options: AnalysisOptions, detectors: readonly Detector[]): Promise<readonly Detector[]> {
  const rules = joined(await withOwnRules(options.rules), detectors, 'detectors');
  checkOptions(options, rules);
  return rules;
}

function inputsOf(input: Input | readonly Input[]): readonly CaptureInput[] {
  const all = isList(input) ? input : [input];
  if (all.length === 0) throw new UsageError('there is no capture to analyse');
  return all.map((one) => (one instanceof Uint8Array ? [one] : one));
}

const isList = (input: Input | readonly Input[]): input is readonly Input[] => Array.isArray(input);
