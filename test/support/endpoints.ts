/**
 * Two TCP endpoints by RFC 9293 §3.10 with RFC 6298's retries, a cable that loses, doubles and delays segments before or
 * behind a capture point somewhere on it, and what an observer there can know. Written from the RFCs and not from the
 * tracker, so that the two can disagree.
 *
 * No windows and no delayed ACKs; a segment out of order is dropped and acknowledged again, and a retry sends all that is
 * not acknowledged. An application closes by shutdown(): FIN_WAIT_2 has no timer.
 */
import { STATE_NAMES, type StateName } from '../../src/model/state.ts';
import type { Direction } from './script.ts';

export interface Action {
  /** Nanoseconds. */
  readonly at: number;
  readonly who: Direction;
  readonly what: 'send' | 'close' | 'abort';
}

/** What becomes of one segment; `before` and `behind` the capture point, as the segment travels. */
export const FATES = ['lost before', 'lost behind', 'twice before', 'twice behind', 'late before', 'late behind'] as const;
export type Fate = (typeof FATES)[number] | 'arrives';

export interface Cable {
  /** One way, nanoseconds. */
  readonly delay: number;
  /** Share of it between the client and the capture point. */
  readonly share: number;
  /** Of the segments in the order sent; those behind the list arrive. */
  readonly fates?: readonly Fate[];
}

/** A time in which an end is in a state, nanoseconds; `until` Infinity: for ever. */
export interface Stay {
  readonly state: StateName;
  readonly since: number;
  until: number;
  /** CLOSED by its application; only a RST shows it. */
  aborted?: boolean;
}

export interface Life {
  /** In script.ts's notation, as the capture point sees it. */
  readonly script: string;
  /** When the script begins. */
  readonly start: number;
  /** The last segment that passed. */
  readonly end: number;
  readonly stays: Readonly<Record<Direction, readonly Stay[]>>;

  /** Can an observer at the capture point know that end's state at that moment, once he has seen everything? */
  knows: (who: Direction, at: number) => boolean;
}

interface Segment {
  readonly syn?: boolean;
  readonly fin?: boolean;
  readonly rst?: boolean;
  readonly seq: number;
  readonly ack: number | null;
  readonly length: number;
}

interface Captured {
  readonly at: number;
  readonly from: Direction;
  readonly segment: Segment;
}

const SECOND = 1_000_000_000;
const LENGTH = 100;
/** RFC 6298 §2.1, and the floor of linux TCP_RTO_MIN. */
const SYN_RTO = SECOND;
const MIN_RTO = 0.2 * SECOND;
/** linux tcp_syn_retries, tcp_synack_retries, tcp_retries2, tcp_orphan_retries (0 means 8). */
const RETRIES: Partial<Record<StateName, number>> = { SYN_SENT: 6, SYN_RCVD: 5, ESTABLISHED: 15, CLOSE_WAIT: 15 };
const ORPHAN_RETRIES = 8;
const TIME_WAIT = 60 * SECOND;
/** How much longer a late segment is under way, in one-way delays. */
const LATENESS = 3;

export function live(actions: readonly Action[], { delay, share, fates = [] }: Cable): Life {
  const clock = new Agenda();
  const captured: Captured[] = [];
  let sent = 0;

  const wire = (from: Direction) => (segment: Segment) => {
    const fate = fates[sent++] ?? 'arrives';
    const toCapture = Math.round(delay * (from === 'client' ? share : 1 - share));
    const late = LATENESS * delay;
    const pass = (after: number): void => clock.after(after, () => captured.push({ at: clock.now, from, segment }));
    const arrive = (after: number): void => clock.after(after, () => (from === 'client' ? ends.server : ends.client).receive(segment));
    const lateBefore = fate === 'late before' ? late : 0;
    if (fate !== 'lost before') pass(toCapture + lateBefore);
    if (fate === 'twice before') pass(toCapture + late);
    if (!fate.startsWith('lost')) arrive(delay + (fate.startsWith('late') ? late : 0));
    if (fate.startsWith('twice')) arrive(delay + late);
  };
  const rto = Math.max(MIN_RTO, 3 * (2 + LATENESS) * delay);
  const ends: Readonly<Record<Direction, Endpoint>> = {
    client: new Endpoint(clock, rto, wire('client')),
    server: new Endpoint(clock, rto, wire('server')),
  };
  ends.server.listen();
  clock.after(0, () => ends.client.connect());
  for (const { at, who, what } of actions) clock.after(at, () => ends[who][what]());
  clock.run();

  const start = captured[0]?.at ?? 0;
  let before = start;
  const lines = captured.map(({ at, from, segment }) => {
    const line = `+${((at - before) / SECOND).toFixed(9)} ${from === 'client' ? '>' : '<'} ${text(segment)}`;
    before = at;
    return line;
  });
  const stays = { client: ends.client.stays, server: ends.server.stays };
  const hidden = { client: hiddenTimes('client', stays, captured, delay), server: hiddenTimes('server', stays, captured, delay) };
  const knows = (who: Direction, at: number): boolean => !hidden[who].some(([since, until]) => at >= since && at <= until);
  return { script: lines.join('\n'), start, end: captured.at(-1)?.at ?? 0, stays, knows };
}

