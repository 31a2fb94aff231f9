/**
 * Packets to connections: finds the connection of each segment, decides whether a SYN opens a new one, and hands the
 * rest to the machine. The hot path: synchronous, no allocation per packet.
 */
import { Mark } from '../model/connection.ts';
import { Flag } from '../model/flags.ts';
import { otherSide, Side, State } from '../model/state.ts';
import type { Packet } from '../decode/packet.ts';
import { Budget } from './budget.ts';
import { Context } from './context.ts';
import { Tables } from './tables.ts';
import { noteCopy } from './copied.ts';
import type { Copies } from './copies.ts';
import { expire, settle, settleAll } from './due.ts';
import { grow, stateTime } from './embryo.ts';
import { MOST_LENGTH, MOST_SYNS, ONE_SYN } from './embryo-word.ts';
import { Folder } from './fold.ts';
import type { Folded } from './folded.ts';
import { hash } from './hash.ts';
import type { HostProfiles } from './host-profiles.ts';
import { Core, Half, HalfFlag, Meta, Rare, Sequel, Trait, tupleMeta } from './layout.ts';
import { endsOpening } from './opening.ts';
import { isTooBig, notePathMtu } from './path-mtu.ts';
import { regular } from './regular.ts';
import { thirdAck } from './regular-open.ts';
import { guessRoles, SENDER_IS_CLIENT } from './roles.ts';
import { SegmentCounts } from './segment-counts.ts';
import { type Shard, shardOf, tupleHash, WHOLE } from './shard.ts';
import { isMissingDirection } from './tags.ts';
import { take } from './take.ts';
import type { Expire } from './timers.ts';
import { Cause } from './transitions.ts';

const CONTROL = Flag.SYN | Flag.FIN | Flag.RST;
/** In place of a connection's id: the segment is of one that was folded, or of another shard. */
export const FOLDED = -1;
export const FOREIGN = -2;

export class Tracker {
  readonly tables: Tables;
  readonly counts = new SegmentCounts();
  readonly copies: Copies;
  readonly #x: Context;
  readonly #expire: Expire;
  readonly #hosts: HostProfiles;
  readonly #folder: Folder;
  readonly #shard: Shard;

  /** @param limit of what records and tables may take, octets */
  constructor(hosts: HostProfiles, limit = Infinity, shard = WHOLE) {
    this.#hosts = hosts;
    this.#shard = shard;
    this.tables = new Tables(new Budget(limit));
    this.copies = this.tables.copies;
    this.#folder = new Folder(this.tables);
    this.#x = new Context(this.tables);
    this.#expire = (kind, ref) => expire(this.#x, kind, ref);
  }

  /** Those that have records; `folded` counts the others. */
  get connections(): number {
    return this.tables.cores.length;
  }
  get folded(): Folded {
    return this.#folder.folded;
  }

