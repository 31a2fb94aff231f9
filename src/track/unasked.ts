/**
 * Answers over UDP and ICMP echo that reach an address which did not ask: what a reflected attack is made of. Questions are
 * remembered by who asked from which port for which service, whomever they asked: a multicast question is answered by others.
 *
 * Costs UDP and ICMP packets a look into a table of ports, and the few that pass it one hash. Everything is bounded: a question
 * that is overwritten too early makes an answer look unasked, so what was asked for is counted beside it.
 */
import { AMPLIFIERS } from '../model/amplifiers.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import type { Packet } from '../decode/packet.ts';
import type { AddressBook } from './address-book.ts';
import type { Move } from './move.ts';

const QUESTION_BITS = 16;
const MAX_RECEIVERS = 1_024;
const MAX_SENDERS = 4_096;
/** Addresses whose own questions are in the capture. */
const MAX_SPEAKERS = 65_536;
const EXAMPLES = 6;

/** In place of a port: ICMP echo. */
export const ECHO = 0;
/** Offset of the identifier in an echo message (RFC 792, RFC 4443 §4). */
const ECHO_ID_AT = 4;
const ECHO_REQUEST = [8, 128] as const;
const ECHO_REPLY = [0, 129] as const;
/** Type << 8 | code of "port unreachable". */
const PORT_UNREACHABLE = [(3 << 8) | 3, (1 << 8) | 4] as const;

const DNS = 53;
/** RFC 1035 §4.1.1: octet 2 of the header. */
const DNS_RESPONSE = 0x80;

const IS_SERVICE = new Uint8Array(0x10000);
for (const port of Object.keys(AMPLIFIERS)) IS_SERVICE[Number(port)] = 1;

export class Receiver {
  readonly address: number;
  readonly ipv6: boolean;
  answers = 0;
  /** Answers that it had asked for, since the first that it had not. */
  asked = 0;
  /** IP packet lengths. */
  bytes = 0;
  /** ICMP port unreachable that it sent about them. */
  refused = 0;
  readonly senders = new Set<number>();
  /** By the service's port. */
  readonly kinds = new Map<number, number>();
  first = 0;
  last = 0;
  peakPerSecond = 0;
  readonly examples: { frame: number; time: number; sender: number; port: number }[] = [];
  #second = -1;
  #inSecond = 0;

  constructor(address: number, ipv6: boolean) {
    this.address = address;
    this.ipv6 = ipv6;
  }

  answer(sender: number, port: number, bytes: number, frame: number, now: number): void {
    if (this.answers++ === 0) this.first = now;
    this.last = now;
    this.bytes += bytes;
    if (this.senders.size < MAX_SENDERS) this.senders.add(sender);
    this.kinds.set(port, (this.kinds.get(port) ?? 0) + 1);
    if (this.examples.length < EXAMPLES) this.examples.push({ frame, time: now, sender, port });
    const second = Math.floor(now / NANOS_PER_SECOND);
    this.#inSecond = second === this.#second ? this.#inSecond + 1 : 1;
    this.#second = second;
    if (this.#inSecond > this.peakPerSecond) this.peakPerSecond = this.#inSecond;
  }

  /** Adds what a capture that follows has of it. */
  join(later: Omit<Receiver, 'answer' | 'join'>, { frames, nanos, address }: Pick<Move, 'frames' | 'nanos' | 'address'>): void {
    if (later.answers > 0) {
      if (this.answers === 0) this.first = later.first + nanos;
      this.last = later.last + nanos;
    }
    this.answers += later.answers;
    this.asked += later.asked;
    this.bytes += later.bytes;
    this.refused += later.refused;
    this.peakPerSecond = Math.max(this.peakPerSecond, later.peakPerSecond);
    for (const sender of later.senders) if (this.senders.size < MAX_SENDERS) this.senders.add(address(sender, this.ipv6));
    for (const [port, answers] of later.kinds) this.kinds.set(port, (this.kinds.get(port) ?? 0) + answers);
    for (const { frame, time, sender, port } of later.examples.slice(0, Math.max(0, EXAMPLES - this.examples.length)))
      this.examples.push({ frame: frame + frames, time: time + nanos, sender: address(sender, this.ipv6), port });
  }
}

/** By IP version: 4, 6. */
type PerFamily<T> = readonly [T, T];

export interface UnaskedState {
  readonly receivers: readonly Omit<Receiver, 'answer' | 'join'>[];
  readonly speakers: PerFamily<ReadonlySet<number>>;
}

export class UnaskedAnswers {
  readonly #addresses: AddressBook;
  /** Hashes of questions; 0 none. */
  readonly #questions = new Int32Array(1 << QUESTION_BITS);
  readonly #receivers: PerFamily<Map<number, Receiver>> = [new Map(), new Map()];
  readonly #speakers: PerFamily<Set<number>> = [new Set(), new Set()];

  constructor(addresses: AddressBook) {
    this.#addresses = addresses;
  }

