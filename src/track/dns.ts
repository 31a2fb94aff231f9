/**
 * DNS over UDP (RFC 1035 §4.1), counted packet by packet: queries by server, source and zone, and questions that were
 * answered late. Maps are good enough here: DNS is a small part of any capture but a flood, and all of them are bounded.
 */
import { NANOS_PER_SECOND } from '../model/units.ts';
import type { Packet } from '../decode/packet.ts';
import type { AddressBook } from './address-book.ts';
import type { Move } from './move.ts';
import type { SeenNames } from './seen-names.ts';

const PORT = 53;
const HEADER = 12;
const RESPONSE = 0x80;
const RCODE = 0x0f;
/** RFC 1035 §2.3.4 */
const MAX_LABEL = 63;
const MAX_NAME = 255;

/** What is counted apart; what comes later is in the sums only. */
const MAX_SERVERS = 1_024;
const MAX_SOURCES = 1 << 16;
const MAX_QUESTIONS = 1 << 16;
const MAX_ZONES = 4_096;
/** Questions without an answer so far, in all; the oldest is forgotten. */
const MAX_PENDING = 8_192;
const MAX_LATE = 1_000;
const EXAMPLES = 4;
/** Resolvers ask again after 5 s (glibc) or 1 s (others); an answer later than this is one to another question with the same number. */
const FORGET = 60 * NANOS_PER_SECOND;
const LATE = NANOS_PER_SECOND;

export class DnsServer {
  readonly address: number;
  readonly ipv6: boolean;
  queries = 0;
  answers = 0;
  errors = 0;
  readonly sources = new Map<number, number>();
  readonly questions = new Set<number>();
  /** By hash of the last two labels. */
  readonly zones = new Map<number, { name: string; queries: number }>();
  peakPerSecond = 0;
  first = 0;
  last = 0;
  readonly examples: { frame: number; time: number; source: number }[] = [];
  #second = -1;
  #inSecond = 0;

  constructor(address: number, ipv6: boolean) {
    this.address = address;
    this.ipv6 = ipv6;
  }

  query(source: number, question: Question, frame: number, now: number): void {
    if (this.queries++ === 0) this.first = now;
    this.last = now;
    if (this.examples.length < EXAMPLES) this.examples.push({ frame, time: now, source });
    const asked = this.sources.get(source) ?? 0;
    if (asked > 0 || this.sources.size < MAX_SOURCES) this.sources.set(source, asked + 1);
    if (this.questions.size < MAX_QUESTIONS) this.questions.add(question.hash);
    const zone = this.zones.get(question.zoneHash);
    if (zone !== undefined) zone.queries++;
    else if (this.zones.size < MAX_ZONES) this.zones.set(question.zoneHash, { name: question.zoneName(), queries: 1 });
    const second = Math.floor(now / NANOS_PER_SECOND);
    this.#inSecond = second === this.#second ? this.#inSecond + 1 : 1;
    this.#second = second;
    if (this.#inSecond > this.peakPerSecond) this.peakPerSecond = this.#inSecond;
  }

  /** Adds what a capture that follows has of it. */
  join(later: Omit<DnsServer, 'query' | 'join'>, { frames, nanos, address }: Pick<Move, 'frames' | 'nanos' | 'address'>): void {
    if (later.queries > 0) {
      if (this.queries === 0) this.first = later.first + nanos;
      this.last = later.last + nanos;
    }
    this.queries += later.queries;
    this.answers += later.answers;
    this.errors += later.errors;
    this.peakPerSecond = Math.max(this.peakPerSecond, later.peakPerSecond);
    for (const [source, asked] of later.sources) {
      const id = address(source, this.ipv6);
      const known = this.sources.get(id) ?? 0;
      if (known > 0 || this.sources.size < MAX_SOURCES) this.sources.set(id, known + asked);
    }
    for (const question of later.questions) if (this.questions.size < MAX_QUESTIONS) this.questions.add(question);
    for (const [hash, { name, queries }] of later.zones) {
      const zone = this.zones.get(hash);
      if (zone !== undefined) zone.queries += queries;
      else if (this.zones.size < MAX_ZONES) this.zones.set(hash, { name, queries });
    }
    for (const { frame, time, source } of later.examples.slice(0, Math.max(0, EXAMPLES - this.examples.length)))
      this.examples.push({ frame: frame + frames, time: time + nanos, source: address(source, this.ipv6) });
  }
}

/** A question that waits for its answer, or got it late. */
export interface Lookup {
  readonly client: number;
  readonly server: number;
  readonly ipv6: boolean;
  readonly asked: number;
  readonly askedFrame: number;
  tries: number;
  answered: number;
  answeredFrame: number;
}

/** The question of one message; one reused object. */
class Question {
  hash = 0;
  zoneHash = 0;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #zoneAt = 0;
  #zoneEnd = 0;

