/** Objects over the tracker's columns: what model/connection.ts promises, read on demand. Not for the hot path. */
import {
  type Basis,
  type ConnectionView,
  type CopySight,
  type EndpointView,
  type MarkEvent,
  type Outcome,
  type RolesFrom,
  type Transition,
  Mark,
} from '../model/connection.ts';
import type { Silence } from '../model/sequence.ts';
import { type Side, type SideName, State } from '../model/state.ts';
import { type ConnId, connId, type FrameNo, frameNo, type Nanos, nanos, NANOS_PER_SECOND } from '../model/units.ts';
import type { TurnsView } from '../model/turns.ts';
import type { Encapsulations } from '../decode/encapsulations.ts';
import type { Tables } from './tables.ts';
import { basisOf } from './basis.ts';
import { interfaceIndexOf } from './copies.ts';
import { Endpoint } from './endpoint-view.ts';
import { eventAssumed, eventCause, eventFrom, eventKind, EventKind, eventSide, eventTo, markDetail, markKind, MARKS } from './events.ts';
import { lastCopyOf } from './copied.ts';
import { Core, Meta, Pair, pairOf, Trait, tupleMeta } from './layout.ts';
import { outcomeOf } from './outcome.ts';
import { rstFacts } from './reset.ts';
import { CAUSE_TEXT, CAUSE_TRAVEL } from './transitions.ts';
import { lastFrameOf, lastTimeOf, previousOf } from './sequel.ts';
import { longestIdle } from './sequence-facts.ts';
import { turnsOf } from './turn-view.ts';
import { connStateOf, historyOf } from './zeek.ts';

const SYN_AGAIN = markKind(Mark.SYN_AGAIN);
const SYN_ACK_AGAIN = markKind(Mark.SYN_ACK_AGAIN);

const frameOrNull = (n: number): FrameNo | null => (n === 0 ? null : frameNo(n));

/** Both ends' transitions in order of time; each end's own stay in the order they were told, even where the capture's clock stepped back. */
function byTime(told: readonly Transition[]): readonly Transition[] {
  if (told.every((t, i) => i === 0 || told[i - 1]!.time <= t.time)) return told;
  const ends = [0, 1].map((side) => [...told.keys()].filter((i) => told[i]!.side === side));
  const out: Transition[] = [];
  while (out.length < told.length) {
    const [a, b] = [ends[0]![0] ?? -1, ends[1]![0] ?? -1];
    const first = b < 0 || (a >= 0 && (told[a]!.time - told[b]!.time || a - b) < 0) ? 0 : 1;
    out.push(told[ends[first]!.shift()!]!);
  }
  return out;
}

/** Makes views of connections as they stand, seen from the end of observation. */
export class Views {
  readonly tables: Tables;
  readonly encapsulations: Encapsulations;
  end: Nanos = nanos(0);

  constructor(tables: Tables, encapsulations: Encapsulations) {
    this.tables = tables;
    this.encapsulations = encapsulations;
  }

  connection(id: number): ConnectionView {
    return new Connection(this, connId(id));
  }

  outcome(id: number): Outcome {
    return outcomeOf(this.tables, id, this.end);
  }
}

/** Last SYN and its answer, last SYN-ACK and the acknowledgment of that. */
interface Handshake {
  readonly syn: Nanos;
  readonly answer: Nanos;
  readonly synAck: Nanos;
  readonly ack: Nanos;
}

class Connection implements ConnectionView {
  readonly id: ConnId;
  #client: Endpoint | undefined;
  #server: Endpoint | undefined;
  readonly #views: Views;
  readonly #core: Int32Array;
  readonly #c: number;
  #transitions: readonly Transition[] | undefined;
  #marks: readonly MarkEvent[] | undefined;
  #turns: TurnsView | null | undefined;
  #opening: Handshake | null | undefined;

  constructor(views: Views, id: ConnId) {
    this.id = id;
    this.#views = views;
    this.#core = views.tables.cores.page(id);
    this.#c = views.tables.cores.offset(id);
  }