  get receivers(): readonly Receiver[] {
    return [...this.#receivers[0].values(), ...this.#receivers[1].values()];
  }

  /** Did the address ask anybody anything? Then the capture holds what it sends. */
  hasAsked(address: number, ipv6: boolean): boolean {
    return this.#speakers[ipv6 ? 1 : 0].has(address);
  }

  /** What was counted, for another process. */
  get state(): UnaskedState {
    return { receivers: this.receivers.map((receiver) => Object.assign({}, receiver)), speakers: this.#speakers };
  }
  restore({ receivers, speakers }: UnaskedState): void {
    for (const receiver of receivers) {
      const { address, ipv6 } = receiver;
      this.#receivers[ipv6 ? 1 : 0].set(address, Object.assign(new Receiver(address, ipv6), receiver));
    }
    speakers.forEach((family, i) => {
      for (const address of family) this.#speakers[i]!.add(address);
    });
  }

  /** Adds those of a capture that follows. */
  join({ receivers, speakers }: UnaskedState, move: Move): void {
    for (const state of receivers) {
      const id = move.address(state.address, state.ipv6);
      const known = this.#receivers[state.ipv6 ? 1 : 0];
      let receiver = known.get(id);
      if (receiver === undefined) {
        if (known.size >= MAX_RECEIVERS) continue;
        known.set(id, (receiver = new Receiver(id, state.ipv6)));
      }
      receiver.join(state, move);
    }
    speakers.forEach((family, i) => {
      const known = this.#speakers[i]!;
      for (const address of family) if (known.size < MAX_SPEAKERS) known.add(move.address(address, i === 1));
    });
  }

  udp(k: Packet, frame: number, now: number): void {
    const fromService = IS_SERVICE[k.srcPort] === 1;
    // Where both ports are a service's (NTP, NetBIOS), the ports do not say who asks.
    if (fromService === (IS_SERVICE[k.dstPort] === 1)) return;
    if (!fromService) this.#asked(k, k.srcPort, k.dstPort);
    else if (k.srcPort !== DNS || isDnsAnswer(k)) this.#answered(k, k.dstPort, k.srcPort, frame, now);
  }

  icmp(k: Packet, frame: number, now: number): void {
    const family = k.ipVersion === 6 ? 1 : 0;
    const { quoted } = k;
    if (quoted !== null) {
      const refuses = ((k.icmpType << 8) | k.icmpCode) === PORT_UNREACHABLE[family] && quoted.protocol === 17;
      if (!refuses || IS_SERVICE[quoted.srcPort] !== 1) return;
      const receiver = this.#receivers[family].get(this.#source(k));
      if (receiver !== undefined) receiver.refused++;
      return;
    }
    const at = k.transportAt + ECHO_ID_AT;
    if (at + 2 > k.end) return;
    if (k.icmpType === ECHO_REQUEST[family]) this.#asked(k, k.view.getUint16(at), ECHO);
    else if (k.icmpType === ECHO_REPLY[family]) this.#answered(k, k.view.getUint16(at), ECHO, frame, now);
  }

  #asked(k: Packet, port: number, service: number): void {
    const source = this.#source(k);
    const question = key(source, port, service, k.ipVersion);
    this.#questions[question >>> (32 - QUESTION_BITS)] = question;
    const speakers = this.#speakers[k.ipVersion === 6 ? 1 : 0];
    if (speakers.size < MAX_SPEAKERS) speakers.add(source);
  }

  #answered(k: Packet, port: number, service: number, frame: number, now: number): void {
    if (isForMany(k)) return;
    const ipv6 = k.ipVersion === 6;
    const address = ipv6 ? this.#addresses.intern(k.view, k.dstAt) : k.dst;
    const question = key(address, port, service, k.ipVersion);
    const receivers = this.#receivers[ipv6 ? 1 : 0];
    let receiver = receivers.get(address);
    if (this.#questions[question >>> (32 - QUESTION_BITS)] === question) {
      if (receiver !== undefined) receiver.asked++;
      return;
    }
    if (receiver === undefined) {
      if (receivers.size >= MAX_RECEIVERS) return;
      receivers.set(address, (receiver = new Receiver(address, ipv6)));
    }
    receiver.answer(this.#source(k), service, k.ipLength, frame, now);
  }

  #source(k: Packet): number {
    return k.ipVersion === 6 ? this.#addresses.intern(k.view, k.srcAt) : k.src;
  }
}

/** Not seeded like hash.ts: which questions share a slot must not differ from run to run. Never 0. */
function key(address: number, port: number, service: number, version: number): number {
  let h = Math.imul(address ^ version, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15) ^ ((port << 16) | service), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) | 1;
}

/** Multicast, or a broadcast of the usual form: it is nobody's in particular. */
const isForMany = (k: Packet): boolean =>
  k.ipVersion === 6 ? k.view.getUint8(k.dstAt) === 0xff : k.dst >>> 28 === 0xe || (k.dst & 0xff) === 0xff;

/** Only where the header was captured. */
const isDnsAnswer = (k: Packet): boolean => k.payloadAt + 3 <= k.end && (k.view.getUint8(k.payloadAt + 2) & DNS_RESPONSE) !== 0;
