/** The shape that findings about the capture itself share: nobody's fault, no remedy on a host, subject `capture`. */
import type { CaptureView } from '../model/capture-view.ts';
import type { Cause, Level, Remedy } from '../model/finding.ts';
import type { ConnId } from '../model/units.ts';
import type { Draft, EvidenceDraft } from './detector.ts';
import { examples, proofs } from './evidence.ts';

export interface CaptureFact {
  readonly confidence: Level;
  readonly title: string;
  readonly summary: string;
  readonly count: number;
  /** The first thousand. */
  readonly connections: readonly ConnId[];
  /** The frames that show it, or what the first frame of an example connection shows. */
  readonly evidence?: readonly EvidenceDraft[];
  readonly note?: string;
  readonly metrics: Draft['metrics'];
  readonly causes: readonly Cause[];
  readonly remedies: readonly Remedy[];
  /** Where the frames matter and not the connections. */
  readonly displayFilter?: string;
  readonly doubtsOf?: Draft['doubtsOf'];
}

export function captureDraft(capture: CaptureView, fact: CaptureFact): Draft {
  const { note } = fact;
  const shown = note === undefined ? [] : examples(fact.connections, 5).map((id) => capture.connection(id));
  return {
    severity: 'info',
    confidence: fact.confidence,
    title: fact.title,
    summary: fact.summary,
    subject: {},
    atFault: null,
    faultBecause: null,
    since: null,
    until: null,
    count: fact.count,
    connections: fact.connections,
    evidence: fact.evidence ?? shown.flatMap((c) => proofs(c.id, [[c.firstFrame, c.start, note ?? '']])),
    metrics: fact.metrics,
    causes: fact.causes,
    remedies: fact.remedies,
    ...(fact.displayFilter === undefined ? {} : { displayFilter: fact.displayFilter }),
    ...(fact.doubtsOf === undefined ? {} : { doubtsOf: fact.doubtsOf }),
  };
}

/** `frame.number in {8, 13}` */
export const framesFilter = (frames: readonly number[]): string => `frame.number in {${frames.join(', ')}}`;