function text({ syn, fin, rst, seq, ack, length }: Segment): string {
  const flags = `${syn ? 'S' : ''}${fin ? 'F' : ''}${rst ? 'R' : ''}${length > 0 ? 'P' : ''}${ack === null ? '' : '.'}`;
  return `${flags} ${seq}:${seq + length}(${length})${ack === null ? '' : ` ack ${ack}`}`;
}

/** What is to happen, in order of time. */
class Agenda {
  now = 0;
  #order = 0;
  readonly #events: { at: number; order: number; run: () => void }[] = [];

  after(delay: number, run: () => void): void {
    this.#events.push({ at: this.now + delay, order: this.#order++, run });
  }

  run(): void {
    while (this.#events.length > 0) {
      this.#events.sort((a, b) => a.at - b.at || a.order - b.order);
      const event = this.#events.shift()!;
      this.now = event.at;
      event.run();
    }
  }
}

class Endpoint {
  readonly stays: Stay[] = [{ state: 'CLOSED', since: 0, until: Infinity }];
  readonly #clock: Agenda;
  readonly #rto: number;
  readonly #send: (segment: Segment) => void;
  #nxt = 0;
  #rcv = 0;
  #fin = -1;
  #closing = false;
  #unsent = 0;
  #passive = false;
  /** Sent and not acknowledged, oldest first. */
  #unacked: Segment[] = [];
  #retries = 0;
  /** The newest timer; older ones are void. */
  #timer = 0;

  constructor(clock: Agenda, rto: number, send: (segment: Segment) => void) {
    this.#clock = clock;
    this.#rto = rto;
    this.#send = send;
  }

