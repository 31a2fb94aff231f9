/** One end of a connection over the tracker's columns; views.ts has the connection. */
import { type ConnectionView, type EndpointView, Mark } from '../model/connection.ts';
import { endpointText } from '../model/address.ts';
import type { ProfileFrom } from '../model/profiles.ts';
import type { RoundTrips, SequenceFacts } from '../model/sequence.ts';
import { type Side, type SideName, SIDE_NAMES, State } from '../model/state.ts';
import { type FrameNo, frameNo, type Nanos, nanos, NANOS_PER_SECOND } from '../model/units.ts';
import type { Tables } from './tables.ts';
import { copiesOfEnd, embryoCopies } from './copied.ts';
import { type EndProfile, endProfile } from './end-profile.ts';
import { Core, Half, HALF_STRIDE, HalfFlag, Pair, pairOf, SynOption, Trait, Trouble, Turn } from './layout.ts';
import { ByCause, ByFrom, BySide, ByTo } from './events.ts';
import { countsOf, firstSynAckOf, lengthsOf, mayLackOctets, optionsOf, ttlsOf } from './sequel.ts';
import { troubleWord } from './rare.ts';
import { sequenceFacts } from './sequence-facts.ts';
import { Cause } from './transitions.ts';
import { turnsRefOf } from './turn-view.ts';
import { sequenceBytesOf } from './zeek.ts';

const frameOrNull = (n: number): FrameNo | null => (n === 0 ? null : frameNo(n));
const timeOrNull = (t: number): Nanos | null => (t < 0 ? null : nanos(t));

/** The connection, and the end of observation. */
type Owner = ConnectionView & { readonly observedUntil: Nanos };

export class Endpoint implements EndpointView {
  readonly side: Side;
  readonly role: SideName;
  readonly #connection: Owner;
  readonly #tables: Tables;
  readonly #core: Int32Array;
  readonly #c: number;
  /** Where its words begin in the pair record. */
  readonly #h: number;

  constructor(connection: Owner, tables: Tables, id: number, side: Side) {
    this.side = side;
    this.role = SIDE_NAMES[side];
    this.#connection = connection;
    this.#tables = tables;
    this.#core = tables.cores.page(id);
    this.#c = tables.cores.offset(id);
    this.#h = side * HALF_STRIDE;
  }

  /** Reference to the pair record; -1 where there is none yet. */
  get #pair(): number {
    return pairOf(this.#core, this.#c) - 1;
  }