  /** Lets timers fire that are due at `now`. */
  advance(now: number): void {
    this.tables.timers.advance(now, this.#expire);
    settleAll(this.#x, now);
    this.tables.series.at(now);
  }

  /** Clients whose retry is overdue at `now`, which no timer says, have given up; for whoever looks while reading goes on. */
  settle(now: number): void {
    settleAll(this.#x, now);
  }

  /** The newest connection of a packet's tuple, or -1. */
  find(k: Packet): number {
    this.tables.flows.recover();
    this.#key(k);
    const id = this.tables.flows.find(this.#hash, this.#a, this.#b, this.#ports, this.#meta);
    return id < 0 ? this.#findAlias() : id;
  }

  /**
   * Time of the segment that comes next, and where it was captured (`sourceOf`). Apart from `tcp`, because a float64 argument of
   * a large function is boxed for every packet, and because what rarely happens makes V8 throw away the code that it happens in.
   */
  at(now: number, source = 0): void {
    this.#x.now = now;
    this.#x.source = source;
    this.tables.series.at(now);
    const { timers } = this.tables;
    if (now >= timers.next) {
      timers.now = now;
      timers.fire(this.#expire);
    }
    if (this.tables.budget.reached) this.#makeRoom();
  }

  /** Between two packets, so that nobody holds an id meanwhile. */
  #makeRoom(): void {
    this.tables.budget.reached = false;
    if (!this.#folder.isNeeded()) return;
    settleAll(this.#x, this.#x.now);
    this.#folder.fold(this.#x.now);
    this.#x.strays.fill(0);
  }

  /** A TCP segment (`layer` is TCP) at the time given to `at`. Returns the id of its connection, or FOLDED or FOREIGN. */
  tcp(k: Packet, frame: number): number {
    const { counts } = this;
    const x = this.#x;
    const flags = k.flags;
    counts.tcp++;
    if ((flags & CONTROL) === 0) counts.plain++;
    else counts.control(flags);
    if (k.payloadLength > 0) counts.payload++;

    this.#key(k);
    x.frame = frame;
    x.tuple = tupleHash(this.#a, this.#b, this.#ports);
    if (this.#shard.count > 1 && shardOf(x.tuple, this.#shard.count) !== this.#shard.index) return FOREIGN;
    const { flows, beginnings } = this.tables;
    let id = flows.find(this.#hash, this.#a, this.#b, this.#ports, this.#meta);
    if (id < 0 && (this.#tagged || k.encap !== 0)) id = this.#findElsewhere(k);
    if (id >= 0) {
      const { page, offset } = flows;
      const clientIsB = (page[offset + Core.STATE]! & Trait.CLIENT_IS_B) !== 0;
      const side = this.#fromB === clientIsB ? Side.CLIENT : Side.SERVER;
      if (regular(x, this.copies, k, id, side, page, offset)) {
        if (beginnings.wants(id)) beginnings.add(x, k, id, side);
        return id;
      }
      x.loadFound(id, side, page, offset);
      if (thirdAck(x, this.copies, k)) return id;
      settle(x);
      if (!x.hasSequel && side === Side.SERVER) {
        this.copies.note(x, k); // its first words
      } else if (this.copies.seen(x, k)) {
        noteCopy(x, k);
        return id;
      }
      if ((flags & Flag.SYN) !== 0) id = this.#opened(id, k);
    } else {
      if (this.folded.open > 0 && this.#isOfFolded(k)) return FOLDED;
      id = this.#open(k, -1);
      this.copies.note(x, k);
      if ((flags & (Flag.SYN | Flag.ACK)) !== Flag.SYN) beginnings.begin(id);
    }
    if (beginnings.wants(id)) beginnings.add(x, k, id, x.side);

    const { core, c } = x;
    if (frame !== core[c + Core.FIRST_FRAME]) x.touch();

    const { previous } = x;
    if ((flags & (Flag.ACK | Flag.RST)) !== 0 && (flags & (Flag.SYN | Flag.RST)) !== 0 && previous !== 0) this.#settlePrevious(k, id);

    take(x, k);
    return id;
  }

  /** The segment last given to `tcp`, of connection `id` or FOREIGN, is one of the sample. */
  look(k: Packet, id: number): void {
    const x = this.#x;
    if (id >= 0) this.#load(id);
    const { recorded } = this.tables;
    const from = { a: this.#a, b: this.#b, ports: this.#ports, meta: this.#meta, sender: x.tuple ^ (this.#fromB ? 1 : 0) };
    recorded.look(k, x.frame, x.now, from, id >= 0 ? x : null);
  }

  /** The same, while a segment with a wrong checksum waits for what becomes of it. */
  follow(k: Packet, id: number): void {
    this.#load(id);
    this.tables.recorded.checksums.follow(this.#x, k);
  }

  /** The segment last given to `tcp` came in so many IP fragments. One mark per end: a path with a small MTU cuts every segment. */
  fragmented(fragments: number): void {
    const x = this.#x;
    if (x.lastMark(x.side, Mark.FRAGMENTED) === 0) x.mark(Mark.FRAGMENTED, fragments);
  }

  /** An IP fragment that shows ports and will never be a segment. */
  fragmentRefused(k: Packet, frame: number, now: number): void {
    const id = this.find(k);
    if (id < 0) return;
    this.#x.frame = frame;
    this.#x.now = now;
    this.#load(id);
    this.fragmented(0);
  }

  /** An ICMP error that quotes a segment of a connection. Returns the connection, or -1. */
  icmpError(k: Packet, quoted: Packet, frame: number, now: number): number {
    if (quoted.protocol !== 6 || (quoted.srcPort === 0 && quoted.dstPort === 0)) return -1;
    const id = this.find(quoted);
    this.tables.icmpReported(id, k);
    if (id < 0) return -1;
    const x = this.#x;
    x.frame = frame;
    x.now = now;
    this.#load(id);
    x.needSequel();
    x.spellOut();
    x.core[x.c + Core.LAST_FRAME] = frame;
    x.set(Trait.ICMP_ERROR);
    x.mark(Mark.ICMP_ERROR, (k.icmpType << 8) | k.icmpCode);
    if (isTooBig(k)) notePathMtu(x, k);
    const answersIsn = quoted.seq === x.iss(x.side);
    if (answersIsn && endsOpening(k, x.state(x.side))) x.step(x.side, Cause.ICMP_ERROR);
    return id;
  }

  /** Fires what is due at the end of observation and closes the series. */
  finish(now: number): void {
    this.tables.timers.finish(now, this.#expire);
    settleAll(this.#x, now);
    this.tables.series.finish(now);
  }

  #a = 0;
  #b = 0;
  #ports = 0;
  #meta = 0;
  #hash = 0;
  /** Some segment was inside a tag or tunnel. */
  #tagged = false;
  /** The sender is address B of the canonical order. */
  #fromB = false;

  #key(k: Packet): void {
    let src = k.src;
    let dst = k.dst;
    const v6 = k.ipVersion === 6;
    if (v6) {
      src = this.tables.addresses.ofTuple(k.view, k.srcAt);
      dst = this.tables.addresses.ofTuple(k.view, k.dstAt);
    }
    const fromB = src > dst || (src === dst && k.srcPort > k.dstPort);
    const a = fromB ? dst : src;
    const b = fromB ? src : dst;
    const ports = fromB ? (k.dstPort << 16) | k.srcPort : (k.srcPort << 16) | k.dstPort;
    const meta = (k.encap << 1) | (v6 ? 1 : 0);
    this.#fromB = fromB;
    this.#a = a;
    this.#b = b;
    this.#ports = ports;
    this.#meta = meta;
    this.#hash = hash(a, b, ports, meta);
  }

  #rekey(meta: number): void {
    this.#meta = meta;
    this.#hash = hash(this.#a, this.#b, this.#ports, meta);
  }

  /** The connection of the tuple whose encapsulation the packet's stands for, or -1. */
  #findAlias(): number {
    const { tags, flows } = this.tables;
    const meta = tags.canonical(this.#hash, this.#a, this.#b, this.#ports, this.#meta);
    if (meta < 0) return -1;
    this.#rekey(meta);
    return flows.find(this.#hash, this.#a, this.#b, this.#ports, this.#meta);
  }

  /** A connection of the tuple inside other tags or tunnels to which the segment belongs as well (tags.ts), or -1. */
  #findElsewhere(k: Packet): number {
    this.#tagged = true;
    const { tags, flows } = this.tables;
    const id = this.#findAlias();
    if (id >= 0) return id;
    const meta = this.#meta;
    const h = this.#hash;
    let other = tags.recent(this.#a, this.#b, this.#ports, meta);
    if (other < 0 || !this.#isSame(other, k)) {
      this.#rekey(meta & 1); // the tuple without tags
      other = meta > 1 ? flows.find(this.#hash, this.#a, this.#b, this.#ports, this.#meta) : -1;
      if (other < 0 || !this.#isSame(other, k)) {
        this.#rekey(meta);
        return -1;
      }
    }
    tags.add(h, meta, other);
    this.#rekey(tupleMeta(this.tables.cores.page(other), this.tables.cores.offset(other)));
    return flows.find(this.#hash, this.#a, this.#b, this.#ports, this.#meta);
  }

  #isSame(id: number, k: Packet): boolean {
    this.#load(id);
    return this.copies.wouldBe(this.#x, k) || isMissingDirection(this.#x, k);
  }

  #load(id: number): void {
    const clientIsB = (this.tables.cores.page(id)[this.tables.cores.offset(id) + Core.STATE]! & Trait.CLIENT_IS_B) !== 0;
    this.#x.load(id, this.#fromB === clientIsB ? Side.CLIENT : Side.SERVER);
    settle(this.#x);
  }

  /** A SYN or SYN-ACK on the tuple of connection `found`: the connection that it belongs to, which it may have opened. */
  #opened(found: number, k: Packet): number {
    let id = found;
    const flags = k.flags & (CONTROL | Flag.ACK);
    if (flags === Flag.SYN) {
      if (!this.#belongs(found, k)) id = this.#reopened(found, k);
    } else if ((flags & Flag.ACK) !== 0 && this.#provesStraySyn(k)) {
      id = this.#split(found, k, otherSide(this.#x.side));
    }
    if (id !== found) this.copies.note(this.#x, k);
    return id;
  }

  /** A segment of no connection that has a record: is it counted with those that were folded? */
  #isOfFolded(k: Packet): boolean {
    const [src, dst] = this.#fromB ? [this.#b, this.#a] : [this.#a, this.#b];
    if (this.folded.takes(k.flags, src, k.srcPort, dst, k.dstPort, this.#meta)) return true;
    this.folded.begins((k.flags & Flag.SYN) !== 0, this.#a, this.#b, this.#ports, this.#meta);
    return false;
  }

  /** Starts a connection with the packet at hand. */
  #open(k: Packet, previous: number): number {
    const { cores, firstTimes, flows } = this.tables;
    const id = cores.add();
    const core = cores.page(id);
    const c = cores.offset(id);
    core[c + Core.ADDR_A] = this.#a;
    core[c + Core.ADDR_B] = this.#b;
    core[c + Core.PORTS] = this.#ports;
    core[c + Core.META] = this.#meta;
    core[c + Core.FIRST_FRAME] = this.#x.frame;
    firstTimes.now = this.#x.now;
    core[c + Core.FIRST_TIME] = firstTimes.add(id);
    const roles = guessRoles(k);
    const senderIsClient = (roles & SENDER_IS_CLIENT) !== 0;
    core[c + Core.STATE] = (roles & ~SENDER_IS_CLIENT) | (senderIsClient === this.#fromB ? Trait.CLIENT_IS_B : 0);
    if (senderIsClient) core[c + Core.META] = this.#meta | ((k.ttl & 255) << Meta.TTL_SHIFT);
    flows.set(this.#hash, id, previous);
    if (this.#meta > 1) this.tables.tags.opened(id, this.#a, this.#b, this.#ports);
    const x = this.#x;
    x.load(id, senderIsClient ? Side.CLIENT : Side.SERVER);
    if (!senderIsClient || previous >= 0) {
      x.needSequel();
      x.sequel[x.s + Sequel.PREVIOUS] = previous + 1;
      if (!senderIsClient) x.sequel[x.s + Sequel.TTLS] = (k.ttl & 255) << 8;
    }
    if (!this.#hosts.allGuessed) this.#hosts.note(k, x);
    // A probe without ACK (NULL, FIN, XMAS) or a RST proves no connection.
    if (x.has(Trait.MIDSTREAM) && (k.flags & (Flag.RST | Flag.SYN | Flag.ACK)) === Flag.ACK) {
      x.step(Side.CLIENT, Cause.SEEN_MIDSTREAM);
      x.step(Side.SERVER, Cause.SEEN_MIDSTREAM);
    }
    return id;
  }

  /** Does a SYN (without ACK) belong to the newest connection of its tuple? */
  #belongs(id: number, k: Packet): boolean {
    this.#load(id);
    const x = this.#x;
    const mine = x.state(x.side);
    const theirs = x.state(1 - x.side);
    const ended = (mine === State.CLOSED || mine === State.TIME_WAIT) && (theirs === State.CLOSED || theirs === State.TIME_WAIT);
    if (x.has(Trait.SAW_SYN) && k.seq === x.iss(x.side) && x.side === Side.CLIENT) {
      // Its own SYN again, also after a refusal (Windows tries three times); after a full life, another connection with the same ISN.
      if (ended && x.paired && x.flag(x.me, HalfFlag.FIN_SENT) && x.flag(x.peer, HalfFlag.FIN_SENT)) return false;
      if (ended && x.isCrowded()) return false; // refused again and again: what comes now is told as another connection
      x.reviveAssumed(Side.CLIENT);
      x.reviveAssumed(Side.SERVER);
      return true;
    }
    if (mine === State.CLOSED && theirs === State.SYN_SENT && x.side === Side.SERVER) return true; // simultaneous open
    if (mine === State.SYN_SENT && theirs === State.CLOSED) return false; // another ISN: another connect()
    if (mine === State.SYN_SENT && theirs === State.SYN_RCVD && x.side === Side.CLIENT) return false;
    if (mine === State.SYN_SENT || (mine === State.SYN_RCVD && x.side === Side.SERVER)) return true; // simultaneous open
    // A RST in its name that the other end did not accept may be forged, and so may this SYN: until its copy or a SYN-ACK comes.
    if (mine === State.CLOSED && isLive(theirs) && x.paired && x.flag(x.me, HalfFlag.SENT_RST))
      return k.seq !== (x.hasRare() ? x.rare[x.r + Rare.STRAY_SEQ] : 0);
    // A half-close in use is a live connection, though one end has sent its FIN.
    if (mine === State.FIN_WAIT_2 && x.paired && x.flag(x.me, HalfFlag.READS_AFTER_FIN)) return true;
    // A sender that has nothing left of the old connection opens a new one, whatever the other end still believes.
    if (
      mine === State.CLOSED ||
      mine === State.TIME_WAIT ||
      mine === State.LAST_ACK ||
      x.has(Trait.CLOSED_BY_CLIENT | Trait.CLOSED_BY_SERVER)
    )
      return false;
    return true; // inside a live connection: a stray until a SYN-ACK says otherwise
  }

  /** A new connection on the tuple of `old`: what is left of the old one at the sender is over. */
  #reopened(old: number, k: Packet): number {
    const x = this.#x;
    // Its SYN once more: the first copy, which we had taken for a stray one, opened it (RFC 9293 figure 9).
    if (x.hasRare() && x.rare[x.r + Rare.STRAY_FRAME] !== 0 && x.rare[x.r + Rare.STRAY_SEQ] === k.seq) return this.#split(old, k, x.side);
    x.step(x.side, Cause.TUPLE_REUSED);
    const id = this.#open(k, old);
    this.tables.refusedTimestamps.suspect(x, k);
    return id;
  }

  /** Does this SYN-ACK answer the SYN that we had taken for a stray one? */
  #provesStraySyn(k: Packet): boolean {
    const x = this.#x;
    return x.has(Trait.STRAY_SYN) && x.hasRare() && k.ack === ((x.rare[x.r + Rare.STRAY_SEQ]! + 1) | 0) && k.seq !== x.iss(x.side);
  }

  /** The stray SYN did open a connection: it, and its copies, move to a new one. `opener` sent it; `k` is the segment that proves it. */
  #split(old: number, k: Packet, opener: Side): number {
    const x = this.#x;
    x.openRare();
    const { pair, pairF, rare, r, frame, now } = x;
    const from = x.half(opener);
    const strayFrame = rare[r + Rare.STRAY_FRAME]!;
    const strayTime = x.rareF[(r + Rare.STRAY_TIME) >> 1]!;
    const syns = rare[r + Rare.STRAY_COUNT]! & 0xffff;
    const length = rare[r + Rare.STRAY_COUNT]! >>> 16;
    const seq = rare[r + Rare.STRAY_SEQ]!;
    rare[r + Rare.STRAY_FRAME] = 0;
    x.clear(Trait.STRAY_SYN);
    pair[from + Half.PACKETS] = pair[from + Half.PACKETS]! - syns;
    pair[from + Half.SYN] = pair[from + Half.SYN]! - syns;
    if (pair[from + Half.FIRST_SYN] === strayFrame) pair[from + Half.FIRST_SYN] = 0;
    pairF[(from + Half.IP_BYTES) >> 1] = pairF[(from + Half.IP_BYTES) >> 1]! - syns * length;
    x.frame = strayFrame;
    // Where the old end has changed since, it ends no earlier than that.
    x.now = Math.max(strayTime, stateTime(x, opener));
    x.step(opener, Cause.TUPLE_REUSED);
    x.now = strayTime;
    const id = this.#open(k, old);
    this.tables.openedLate.set(id, frame);
    x.setIss(0, seq);
    const fits = syns <= MOST_SYNS && length <= MOST_LENGTH;
    if (fits) x.sequel[x.s + Sequel.EMBRYO] = syns * ONE_SYN + length;
    x.set(Trait.SAW_SYN | (1 << Trait.COMPLETENESS_SHIFT));
    x.step(Side.CLIENT, Cause.SENDS_SYN);
    if (!fits) grow(x, syns, length);
    x.frame = frame;
    x.now = now;
    return id;
  }

  /** A SYN-ACK or RST on a tuple that was used before: what it does to the end that was left over from then. */
  #settlePrevious(k: Packet, id: number): void {
    const x = this.#x;
    const { side } = x;
    this.#load(x.previous - 1);
    if ((k.flags & Flag.RST) === 0) x.step(x.side, Cause.TUPLE_REUSED);
    else if (x.paired && x.state(1 - x.side) === State.TIME_WAIT && k.seq === x.pair[x.me + Half.NXT])
      x.step(1 - x.side, Cause.RECEIVES_RST);
    x.load(id, side);
  }
}

/** A socket that a stranger's segments do not end. */
const isLive = (state: number): boolean => state >= State.ESTABLISHED && state !== State.TIME_WAIT;
