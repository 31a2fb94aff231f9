/** The tracker's records and tables. */
import type { Packet } from '../decode/packet.ts';
import { AddressBook } from './address-book.ts';
import { Budget } from './budget.ts';
import { DnsTraffic } from './dns.ts';
import { EventLog } from './events.ts';
import { FlowTable } from './flow-table.ts';
import {
  COPIED_STRIDE,
  CORE_STRIDE,
  DELAY_STRIDE,
  HOLES_STRIDE,
  PAIR_STRIDE,
  RARE_STRIDE,
  SEQUEL_STRIDE,
  TROUBLE_STRIDE,
} from './layout.ts';
import { RecordPages } from './pages.ts';
import { Recorded } from './recorded.ts';
import { RefusedTimestamps } from './refused-timestamps.ts';
import { SeenNames } from './seen-names.ts';
import { Sightings } from './sightings.ts';
import { Tags } from './tags.ts';
import { TimeSeries } from './time-series.ts';
import { Timers } from './timers.ts';
import { UnaskedAnswers } from './unasked.ts';

/** Connections whose ICMP errors are kept with their sender: a rule shows examples, and one host stands for many. */
const MAX_REPORTERS = 4_096;

/** Everything the tracker owns. */
export class Tables {
  readonly budget: Budget;
  readonly cores: RecordPages;
  readonly sequels: RecordPages;
  readonly pairs: RecordPages;
  readonly copied: RecordPages;
  readonly troubles: RecordPages;
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
  readonly flows: FlowTable;
  readonly tags: Tags;
  readonly timers: Timers;
  readonly series = new TimeSeries();
  /** Sender of the first ICMP error about a connection, as its addresses are kept. */
  readonly icmpReporters = new Map<number, number>();
  /** Ids of connections with a segment that belongs to an older connection, or was answered as if it did (Mark.OLD_SEGMENT, OLD_ANSWER, OLD_TIMESTAMP), unordered. */
  readonly takenForOld = new Set<number>();

  constructor(budget = new Budget()) {
    this.budget = budget;
    this.cores = new RecordPages(CORE_STRIDE, 12, budget);
    this.sequels = new RecordPages(SEQUEL_STRIDE, 12, budget);
    this.pairs = new RecordPages(PAIR_STRIDE, 10, budget);
    this.copied = new RecordPages(COPIED_STRIDE, 8, budget);
    this.troubles = new RecordPages(TROUBLE_STRIDE, 7, budget);
    this.holes = new RecordPages(HOLES_STRIDE, 7, budget);
    this.rares = new RecordPages(RARE_STRIDE, 8, budget);
    this.delays = new RecordPages(DELAY_STRIDE, 7, budget);
    this.events = new EventLog(this.cores, this.sequels, budget);
    this.addresses = new AddressBook(budget);
    this.sightings = new Sightings(this.addresses);
    this.recorded = new Recorded(this.addresses);
    this.names = new SeenNames(this.addresses);
    this.dns = new DnsTraffic(this.addresses, this.names);
    this.unasked = new UnaskedAnswers(this.addresses);
    this.flows = new FlowTable(this.cores, budget);
    this.tags = new Tags(this.cores);
    this.timers = new Timers(this.cores, this.sequels, budget);
  }

  icmpReported(id: number, k: Packet): void {
    if (this.icmpReporters.size >= MAX_REPORTERS || this.icmpReporters.has(id)) return;
    this.icmpReporters.set(id, k.ipVersion === 6 ? this.addresses.intern(k.view, k.srcAt) : k.src);
  }
}