  get #isB(): boolean {
    return ((this.#core[this.#c + Core.STATE]! & Trait.CLIENT_IS_B) !== 0) === (this.side === 0);
  }
  /** A word of the half; before there is one, what the embryo's counts say. */
  #word(word: number, embryo: number): number {
    const ref = this.#pair;
    return ref < 0 ? embryo : this.#tables.pairs.word(ref, this.#h + word);
  }
  #double(word: number, embryo: number): number {
    const ref = this.#pair;
    return ref < 0 ? embryo : this.#tables.pairs.double(ref, this.#h + word);
  }
  #trouble(word: (typeof Trouble)[keyof typeof Trouble]): number {
    const ref = this.#pair;
    return ref < 0 ? 0 : troubleWord(this.#tables, this.#tables.pairs.word(ref, Pair.TROUBLE), this.side, word);
  }
  get #embryoCount(): number {
    if (this.#pair >= 0) return 0;
    const counts = countsOf(this.#tables, this.#core, this.#c);
    return this.side === 0 ? counts & 0xffff : counts >>> 16;
  }
  #flag(flag: number): boolean {
    return (this.#word(Half.FLAGS, 0) & flag) !== 0;
  }

  get ip(): string {
    const ipv6 = (this.#core[this.#c + Core.META]! & 1) !== 0;
    return this.#tables.addresses.text(this.#core[this.#c + (this.#isB ? Core.ADDR_B : Core.ADDR_A)]!, ipv6);
  }
  get port(): number {
    const ports = this.#core[this.#c + Core.PORTS]!;
    return this.#isB ? ports & 0xffff : ports >>> 16;
  }
  get name(): string {
    return endpointText(this.ip, this.port);
  }
  get state(): State {
    return ((this.#core[this.#c + Core.STATE]! >>> (this.side * 4)) & 15) as State;
  }
  get stateSince(): Nanos {
    return this.#timeOf(this.#tables.events.findLast(this.#connection.id, BySide.mask, BySide.of(this.side))) ?? this.#connection.start;
  }
  get packets(): number {
    return this.#word(Half.PACKETS, this.#embryoCount);
  }
  get ipBytes(): number {
    const lengths = this.#pair < 0 ? lengthsOf(this.#tables, this.#core, this.#c) : 0;
    return this.#double(Half.IP_BYTES, this.#embryoCount * (this.side === 0 ? lengths & 0xffff : lengths >>> 16));
  }
  get payloadBytes(): number {
    return this.#double(Half.PAYLOAD, 0);
  }
  get copies(): EndpointView['copies'] {
    const ref = pairOf(this.#core, this.#c);
    if (ref !== 0) return copiesOfEnd(this.#tables, ref, this.side);
    const lengths = lengthsOf(this.#tables, this.#core, this.#c);
    const packets = embryoCopies(ttlsOf(this.#tables, this.#core, this.#c), this.side);
    return {
      packets,
      ipBytes: packets * (this.side === 0 ? lengths & 0xffff : lengths >>> 16),
      payloadBytes: 0,
      syn: this.side === 0 ? packets : 0,
      synAck: this.side === 0 ? 0 : packets,
      fin: 0,
      rst: 0,
    };
  }
  get syn(): number {
    return this.#word(Half.SYN, this.side === 0 ? this.#embryoCount : 0);
  }
  get synAck(): number {
    return this.#word(Half.SYN_ACK, this.side === 1 ? this.#embryoCount : 0);
  }
  get fin(): number {
    return this.#word(Half.FIN, 0);
  }
  get rst(): number {
    return this.#word(Half.RST, 0);
  }
  get firstSynFrame(): FrameNo | null {
    return frameOrNull(this.#word(Half.FIRST_SYN, this.syn > 0 ? this.#core[this.#c + Core.FIRST_FRAME]! : 0));
  }
  get firstSynAckFrame(): FrameNo | null {
    return frameOrNull(this.#word(Half.FIRST_SYN_ACK, this.side === 1 ? firstSynAckOf(this.#tables, this.#core, this.#c) : 0));
  }
  get firstFinFrame(): FrameNo | null {
    return frameOrNull(this.#word(Half.FIRST_FIN, 0));
  }
  get firstRstFrame(): FrameNo | null {
    return frameOrNull(this.#word(Half.FIRST_RST, 0));
  }
  get retransmissions(): number {
    return this.#word(Half.RETRANSMISSIONS, Math.max(0, this.#embryoCount - 1));
  }
  get outOfOrder(): number {
    return this.#trouble(Trouble.OUT_OF_ORDER);
  }
  get missedBytes(): number {
    return this.#trouble(Trouble.GAP);
  }
  get holeBytes(): number {
    return this.#word(Half.MISSED, 0);
  }
  get mayLackOctets(): boolean {
    return this.#pair >= 0 && mayLackOctets(this.#tables, this.#pair, this.side);
  }
  get sequence(): SequenceFacts {
    const ref = pairOf(this.#core, this.#c);
    return sequenceFacts(this.#tables, ref, this.side, this.retransmissions, this.#connection.observedUntil);
  }
  get rtt(): RoundTrips | null {
    const samples = this.#word(Half.RTT_COUNT, 0);
    if (samples === 0) return null;
    const micros = (word: number): number => this.#word(word, 0) / 1e6;
    const mean = this.#double(Half.RTT_SUM, 0) / samples / NANOS_PER_SECOND;
    return { smallest: micros(Half.RTT_MIN), mean, largest: micros(Half.RTT_MAX), samples };
  }
  get maxInFlight(): number {
    return this.#flag(HalfFlag.UNA_KNOWN) ? Math.max(this.#word(Half.MAX_IN_FLIGHT, 0), this.largestPayload) : 0;
  }
  get largestPayload(): number {
    return this.#word(Half.LARGEST, 0);
  }
  get sequenceBytes(): number | null {
    return sequenceBytesOf(this.#tables, this.#connection.id, this.side);
  }

  // Straight from the log: objects of all transitions would be made for one of them.
  #find({ mask, of }: typeof ByCause, what: number): number {
    return this.#tables.events.find(this.#connection.id, mask, of(this.side, what));
  }
  #timeOf(ref: number): Nanos | null {
    return ref === 0 ? null : nanos(this.#tables.events.time(ref));
  }
  #frameOf(ref: number): FrameNo | null {
    return ref === 0 ? null : frameOrNull(this.#tables.events.frame(ref));
  }
  // An end without a FIN has nothing of one in its log: not to walk it saves rules more than half of their walks.
  get finTime(): Nanos | null {
    return this.fin === 0 ? null : this.#timeOf(this.#find(ByCause, Cause.SENDS_FIN));
  }
  get endTime(): Nanos | null {
    const fin = this.finTime;
    if (this.rst === 0) return fin;
    const rst = this.#connection.marks.find((m) => m.mark === Mark.RST && m.side === this.side)?.time ?? null;
    return fin === null || rst === null ? (fin ?? rst) : nanos(Math.min(fin, rst));
  }
  get finAckedTime(): Nanos | null {
    return this.fin === 0 ? null : this.#timeOf(this.#find(ByCause, Cause.FIN_ACKED));
  }
  get finAckedFrame(): FrameNo | null {
    return this.fin === 0 ? null : this.#frameOf(this.#find(ByCause, Cause.FIN_ACKED));
  }
  get lastDataTime(): Nanos | null {
    return timeOrNull(this.#double(Half.LAST_DATA_TIME, -1));
  }
  get lastDataFrame(): FrameNo | null {
    return frameOrNull(this.#word(Half.LAST_DATA_FRAME, 0));
  }
  get lastTurnFrame(): FrameNo | null {
    const ref = turnsRefOf(this.#tables, this.#connection.id);
    return ref < 0 ? null : frameOrNull(this.#tables.pairs.word(ref, Turn.BEGAN + this.side));
  }
  get lastTime(): Nanos | null {
    if (this.#pair >= 0) return timeOrNull(this.#double(Half.LAST_TIME, -1));
    return this.#embryoCount > 0 ? (this.#connection.marks.findLast((m) => m.side === this.side)?.time ?? this.stateSince) : null;
  }
  get payloadAfterPeerFin(): number {
    return this.#word(Half.AFTER_PEER_FIN, 0);
  }
  get closeWait(): { readonly since: Nanos; readonly frame: FrameNo; readonly until: Nanos | null } | null {
    const entered = this.#find(ByTo, State.CLOSE_WAIT);
    const since = this.#timeOf(entered);
    if (since === null) return null;
    return {
      since,
      frame: this.#frameOf(entered) ?? this.#connection.firstFrame,
      until: this.#timeOf(this.#find(ByFrom, State.CLOSE_WAIT)),
    };
  }

  get #options(): number {
    return optionsOf(this.#tables, this.#core, this.#c, this.side);
  }
  get mss(): number | null {
    return (this.#options & SynOption.HAS_MSS) === 0 ? null : this.#options & 0xffff;
  }
  get windowScale(): number | null {
    const scale = (this.#options >>> SynOption.SCALE_SHIFT) & 15;
    return (this.#options & SynOption.SEEN) === 0 || scale === SynOption.NO_SCALE ? null : scale;
  }
  get sackPermitted(): boolean {
    return (this.#options & SynOption.SACK) !== 0;
  }
  get timestamps(): boolean {
    return (this.#options & SynOption.TIMESTAMPS) !== 0;
  }
  get fastOpen(): boolean {
    return (this.#options & SynOption.FAST_OPEN) !== 0;
  }
  get fastOpenCookie(): boolean {
    return (this.#options & SynOption.COOKIE) !== 0;
  }
  get synData(): boolean {
    return (this.#options & SynOption.DATA) !== 0;
  }
  get mptcp(): boolean {
    return (this.#options & SynOption.MPTCP) !== 0;
  }
  get ttl(): number {
    const early = (ttlsOf(this.#tables, this.#core, this.#c) >>> (this.side * 8)) & 255;
    return early !== 0 ? early : (this.#word(Half.WINDOW_TTL, 0) >>> 16) & 255;
  }
  get tls(): boolean {
    return this.#flag(HalfFlag.TLS);
  }
  get lastPayloadType(): number {
    return this.lastDataTime === null ? -1 : this.#word(Half.LAST_PAYLOAD, 0) >>> 24;
  }
  get lastPayloadLength(): number {
    return this.#word(Half.LAST_PAYLOAD, 0) & 0xffffff;
  }
  get zeroWindows(): number {
    return this.#word(Half.ZERO_WINDOWS, 0);
  }
  get #kernel(): EndProfile {
    const named = this.side === 0 ? Trait.CLIENT_NAMED : Trait.SERVER_NAMED;
    const isNamed = (this.#core[this.#c + Core.STATE]! & named) !== 0;
    return endProfile(this.#options, isNamed, this.syn, this.side, this.#connection);
  }
  get profile(): string {
    return this.#kernel.name;
  }
  get profileFrom(): ProfileFrom {
    return this.#kernel.from;
  }
}
