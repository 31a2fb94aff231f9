/**
 * The states of both ends, walked along the segments of a connection: which transitions a segment caused, and which happened
 * between two segments (a timer, or a frame that is no segment of the connection, such as an ICMP error).
 */
import { type Clock, parseTimeArgument } from '../model/clock.ts';
import type { ConnectionRow, TransitionRow } from '../model/report.ts';
import { type Nanos, nanos, secondsOf } from '../model/units.ts';
import type { LadderTimer } from './protocol.ts';

interface Event {
  readonly row: TransitionRow;
  readonly time: Nanos;
  /** The next frame that the list names from here on: whatever stands before it has happened once that frame is reached. */
  readonly byFrame: number;
}

export class StateTimeline {
  readonly #events: readonly Event[];
  readonly #clock: Clock;
  #next = 0;
  #client: string;
  #server: string;

  constructor(row: ConnectionRow, clock: Clock) {
    const first = (end: 'client' | 'server'): string => row.transitions.find(({ endpoint }) => endpoint === end)?.from ?? row[end].state;
    this.#client = first('client');
    this.#server = first('server');
    this.#clock = clock;
    let byFrame = Infinity;
    this.#events = row.transitions
      .toReversed()
      .map((t) => ({ row: t, time: relativeTime(t.time, clock), byFrame: (byFrame = t.frame ?? byFrame) }))
      .toReversed();
  }

  states(): { clientState: string; serverState: string } {
    return { clientState: this.#client, serverState: this.#server };
  }

  /** Everything up to this segment that it did not cause. */
  before(frame: number, time: Nanos): LadderTimer[] {
    return this.#take((e) => (e.row.frame === null ? e.time < time || e.byFrame < frame : e.row.frame < frame)).map(this.#timerRow);
  }

  /** What this segment caused, as sentences. */
  at(frame: number): string[] {
    return this.#take((e) => e.row.frame === frame || (e.row.frame === null && e.byFrame === frame)).map(({ event }) =>
      sentence(event.row),
    );
  }

  /** What came after the last segment. */
  rest(): LadderTimer[] {
    return this.#take(() => true).map(this.#timerRow);
  }

  #take(due: (e: Event) => boolean): { event: Event; clientState: string; serverState: string }[] {
    const taken = [];
    for (let event = this.#events[this.#next]; event && due(event); event = this.#events[++this.#next]) {
      if (event.row.endpoint === 'client') this.#client = event.row.to;
      else this.#server = event.row.to;
      taken.push({ event, ...this.states() });
    }
    return taken;
  }

  readonly #timerRow = ({ event, clientState, serverState }: { event: Event; clientState: string; serverState: string }): LadderTimer => ({
    frame: null,
    time: this.#clock.text(event.time),
    at: secondsOf(event.time),
    from: event.row.endpoint,
    clientState,
    serverState,
    transitions: [event.row.frame === null ? sentence(event.row) : `${sentence(event.row)} (frame ${String(event.row.frame)})`],
  });
}

const sentence = ({ endpoint, from, to, cause, assumed }: TransitionRow): string =>
  `${endpoint} ${from} → ${to}: ${cause}${assumed === true ? ' (assumed)' : ''}`;

/** A row's time is text; one that no calendar holds counts from the connection's start. */
function relativeTime(text: string, clock: Clock): Nanos {
  const time = parseTimeArgument(text);
  return time?.kind === 'absolute' ? clock.relative(time.seconds, time.nanos) : nanos(0);
}
