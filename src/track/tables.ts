/** The tracker's records and tables. */
import type { Packet } from '../decode/packet.ts';
import { AddressBook } from './address-book.ts';
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
  readonly cores = new RecordPages(CORE_STRIDE, 12);
  readonly sequels = new RecordPages(SEQUEL_STRIDE, 12);
  readonly pairs = new RecordPages(PAIR_STRIDE, 10);
  readonly copied = new RecordPages(COPIED_STRIDE, 8);
  readonly troubles = new RecordPages(TROUBLE_STRIDE, 7);
  readonly holes = new RecordPages(HOLES_STRIDE, 7);
  readonly rares = new RecordPages(RARE_STRIDE, 8);
  readonly delays = new RecordPages(DELAY_STRIDE, 7);
  readonly events = new EventLog(this.cores, this.sequels);
  readonly addresses = new AddressBook();
  readonly sightings = new Sightings(this.addresses);
  readonly recorded = new Recorded(this.addresses);
  readonly refusedTimestamps = new RefusedTimestamps();
  readonly names = new SeenNames(this.addresses);
  readonly dns = new DnsTraffic(this.addresses, this.names);
  readonly unasked = new UnaskedAnswers(this.addresses);
  readonly flows: FlowTable;
  readonly tags: Tags;
  readonly timers: Timers;
  readonly series = new TimeSeries();
  /** Sender of the first ICMP error about a connection, as its addresses are kept. */
  readonly icmpReporters = new Map<number, number>();
  /** Ids of connections with a segment that belongs to an older connection, or was answered as if it did (Mark.OLD_SEGMENT, OLD_ANSWER, OLD_TIMESTAMP), unordered. */
  readonly takenForOld = new Set<number>();

  constructor() {
    this.flows = new FlowTable(this.cores);
    this.tags = new Tags(this.cores);
    this.timers = new Timers(this.cores, this.sequels);
  }

  icmpReported(id: number, k: Packet): void {
    if (this.icmpReporters.size >= MAX_REPORTERS || this.icmpReporters.has(id)) return;
    this.icmpReporters.set(id, k.ipVersion === 6 ? this.addresses.intern(k.view, k.srcAt) : k.src);
  }
}