  get client(): EndpointView {
    return (this.#client ??= new Endpoint(this, this.#views.tables, this.id, 0));
  }
  get server(): EndpointView {
    return (this.#server ??= new Endpoint(this, this.#views.tables, this.id, 1));
  }

  #has(trait: number): boolean {
    return (this.#core[this.#c + Core.STATE]! & trait) !== 0;
  }

  get ends(): readonly [EndpointView, EndpointView] {
    return [this.client, this.server];
  }
  get encapsulation(): readonly string[] {
    return this.#views.encapsulations.texts(tupleMeta(this.#core, this.#c) >>> Meta.ENCAPSULATION_SHIFT);
  }
  get basis(): Basis {
    return basisOf(this.#views.tables, this.#core, this.#c);
  }
  get rolesFrom(): RolesFrom {
    return this.#has(Trait.ROLES_BY_PORT) ? 'port' : this.#has(Trait.ROLES_FIRST_SEEN) ? 'first-seen' : 'handshake';
  }
  get start(): Nanos {
    return nanos(this.#views.tables.firstTimes.of(this.id));
  }
  get end(): Nanos {
    return nanos(lastTimeOf(this.#views.tables, this.id));
  }
  get firstFrame(): FrameNo {
    return frameNo(this.#core[this.#c + Core.FIRST_FRAME]!);
  }
  get lastFrame(): FrameNo {
    return frameNo(lastFrameOf(this.#core, this.#c));
  }
  get outcome(): Outcome {
    return this.#views.outcome(this.id);
  }
  get closedBy(): SideName | 'both' | null {
    if (this.#has(Trait.CLOSED_BY_CLIENT) && this.#has(Trait.CLOSED_BY_SERVER)) return 'both';
    return this.#has(Trait.CLOSED_BY_CLIENT) ? 'client' : this.#has(Trait.CLOSED_BY_SERVER) ? 'server' : null;
  }
  get helloFrame(): FrameNo | null {
    const ref = pairOf(this.#core, this.#c);
    if (ref === 0) return null;
    return frameOrNull(this.#views.tables.pairs.word(ref - 1, Pair.HELLO_FRAME));
  }
  get established(): boolean {
    return this.#has(Trait.COMPLETED);
  }
  get completeness(): number {
    // Wireshark's count begins with a SYN or with the second segment, which to it may be a copy.
    if (!this.#has(Trait.SAW_SYN) && this.client.packets + this.server.packets + this.copies === 1) return 0;
    return ((this.#core[this.#c + Core.STATE]! >>> Trait.COMPLETENESS_SHIFT) & 31) | (this.#has(Trait.HAS_RST) ? 32 : 0);
  }
  get connState(): string {
    return connStateOf(this.#views.tables, this.id);
  }
  get history(): string {
    return historyOf(this.#views.tables, this.id);
  }
  get icmpReporter(): string | null {
    const { addresses, icmpReporters } = this.#views.tables;
    const address = icmpReporters.get(this.id);
    return address === undefined ? null : addresses.text(address, (this.#core[this.#c + Core.META]! & 1) !== 0);
  }
  get previous(): ConnId | null {
    const ref = previousOf(this.#views.tables, this.#core, this.#c);
    return ref === 0 ? null : connId(ref - 1);
  }
  get copies(): number {
    return this.client.copies.packets + this.server.copies.packets;
  }
  get lastCopy(): CopySight | null {
    const ref = pairOf(this.#core, this.#c);
    if (ref === 0) return null;
    const word = lastCopyOf(this.#views.tables, ref);
    return word === 0 ? null : { interfaceIndex: interfaceIndexOf(word & 0xffff), hops: word >> 16 };
  }
  get turns(): TurnsView | null {
    return (this.#turns ??= turnsOf(this.#views.tables, this.id, {
      duration: (this.end - this.start) / NANOS_PER_SECOND,
      clientSideRtt: this.clientSideRtt,
      serverSideRtt: this.serverSideRtt,
    }));
  }
  get quietBeforeClose(): number | null {
    const ref = pairOf(this.#core, this.#c);
    if (ref === 0) return null;
    const quiet = this.#views.tables.pairs.double(ref - 1, Pair.QUIET);
    return quiet < 0 ? null : quiet / NANOS_PER_SECOND;
  }

  get longestIdle(): Silence | null {
    const ref = pairOf(this.#core, this.#c);
    return ref === 0 ? null : longestIdle(this.#views.tables, ref);
  }
  /** Until when an end of this connection is known to be as it last was: its close, or the end of observation. */
  get observedUntil(): Nanos {
    const closed = this.client.state === State.CLOSED && this.server.state === State.CLOSED;
    return closed ? this.end : this.#views.end;
  }

  // Read apart: rules about RSTs look at the marks of thousands of connections, and at the transitions of few of them.
  get transitions(): readonly Transition[] {
    return (this.#transitions ??= this.#readTransitions());
  }
  get marks(): readonly MarkEvent[] {
    return (this.#marks ??= this.#readMarks());
  }

  #readTransitions(): readonly Transition[] {
    const { events } = this.#views.tables;
    const out: Transition[] = [];
    for (let ref = events.first(this.id); ref !== 0; ref = events.next(ref)) {
      const code = events.code(ref);
      if (eventKind(code) !== EventKind.TRANSITION) continue;
      const frame = frameOrNull(events.frame(ref));
      out.push({
        time: nanos(events.time(ref)),
        frame,
        side: eventSide(code) as Side,
        from: eventFrom(code) as State,
        to: eventTo(code) as State,
        cause: CAUSE_TEXT[eventCause(code)] ?? '',
        travel: CAUSE_TRAVEL[eventCause(code)] ?? 0,
        // A timer is the profile's, also where, as of TIME_WAIT, nothing that follows may take its end back.
        assumed: frame === null || eventAssumed(code),
      });
    }
    return byTime(out);
  }

  #readMarks(): readonly MarkEvent[] {
    const { events } = this.#views.tables;
    const out: MarkEvent[] = [];
    for (let ref = events.first(this.id); ref !== 0; ref = events.next(ref)) {
      const code = events.code(ref);
      const kind = eventKind(code);
      if (kind < EventKind.FIRST_MARK) continue;
      const mark = MARKS[kind - EventKind.FIRST_MARK]!;
      const detail = markDetail(code);
      const rst = mark === Mark.RST ? rstFacts(detail) : null;
      out.push({ mark, time: nanos(events.time(ref)), frame: frameNo(events.frame(ref)), side: eventSide(code) as Side, detail, rst });
    }
    return out;
  }

  /** null where not all of it was captured. */
  get #handshake(): Handshake | null {
    if (this.#opening === undefined) this.#opening = this.#readHandshake();
    return this.#opening;
  }

  #readHandshake(): Handshake | null {
    const { events } = this.#views.tables;
    let sent = 0;
    let rcvd = 0;
    let acked = 0;
    let repeats = false;
    for (let ref = events.first(this.id); ref !== 0; ref = events.next(ref)) {
      const code = events.code(ref);
      const kind = eventKind(code);
      if (kind === SYN_AGAIN || kind === SYN_ACK_AGAIN) repeats = true;
      else if (kind !== EventKind.TRANSITION) continue;
      else if (eventSide(code) === 0) {
        if (sent === 0 && eventTo(code) === State.SYN_SENT) sent = ref;
      } else if (eventTo(code) === State.SYN_RCVD) {
        if (rcvd === 0) rcvd = ref;
      } else if (acked === 0 && eventFrom(code) === State.SYN_RCVD && eventTo(code) !== State.CLOSED && events.frame(ref) !== 0)
        acked = ref;
    }
    if (sent === 0 || rcvd === 0 || acked === 0) return null;
    const received = nanos(events.time(rcvd));
    const ack = nanos(events.time(acked));
    let syn = nanos(events.time(sent));
    let synAck = received;
    let answer = received;
    if (repeats) {
      for (const m of this.marks) if (m.mark === Mark.SYN_ACK_AGAIN && m.side === 1 && m.time <= ack) synAck = m.time;
      for (const m of this.marks) if (m.mark === Mark.SYN_AGAIN && m.side === 0 && m.time <= synAck) syn = m.time;
      answer = received < syn ? synAck : received;
      for (const m of this.marks) if (m.mark === Mark.SYN_ACK_AGAIN && m.side === 1 && m.time >= syn && m.time < answer) answer = m.time;
    }
    if (eventTo(events.code(acked)) === State.ESTABLISHED) return { syn, answer, synAck, ack };
    // A Fast Open server that closed in SYN_RCVD: its FIN passed after the third ACK, of which the round trip is kept.
    const ref = pairOf(this.#core, this.#c);
    const micros = this.#views.tables.pairs.word(ref - 1, Pair.RTT_MICROS);
    return micros === 0 ? null : { syn, answer, synAck, ack: nanos(syn + micros * 1_000) };
  }

  get connectSeconds(): number | null {
    const h = this.#handshake;
    return h && this.client.syn > 0 ? Math.max(0, h.ack - this.start) / NANOS_PER_SECOND : null;
  }
  get handshakeRtt(): number | null {
    const h = this.#handshake;
    return h && this.client.syn > 0 ? (Math.max(0, h.answer - h.syn) + Math.max(0, h.ack - h.synAck)) / NANOS_PER_SECOND : null;
  }
  get clientSideRtt(): number | null {
    const h = this.#handshake;
    return h ? Math.max(0, h.ack - h.synAck) / NANOS_PER_SECOND : null;
  }
  get serverSideRtt(): number | null {
    const h = this.#handshake;
    return h ? Math.max(0, h.answer - h.syn) / NANOS_PER_SECOND : null;
  }
}
