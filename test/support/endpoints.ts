/**
 * Two TCP endpoints by RFC 9293 §3.10, joined by a cable without loss, and a capture point somewhere on it. Written from the
 * RFC and not from the tracker, so that the two can disagree.
 *
 * No retransmission, no windows, no delayed ACKs, no timers: what is left is who sends what when, and in which order it passes.
 */
import { STATE_NAMES, type StateName } from '../../src/model/state.ts';
import type { Direction } from './script.ts';

export interface Action {
  /** Nanoseconds. */
  readonly at: number;
  readonly who: Direction;
  readonly what: 'send' | 'close' | 'abort';
}

export interface Life {
  /** In script.ts's notation, as the capture point sees it. */
  readonly script: string;
  /** Every state each end was in. */
  readonly states: Readonly<Record<Direction, readonly StateName[]>>;
}

interface Segment {
  readonly syn?: boolean;
  readonly fin?: boolean;
  readonly rst?: boolean;
  readonly seq: number;
  readonly ack: number | null;
  readonly length: number;
}

const LENGTH = 100;

/** @param delay one way, nanoseconds; @param share of it between the client and the capture point */
export function live(actions: readonly Action[], delay: number, share: number): Life {
  const events: { at: number; order: number; run: () => void }[] = [];
  let order = 0;
  let now = 0;
  const schedule = (at: number, run: () => void): void => void events.push({ at, order: order++, run });
  const captured: { at: number; from: Direction; segment: Segment }[] = [];

  const wire = (from: Direction) => (segment: Segment) => {
    const toCapture = Math.round(delay * (from === 'client' ? share : 1 - share));
    schedule(now + toCapture, () => captured.push({ at: now, from, segment }));
    schedule(now + delay, () => (from === 'client' ? ends.server : ends.client).receive(segment));
  };
  const ends: Readonly<Record<Direction, Endpoint>> = { client: new Endpoint(wire('client')), server: new Endpoint(wire('server')) };
  ends.server.listen();
  schedule(0, () => ends.client.connect());
  for (const { at, who, what } of actions) schedule(at, () => ends[who][what]());

  while (events.length > 0) {
    events.sort((a, b) => a.at - b.at || a.order - b.order);
    const event = events.shift()!;
    now = event.at;
    event.run();
  }
  let before = 0;
  const lines = captured.map(({ at, from, segment }) => {
    const line = `+${((at - before) / 1e9).toFixed(9)} ${from === 'client' ? '>' : '<'} ${text(segment)}`;
    before = at;
    return line;
  });
  return { script: lines.join('\n'), states: { client: ends.client.states, server: ends.server.states } };
}

function text({ syn, fin, rst, seq, ack, length }: Segment): string {
  const flags = `${syn ? 'S' : ''}${fin ? 'F' : ''}${rst ? 'R' : ''}${length > 0 ? 'P' : ''}${ack === null ? '' : '.'}`;
  return `${flags} ${seq}:${seq + length}(${length})${ack === null ? '' : ` ack ${ack}`}`;
}

class Endpoint {
  readonly states: StateName[] = ['CLOSED'];
  readonly #send: (segment: Segment) => void;
  #nxt = 0;
  #rcv = 0;
  #fin = -1;
  #closing = false;
  #unsent = 0;

  constructor(send: (segment: Segment) => void) {
    this.#send = send;
  }

  get #state(): StateName {
    return this.states.at(-1)!;
  }
  #enter(state: StateName): void {
    if (!STATE_NAMES.includes(state)) throw new Error(state);
    if (state !== this.#state) this.states.push(state);
  }
  #is(...states: StateName[]): boolean {
    return states.includes(this.#state);
  }
  #emit(segment: Partial<Segment>): void {
    const length = segment.length ?? 0;
    this.#send({ seq: this.#nxt, ack: this.#rcv, length, ...segment });
    this.#nxt += length + (segment.syn ? 1 : 0) + (segment.fin ? 1 : 0);
  }

  listen(): void {
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
    if (this.#is('SYN_SENT', 'LISTEN')) this.#enter('CLOSED');
    else if (this.#is('SYN_RCVD')) this.#closing = true;
    else if (this.#is('ESTABLISHED')) this.#sendFin('FIN_WAIT_1');
    else if (this.#is('CLOSE_WAIT')) this.#sendFin('LAST_ACK');
  }

  #sendFin(state: StateName): void {
    this.#emit({ fin: true });
    this.#fin = this.#nxt;
    this.#enter(state);
  }

  // 3.10.5 ABORT; in CLOSING and LAST_ACK it would show in no segment
  abort(): void {
    if (this.#is('SYN_SENT')) this.#enter('CLOSED');
    if (!this.#is('ESTABLISHED', 'FIN_WAIT_1', 'FIN_WAIT_2', 'CLOSE_WAIT')) return;
    this.#emit({ rst: true });
    this.#enter('CLOSED');
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
    if (s.ack === null) this.#send({ rst: true, seq: 0, ack: s.seq + s.length + 1, length: 0 });
    else this.#send({ rst: true, seq: s.ack, ack: null, length: 0 });
  }

  #listening(s: Segment): void {
    if (s.rst) return;
    if (s.ack !== null || !s.syn) {
      this.#refuse(s);
      return;
    }
    this.#rcv = s.seq + 1;
    this.#emit({ syn: true });
    this.#enter('SYN_RCVD');
  }

  #connecting(s: Segment): void {
    if (s.rst) this.#enter('CLOSED');
    if (s.rst || !s.syn) return;
    this.#rcv = s.seq + 1;
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
      if (s.seq === this.#rcv) this.#enter('CLOSED');
      return;
    }
    if (s.syn || s.seq !== this.#rcv) return; // the cable loses and reorders nothing
    this.#acknowledged(s.ack!);
    if (this.#is('CLOSED')) return;
    this.#rcv += s.length + (s.fin ? 1 : 0);
    if (s.fin) this.#finReceived();
    if (s.length > 0 || s.fin) this.#emit({});
  }

  #acknowledged(ack: number): void {
    if (this.#is('SYN_RCVD')) {
      this.#enter('ESTABLISHED');
      this.#flush();
    }
    if (this.#fin < 0 || ack < this.#fin) return;
    if (this.#is('FIN_WAIT_1')) this.#enter('FIN_WAIT_2');
    else if (this.#is('CLOSING')) this.#enter('TIME_WAIT');
    else if (this.#is('LAST_ACK')) this.#enter('CLOSED');
  }

  #finReceived(): void {
    if (this.#is('ESTABLISHED')) this.#enter('CLOSE_WAIT');
    else if (this.#is('FIN_WAIT_1')) this.#enter('CLOSING');
    else if (this.#is('FIN_WAIT_2')) this.#enter('TIME_WAIT');
  }
}
