/** The tracker's records and tables. */
import type { Packet } from '../decode/packet.ts';
import { AddressBook } from './address-book.ts';
import { Beginnings } from './beginnings.ts';
import { Budget } from './budget.ts';
import { DnsTraffic } from './dns.ts';
import { Copies } from './copies.ts';
import { EventLog } from './events.ts';
import { FirstTimes } from './first-times.ts';
import { FlowTable } from './flow-table.ts';
import { hash } from './hash.ts';
import { COPIED_STRIDE, Core, CORE_STRIDE, DELAY_STRIDE, HOLES_STRIDE, RARE_STRIDE, SEQUEL_STRIDE } from './layout.ts';
import { PackedRecords } from './packed-records.ts';
import { Packer, PACKING } from './packer.ts';
import { RecordPages } from './pages.ts';
import { Recorded } from './recorded.ts';
import { RefusedTimestamps } from './refused-timestamps.ts';
import { SeenNames } from './seen-names.ts';
import { previousOf } from './sequel.ts';
import { Sequels } from './sequels.ts';
import { PAIR_SHAPE, TROUBLE_SHAPE } from './shapes.ts';
import { Sightings } from './sightings.ts';
import { Tags } from './tags.ts';
import { TimeSeries } from './time-series.ts';
import { Timers } from './timers.ts';
import { UnaskedAnswers } from './unasked.ts';

/** Connections whose ICMP errors are kept with their sender: a rule shows examples, and one host stands for many. */
const MAX_REPORTERS = 4_096;

/** Canonical order of addresses and ports, and the encapsulation, as Core has them. */
export interface Tuple {
  readonly a: number;
  readonly b: number;
  readonly ports: number;
  readonly meta: number;
}

/** Everything the tracker owns. */
export class Tables {
  readonly budget: Budget;
  readonly cores: RecordPages;
  readonly firstTimes: FirstTimes;
  readonly sequels: Sequels;
  readonly pairs: PackedRecords;
  readonly copied: RecordPages;
  readonly troubles: PackedRecords;
  readonly holes: RecordPages;
  readonly rares: RecordPages;
  readonly delays: RecordPages;
  readonly events: EventLog;
  readonly addresses: AddressBook;
  readonly sightings: Sightings;
  readonly recorded: Recorded;
  readonly refusedTimestamps = new RefusedTimestamps();
  readonly names: SeenNames;
  readonly dns: DnsTraffic;
  readonly unasked: UnaskedAnswers;
  readonly packer: Packer;
  readonly flows: FlowTable;
  readonly tags: Tags;
  readonly timers: Timers;
  readonly series = new TimeSeries();
  readonly copies = new Copies();
  readonly beginnings = new Beginnings();
  /** Sender of the first ICMP error about a connection, as its addresses are kept. */
  readonly icmpReporters = new Map<number, number>();
  /** Ids of connections with a segment that belongs to an older connection, or was answered as if it did (Mark.OLD_SEGMENT, OLD_ANSWER, OLD_TIMESTAMP), unordered. */
  readonly takenForOld = new Set<number>();
  /** By id: the frame that proved that an earlier one had opened a connection. */
  readonly openedLate = new Map<number, number>();
  /** ICMP errors over IPv6. */
  #reporters = 0;

  constructor(budget = new Budget()) {
    this.budget = budget;
    this.cores = new RecordPages(CORE_STRIDE, 12, budget);
    const sequels = new RecordPages(SEQUEL_STRIDE, 12, budget);
    this.pairs = new PackedRecords(PAIR_SHAPE, 10, budget, sequels);
    this.sequels = new Sequels(sequels, this.pairs);
    this.copied = new RecordPages(COPIED_STRIDE, 8, budget);
    this.troubles = new PackedRecords(TROUBLE_SHAPE, 7, budget);
    this.holes = new RecordPages(HOLES_STRIDE, 7, budget);
    this.rares = new RecordPages(RARE_STRIDE, 8, budget);
    this.delays = new RecordPages(DELAY_STRIDE, 7, budget);
    this.firstTimes = new FirstTimes(this.cores, budget);
    this.events = new EventLog(this.cores, this.firstTimes, this.sequels, budget);
    this.addresses = new AddressBook(budget);
    this.sightings = new Sightings(this.addresses);
    this.recorded = new Recorded(this.addresses);
    this.names = new SeenNames(this.addresses);
    this.dns = new DnsTraffic(this.addresses, this.names);
    this.unasked = new UnaskedAnswers(this.addresses);
    this.packer = new Packer(this.cores, sequels, this.pairs, this.troubles, this.events, PACKING);
    this.flows = new FlowTable(this.cores, budget);
    this.tags = new Tags(this.cores);
    this.timers = new Timers(this.cores, this.sequels, budget);
  }

  /** The connection of a tuple, as a core record has it, that a frame belongs to; -1 none. */
  connectionThen({ a, b, ports, meta }: Tuple, frame: number): number {
    this.flows.recover();
    let id = this.flows.find(hash(a, b, ports, meta), a, b, ports, meta);
    for (; id >= 0; id = previousOf(this, this.cores.page(id), this.cores.offset(id)) - 1)
      if (this.cores.page(id)[this.cores.offset(id) + Core.FIRST_FRAME]! <= frame) return id;
    return -1;
  }

  /** An ICMP error about connection `id`; below 0: of another shard, or of none. */
  icmpReported(id: number, k: Packet): void {
    // Addresses have the same ids in every shard.
    const reporter = k.ipVersion === 4 ? k.src : this.#reporters++ < MAX_REPORTERS ? this.addresses.intern(k.view, k.srcAt) : -1;
    if (id < 0 || this.icmpReporters.size >= MAX_REPORTERS || this.icmpReporters.has(id)) return;
    if (k.ipVersion === 4 || reporter >= 0) this.icmpReporters.set(id, reporter);
  }
}
