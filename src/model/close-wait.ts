/** Stays in CLOSE_WAIT, as rules see them. */
import type { Side } from './state.ts';
import type { ConnId, FrameNo, Nanos } from './units.ts';

/** Time that one end spent in CLOSE_WAIT. */
export interface CloseWaitStay {
  readonly id: ConnId;
  /** The end that was there, and its address. */
  readonly side: Side;
  readonly host: string;
  readonly since: Nanos;
  /** null: still there at the end of observation. */
  readonly until: Nanos | null;
  /** Up to then. */
  readonly seconds: number;
  /** What that end sent to leave; null where it is still there, or the other end's RST or a timer ended the stay. */
  readonly ending: 'FIN' | 'RST' | null;
  /** Its frame. */
  readonly endFrame: FrameNo | null;
  /** It sent no data once it had acknowledged the FIN, and nothing of what it sent is missing from the capture: both directions are there. */
  readonly silent: boolean;
  /** A server whose client spoke last: a request that was never answered. */
  readonly unanswered: boolean;
  /** The connection began before the capture. */
  readonly midstream: boolean;
}

/** Stays of one host in CLOSE_WAIT, of those in which it was silent, in the order of their connections. */
export interface CloseWaitGroup {
  readonly side: Side;
  readonly host: string;
  /** Still there at the end of observation. */
  readonly open: readonly CloseWaitStay[];
  /** Left by a FIN or RST of their own. */
  readonly ended: readonly CloseWaitStay[];
}