  /** False: no question, or it was not captured whole. */
  read(k: Packet): boolean {
    const { view } = k;
    const end = Math.min(k.end, k.payloadAt + k.payloadLength);
    let at = k.payloadAt + HEADER;
    let hash = 17;
    let [before, previous] = [at, at];
    for (;;) {
      if (at >= end || at - k.payloadAt - HEADER > MAX_NAME) return false;
      const length = view.getUint8(at);
      if (length === 0) break;
      if (length > MAX_LABEL || at + length >= end) return false;
      before = previous;
      previous = at;
      for (let i = at; i <= at + length; i++) hash = (Math.imul(hash, 31) + lower(view.getUint8(i))) | 0;
      at += length + 1;
    }
    if (at + 5 > end) return false;
    this.hash = (Math.imul(hash, 31) + view.getUint16(at + 1)) | 0;
    this.#view = view;
    this.#zoneAt = before;
    this.#zoneEnd = at;
    let zone = 17;
    for (let i = before; i < at; i++) zone = (Math.imul(zone, 31) + lower(view.getUint8(i))) | 0;
    this.zoneHash = zone;
    return true;
  }

  /** Raw octets as characters; who prints it makes it safe. */
  zoneName(): string {
    let name = '';
    for (let at = this.#zoneAt; at < this.#zoneEnd; at += this.#view.getUint8(at) + 1) {
      for (let i = at + 1; i <= at + this.#view.getUint8(at); i++) name += String.fromCharCode(lower(this.#view.getUint8(i)));
      name += '.';
    }
    return name === '' ? '.' : name;
  }
}

/** Names are compared without case (RFC 4343); resolvers mix it on purpose. */
const lower = (octet: number): number => (octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet);

export interface DnsState {
  readonly queries: number;
  readonly late: readonly Lookup[];
  readonly servers: readonly Omit<DnsServer, 'query' | 'join'>[];
}

export class DnsTraffic {
  queries = 0;
  /** Answered late, in the order of the answers. */
  readonly late: Lookup[] = [];
  readonly #addresses: AddressBook;
  readonly #names: SeenNames;
  readonly #servers = new Map<number, DnsServer>();
  readonly #servers6 = new Map<number, DnsServer>();
  /** In the order asked. */
  readonly #pending = new Map<number, Lookup>();
  readonly #question = new Question();

  constructor(addresses: AddressBook, names: SeenNames) {
    this.#addresses = addresses;
    this.#names = names;
  }