  get #state(): StateName {
    return this.stays.at(-1)!.state;
  }
  #enter(state: StateName): void {
    if (!STATE_NAMES.includes(state)) throw new Error(state);
    if (state === this.#state) return;
    this.stays.at(-1)!.until = this.#clock.now;
    this.stays.push({ state, since: this.#clock.now, until: Infinity });
    if (state === 'CLOSED') this.#stopTimer();
  }
  #is(...states: StateName[]): boolean {
    return states.includes(this.#state);
  }

  #emit(segment: Partial<Segment>): void {
    const length = segment.length ?? 0;
    const whole = { seq: this.#nxt, ack: this.#rcv, length, ...segment };
    this.#nxt = endOf(whole);
    if (this.#nxt > whole.seq) {
      this.#unacked.push(whole);
      if (this.#unacked.length === 1) this.#startTimer(0);
    }
    this.#send(whole);
  }

  // RFC 6298 §5
  #startTimer(retries: number): void {
    this.#retries = retries;
    const first = this.#is('SYN_SENT', 'SYN_RCVD', 'LISTEN', 'CLOSED') ? SYN_RTO : this.#rto;
    this.#after(first * 2 ** retries, () => {
      if (this.#retries >= (RETRIES[this.#state] ?? ORPHAN_RETRIES)) {
        this.#enter(this.#passive && this.#is('SYN_RCVD') ? 'LISTEN' : 'CLOSED');
        return;
      }
      this.#startTimer(retries + 1);
      for (const segment of this.#unacked) this.#send(segment.ack === null ? segment : { ...segment, ack: this.#rcv });
    });
  }
  #stopTimer(): void {
    this.#timer++;
  }
  #after(delay: number, run: () => void): void {
    const timer = ++this.#timer;
    this.#clock.after(delay, () => {
      if (timer === this.#timer) run();
    });
  }

  listen(): void {
    this.#passive = true;
    this.#enter('LISTEN');
  }

  connect(): void {
    this.#enter('SYN_SENT');
    this.#emit({ syn: true, ack: null });
  }

  // 3.10.2 SEND: queued until the connection is established
  send(): void {
    if (this.#is('SYN_SENT', 'SYN_RCVD') && !this.#closing) this.#unsent++;
    else if (this.#is('ESTABLISHED', 'CLOSE_WAIT')) this.#emit({ length: LENGTH });
  }

  // 3.10.4 CLOSE; an application has no socket to close before accept() gave it one, so in SYN_RCVD it waits
  close(): void {
    if (this.#is('SYN_SENT', 'LISTEN')) this.#abandon();
    else if (this.#is('SYN_RCVD')) this.#closing = true;
    else if (this.#is('ESTABLISHED')) this.#sendFin('FIN_WAIT_1');
    else if (this.#is('CLOSE_WAIT')) this.#sendFin('LAST_ACK');
  }

  #sendFin(state: StateName): void {
    this.#fin = this.#nxt + 1;
    this.#enter(state);
    this.#emit({ fin: true });
  }

  // 3.10.5 ABORT; in CLOSING and LAST_ACK it would show in no segment
  abort(): void {
    if (this.#is('SYN_SENT')) this.#abandon();
    if (!this.#is('ESTABLISHED', 'FIN_WAIT_1', 'FIN_WAIT_2', 'CLOSE_WAIT')) return;
    this.#send({ rst: true, seq: this.#nxt, ack: this.#rcv, length: 0 });
    this.#abandon();
  }

  #abandon(): void {
    this.#enter('CLOSED');
    this.stays.at(-1)!.aborted = true;
  }

  // 3.10.7 SEGMENT ARRIVES
  receive(s: Segment): void {
    if (this.#is('CLOSED')) this.#refuse(s);
    else if (this.#is('LISTEN')) this.#listening(s);
    else if (this.#is('SYN_SENT')) this.#connecting(s);
    else this.#synchronized(s);
  }

  #refuse(s: Segment): void {
    if (s.rst) return;
    if (s.ack === null) this.#send({ rst: true, seq: 0, ack: endOf(s), length: 0 });
    else this.#send({ rst: true, seq: s.ack, ack: null, length: 0 });
  }

  #listening(s: Segment): void {
    if (s.rst) return;
    if (s.ack !== null || !s.syn) {
      this.#refuse(s);
      return;
    }
    this.#rcv = s.seq + 1;
    this.#nxt = 0;
    this.#unacked = [];
    this.#enter('SYN_RCVD');
    this.#emit({ syn: true });
  }

  #connecting(s: Segment): void {
    if (s.ack !== null && s.ack !== this.#nxt) {
      if (!s.rst) this.#refuse(s);
      return;
    }
    if (s.rst) {
      if (s.ack !== null) this.#enter('CLOSED');
      return;
    }
    if (!s.syn) return;
    this.#rcv = s.seq + 1;
    this.#forget(s.ack!);
    this.#enter('ESTABLISHED');
    this.#emit({});
    this.#flush();
  }

  #flush(): void {
    for (; this.#unsent > 0; this.#unsent--) this.#emit({ length: LENGTH });
    if (!this.#closing) return;
    this.#closing = false;
    this.close();
  }

  #synchronized(s: Segment): void {
    if (s.rst) {
      if (s.seq === this.#rcv) this.#enter('CLOSED'); // another one: RFC 5961 §3.2, no challenge where nobody forges
      return;
    }
    if (s.syn) {
      // The SYN once more: the answer once more. In a later state RFC 5961 §4's challenge ACK.
      if (this.#is('SYN_RCVD') && s.ack === null) this.#send({ syn: true, seq: 0, ack: this.#rcv, length: 0 });
      else this.#emit({});
      return;
    }
    if (s.ack! > this.#nxt) return;
    const inOrder = s.seq === this.#rcv;
    this.#acknowledged(s.ack!); // fifth; linux tcp_rcv_state_process: of a segment out of order too
    if (this.#is('CLOSED', 'SYN_RCVD')) return;
    if (inOrder) {
      this.#rcv = endOf(s);
      if (s.fin) this.#finReceived();
    }
    if (endOf(s) > s.seq || !inOrder) {
      if (this.#is('TIME_WAIT')) this.#after(TIME_WAIT, () => this.#enter('CLOSED')); // eighth: restart the 2 MSL
      if (endOf(s) > s.seq) this.#emit({}); // first: an unacceptable segment is acknowledged
    }
  }

  #forget(ack: number): void {
    const before = this.#unacked.length;
    this.#unacked = this.#unacked.filter((s) => endOf(s) > ack);
    if (this.#unacked.length === before) return;
    if (this.#unacked.length === 0) this.#stopTimer();
    else this.#startTimer(0);
  }

  #acknowledged(ack: number): void {
    if (this.#is('SYN_RCVD') && ack >= 1) {
      this.#forget(ack);
      this.#enter('ESTABLISHED');
      this.#flush();
    } else if (!this.#is('SYN_RCVD', 'TIME_WAIT')) {
      this.#forget(ack);
    }
    if (this.#fin < 0 || ack < this.#fin) return;
    if (this.#is('FIN_WAIT_1')) this.#enter('FIN_WAIT_2');
    else if (this.#is('CLOSING')) this.#timeWait();
    else if (this.#is('LAST_ACK')) this.#enter('CLOSED');
  }

  #finReceived(): void {
    if (this.#is('ESTABLISHED')) this.#enter('CLOSE_WAIT');
    else if (this.#is('FIN_WAIT_1')) this.#enter('CLOSING');
    else if (this.#is('FIN_WAIT_2')) this.#timeWait();
  }

  #timeWait(): void {
    this.#enter('TIME_WAIT');
    this.#after(TIME_WAIT, () => this.#enter('CLOSED'));
  }
}

const endOf = (s: Segment): number => s.seq + s.length + (s.syn ? 1 : 0) + (s.fin ? 1 : 0);

type Interval = readonly [since: number, until: number];

/** Before and after a change of state, an observer elsewhere on the cable is behind or ahead of it. */
const slack = (delay: number): number => (1 + LATENESS) * delay + 5_000_000;

/** What an end sends when it enters a state by itself. */
const SHOWN_BY: Partial<Record<StateName, (s: Segment) => boolean>> = {
  SYN_SENT: (s) => s.syn === true,
  SYN_RCVD: (s) => s.syn === true && s.ack !== null,
  FIN_WAIT_1: (s) => s.fin === true,
  LAST_ACK: (s) => s.fin === true,
};

/** When the capture cannot tell the state of `who`, whatever else it shows. */
function hiddenTimes(who: Direction, stays: Life['stays'], captured: readonly Captured[], delay: number): Interval[] {
  const mine = captured.filter((c) => c.from === who);
  const theirs = captured.filter((c) => c.from !== who);
  const hidden: Interval[] = [[-Infinity, (captured[0]?.at ?? Infinity) + slack(delay)]];
  const finEnd = Math.max(...mine.filter((c) => c.segment.fin).map((c) => endOf(c.segment)));

  stays[who].forEach(({ state, since, until, aborted }, i) => {
    hidden.push([since - slack(delay), since + slack(delay)]);
    const shows = aborted ? (s: Segment) => s.rst === true : SHOWN_BY[state];
    if (shows) {
      const shown = mine.find((c) => c.at >= since && shows(c.segment))?.at ?? Infinity;
      // Whether its FIN went out before or after the other's came decides all that follows.
      hidden.push([since, (stays[who][i + 1]?.since ?? Infinity) < shown - slack(delay) ? Infinity : shown + slack(delay)]);
    }

    // What would end this stay passed here, but when it arrived is only known as far as the end's own retries deny it.
    const ends = (arrives: (s: Segment) => boolean, retry?: (s: Segment) => boolean): void => {
      const first = theirs.find((c) => c.at < until && arrives(c.segment));
      if (!first) return;
      // A retry that its own later words overtook comes too late to deny anything.
      const words = mine.find((c) => c.at > first.at && !retry?.(c.segment) && c.at >= until - delay)?.at ?? Infinity;
      const again = retry && mine.findLast((c) => c.at <= Math.min(words, until + slack(delay)) && c.at > first.at && retry(c.segment));
      const denied = again && again.at > first.at + 2 * slack(delay);
      hidden.push([first.at, denied ? first.at + 2 * slack(delay) : until]);
      if (again) hidden.push([again.at, mine.find((c) => c.at > Math.max(until, again.at))?.at ?? Infinity]);
    };
    if (state !== 'CLOSED' && state !== 'LISTEN')
      ends((s) => s.rst === true && theirs.some((c) => c.segment === s && c.at > since - slack(delay)));
    switch (state) {
      case 'SYN_SENT':
        ends(
          (s) => s.syn === true,
          (s) => s.syn === true,
        );
        break;
      case 'SYN_RCVD':
        ends(
          (s) => (s.ack ?? 0) > 0,
          (s) => s.syn === true,
        );
        break;
      case 'ESTABLISHED':
        ends((s) => s.fin === true);
        break;
      case 'FIN_WAIT_1':
      case 'CLOSING':
      case 'LAST_ACK':
        ends((s) => s.fin === true && state === 'FIN_WAIT_1');
        ends(
          (s) => (s.ack ?? 0) >= finEnd,
          (s) => s.fin === true,
        );
        break;
      case 'FIN_WAIT_2':
        ends((s) => s.fin === true);
        hidden.push([since + TIME_WAIT - SECOND, until]); // whether it is an orphan
        break;
      case 'TIME_WAIT':
        hidden.push([since + TIME_WAIT - SECOND, Infinity]); // which of the copies restarted it
        break;
      case 'CLOSED':
      case 'LISTEN':
      case 'CLOSE_WAIT':
        break;
    }
    const next = stays[who][i + 1];
    const gaveUp = next !== undefined && (next.state === 'CLOSED' || next.state === 'LISTEN') && state !== 'TIME_WAIT';
    if (gaveUp) hidden.push([next.since - SECOND, next.since + SECOND]);
  });
  return hidden;
}