  get servers(): readonly DnsServer[] {
    return [...this.#servers.values(), ...this.#servers6.values()];
  }

  /** What was counted, for another process. */
  get state(): DnsState {
    return { queries: this.queries, late: this.late, servers: this.servers.map((server) => Object.assign({}, server)) };
  }
  restore({ queries, late, servers }: DnsState): void {
    this.queries = queries;
    this.late.push(...late);
    for (const server of servers) {
      const { address, ipv6 } = server;
      (ipv6 ? this.#servers6 : this.#servers).set(address, Object.assign(new DnsServer(address, ipv6), server));
    }
  }

  /** Adds those of a capture that follows. */
  join({ queries, late, servers }: DnsState, { frames, nanos, address }: Move): void {
    this.queries += queries;
    for (const lookup of late.slice(0, Math.max(0, MAX_LATE - this.late.length))) {
      const { client, server, ipv6, asked, askedFrame, answered, answeredFrame } = lookup;
      const [from, to] = [address(client, ipv6), address(server, ipv6)];
      const times = { asked: asked + nanos, answered: answered + nanos };
      this.late.push({
        ...lookup,
        ...times,
        client: from,
        server: to,
        askedFrame: askedFrame + frames,
        answeredFrame: answeredFrame + frames,
      });
    }
    for (const state of servers) {
      const id = address(state.address, state.ipv6);
      const known = state.ipv6 ? this.#servers6 : this.#servers;
      let server = known.get(id);
      if (server === undefined) {
        if (this.#servers.size + this.#servers6.size >= MAX_SERVERS) continue;
        known.set(id, (server = new DnsServer(id, state.ipv6)));
      }
      server.join(state, { frames, nanos, address });
    }
  }

  /** A UDP datagram. */
  note(k: Packet, frame: number, now: number): void {
    if (k.srcPort !== PORT && k.dstPort !== PORT) return;
    if (Math.min(k.end, k.payloadAt + k.payloadLength) - k.payloadAt < HEADER) return;
    const { view, payloadAt } = k;
    if (view.getUint16(payloadAt + 4) !== 1 || !this.#question.read(k)) return;
    const ipv6 = k.ipVersion === 6;
    const src = ipv6 ? this.#addresses.intern(view, k.srcAt) : k.src;
    const dst = ipv6 ? this.#addresses.intern(view, k.dstAt) : k.dst;
    const id = view.getUint16(payloadAt);
    const isAnswer = (view.getUint8(payloadAt + 2) & RESPONSE) !== 0;
    if (!isAnswer && k.dstPort === PORT) this.#query(src, dst, ipv6, id, frame, now);
    else if (isAnswer && k.srcPort === PORT) {
      this.#answer(src, dst, ipv6, id, view.getUint8(payloadAt + 3) & RCODE, frame, now);
      if (view.getUint16(payloadAt + 6) > 0) this.#names.dns(k);
    }
  }

  #query(client: number, server: number, ipv6: boolean, id: number, frame: number, now: number): void {
    this.queries++;
    const servers = ipv6 ? this.#servers6 : this.#servers;
    let counts = servers.get(server);
    if (counts === undefined && this.#servers.size + this.#servers6.size < MAX_SERVERS) {
      counts = new DnsServer(server, ipv6);
      servers.set(server, counts);
    }
    counts?.query(client, this.#question, frame, now);
    const key = this.#key(client, id);
    const known = this.#pending.get(key);
    if (known?.client === client && now - known.asked < FORGET) {
      known.tries++;
      return;
    }
    this.#pending.delete(key);
    if (this.#pending.size >= MAX_PENDING) for (const oldest of this.#pending.keys()) if (this.#pending.delete(oldest)) break;
    this.#pending.set(key, { client, server, ipv6, asked: now, askedFrame: frame, tries: 1, answered: 0, answeredFrame: 0 });
  }

  #answer(server: number, client: number, ipv6: boolean, id: number, rcode: number, frame: number, now: number): void {
    const counts = (ipv6 ? this.#servers6 : this.#servers).get(server);
    const key = this.#key(client, id);
    const asked = this.#pending.get(key);
    if (asked?.client !== client || asked.ipv6 !== ipv6) return;
    this.#pending.delete(key);
    if (counts !== undefined) {
      counts.answers++;
      if (rcode !== 0) counts.errors++;
    }
    if (asked.tries < 2 || now - asked.asked < LATE || now - asked.asked > FORGET || this.late.length >= MAX_LATE) return;
    asked.answered = now;
    asked.answeredFrame = frame;
    this.late.push(asked);
  }

  /** The same for all tries of one question: the number, what was asked, and who asked, but not whom or from which port. */
  #key(client: number, id: number): number {
    return (Math.imul(client, 0x9e3779b1) ^ Math.imul(this.#question.hash, 0x85ebca6b) ^ id) | 0;
  }
}
