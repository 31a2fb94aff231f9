/**
 * The whole pipeline for one capture, synchronous and without I/O: records in, answers out.
 * Sessions and `analyse()` feed it; it never reads a file, a clock or the environment.
 */
import { AHEAD, type CaptureFileFacts } from '../capture/index.ts';
import type { RawRecord } from '../capture/reader.ts';
import { Census } from '../collect/census.ts';
import type { Legs } from '../collect/legs.ts';
import { cookedDirection, Decoder } from '../decode/index.ts';
import { Layer, Packet, Stop } from '../decode/packet.ts';
import type { Detector } from '../detect/detector.ts';
import { DETECTORS } from '../detect/index.ts';
import type { CaptureQuality } from '../model/capture-view.ts';
import { ipv4Text, ipv6Text } from '../model/address.ts';
import { Clock, resolveTime, type TimeArgument } from '../model/clock.ts';
import type { ConnectionView } from '../model/connection.ts';
import { OwnNames } from '../model/names.ts';
import type { Caveat, Finding } from '../model/finding.ts';
import {
  type CaptureFacts,
  type ConnectionRow,
  type Distribution,
  type Report,
  SCHEMA_VERSION,
  type Series,
  type SocketRow,
} from '../model/report.ts';
import { Side } from '../model/state.ts';
import { type Nanos, nanos, NANOS_PER_SECOND } from '../model/units.ts';
import type { RowFacts } from '../model/where/fields.ts';
import { matcher } from '../model/where/match.ts';
import { parseWhere } from '../model/where/parse.ts';
import { Direction, UNKNOWN_VANTAGE, vantageFacts, type VantageView } from '../model/vantage.ts';
import { LONGEST_QUIET } from '../track/capture-clock.ts';
import { trackerShare } from '../track/budget.ts';
import { WHOLE } from '../track/shard.ts';
import { sourceOf } from '../track/copies.ts';
import { type Footprint, footprintOf } from '../track/footprint.ts';
import { Foresight } from '../track/foresight.ts';
import { parseHostProfiles } from '../track/host-profiles.ts';
import { Sightings } from '../track/sightings.ts';
import { FOLDED, Tracker } from '../track/tracker.ts';
import { Views } from '../track/views.ts';
import { TOOL_NAME, TOOL_VERSION } from '../model/version.ts';
import type { AnalysisOptions, StateCounts } from './analysis.ts';
import { captureCaveats, foldedCaveats, PacketTally, type ReadingEnd } from './caveats.ts';
import { diagnose, type Diagnosis } from './detect-pass.ts';
import { distributions } from './distributions.ts';
import { fileFacts } from './file-facts.ts';
import { FrameFiles } from './frame-files.ts';
import { SaidPlan } from './last-said.ts';
import { Members } from './members.ts';
import type { ConnectionSummary } from './protocol.ts';
import { type Reported, ReportFilter } from './reported.ts';
import { AllNames, reportNames } from './names.ts';
import { packetCounts } from './packet-counts.ts';
import { partialOf, type PartialResult } from './partial.ts';
import { connectionRow } from './rows.ts';
import { seriesOf } from './series.ts';
import { restored } from './restored.ts';
import { sharedState } from './shared-state.ts';
import { socketsAt } from './sockets.ts';
import { connectionSummary } from './summaries.ts';
import { momentsOf, stateCounts } from './state-counts.ts';
import { outside, type SocketSource } from './time-machine.ts';

/** IP protocol number. */
const TCP = 6;
/** Frame numbers lie in columns of signed 32-bit integers, and 0 and below say that there is none. */
const MAX_FRAMES = 2 ** 31 - 1;
const NO_DIAGNOSIS: Diagnosis = { findings: [], verdicts: [], caveats: [] };
const NOTHING: Reported = { findings: [], verdicts: [], caveats: [], shows: null, from: nanos(0) };

export class Analyzer {
  readonly decoder = new Decoder(() => this.#now / NANOS_PER_SECOND);
  readonly tally = new PacketTally();
  readonly #options: AnalysisOptions;
  readonly #detectors: readonly Detector[];
  readonly #packet = new Packet();
  readonly #tracker: Tracker;
  readonly foresight: Foresight;
  readonly #views: Views;
  readonly #files = new FrameFiles();
  #clock = new Clock(0, 0);
  #started = false;
  #frames = 0;
  // -0 is a float64 from the start: a field that begins as a small integer and becomes a float64 throws away optimised code.
  #now: Nanos = nanos(-0);
  #before: Nanos = nanos(-0);
  #first: Nanos = nanos(-0);
  #last: Nanos = nanos(-0);
  /** Nothing came until then, although the capture went on. */
  #quietUntil: Nanos = nanos(-0);
  /** Reading ends after this time. */
  #until = Infinity;
  /** Packets after which reading ends. */
  readonly #most: number;
  #ended: ReadingEnd | null = null;
  #diagnosis: Diagnosis = NO_DIAGNOSIS;
  readonly #filter: ReportFilter;
  #reported: Reported = NOTHING;
  readonly #names: OwnNames;
  readonly #allNames: AllNames;
  #quality: CaptureQuality | undefined;
  #vantage: VantageView = UNKNOWN_VANTAGE;
  #legs: Legs | undefined;
  #facts: readonly CaptureFileFacts[] = [];
  #joined: readonly Caveat[] = [];

  constructor(options: AnalysisOptions, detectors: readonly Detector[] = DETECTORS) {
    this.#options = options;
    this.#most = Math.min(options.count ?? MAX_FRAMES, MAX_FRAMES);
    this.#detectors = detectors;
    this.#filter = new ReportFilter(
      options,
      detectors.map((d) => d.id),
    );
    this.#names = new OwnNames(options);
    this.#tracker = new Tracker(parseHostProfiles(options.profile), trackerShare(options.maxMemory ?? Infinity), options.shard);
    this.foresight = new Foresight(this.#tracker.tables, AHEAD);
    this.#allNames = new AllNames(this.#names, this.#tracker.tables.names, this.payload);
    this.#views = new Views(this.#tracker.tables, this.decoder.encapsulations);
  }

  get packets(): number {
    return this.#frames;
  }
  get connections(): number {
    return this.#tracker.connections;
  }
  get footprint(): Footprint {
    return footprintOf(this.#tracker.tables);
  }
  get captureSeconds(): number {
    return Math.max(0, this.#last - this.#first) / NANOS_PER_SECOND;
  }
  get clock(): Clock {
    return this.#clock;
  }

  /** One record, in the order analysed. False: enough was read (`-c`, `--to`); a live capture does not wait for one more. */
  record(record: RawRecord, file: number): boolean {
    if (!this.#started) this.#start(record);
    const now = record.hasTime ? this.#clock.relative(record.seconds, record.nanos) : this.#now;
    if (now > this.#until) return this.#enough('--to');
    const frame = ++this.#frames;
    if (!record.hasTime) this.tally.timeless++;
    const { clock, checksums } = this.#tracker.tables.recorded;
    const passed = now - this.#now;
    // No call below gets a time: V8 would make an object of it for each packet, because more than one of them may need it.
    this.#before = this.#now;
    this.#now = now;
    if (passed < 0 || passed > LONGEST_QUIET) this.#jump(frame);
    if (now > this.#last) this.#last = now;
    else if (now < this.#first) this.#first = now;
    this.#files.note(frame, file);

    const packet = this.#packet;
    this.decoder.decode(packet, record.linkType, record.view, record.at, record.capLen, record.origLen);
    if (packet.layer === Layer.TCP) {
      if (packet.stop !== Stop.NONE) this.tally.note(packet, record.linkType);
      this.tally.flags(packet.flags);
      this.#tracker.at(now, sourceOf(packet.interfaceIndex, record.interfaceId, file));
      const id = this.#tracker.tcp(packet, frame);
      if (id >= 0 && checksums.following) this.#tracker.follow(packet, id);
      if (packet.fragments > 1) this.#putTogether(packet, id);
      else if (Sightings.wanted(frame) || frame <= clock.lookUntil) this.#sight(record, id);
    } else {
      this.tally.note(packet, record.linkType);
      if (packet.layer === Layer.ICMP) this.#icmp(packet, frame);
      else if (packet.layer === Layer.UDP) this.#udp(packet, frame);
      else if (packet.stop === Stop.FRAGMENT && packet.srcPort !== 0) this.#refused(packet, frame);
    }
    return frame !== this.#most || this.#enough(frame === MAX_FRAMES ? 'frames' : '--count');
  }

  #jump(frame: number): void {
    this.#tracker.tables.recorded.clock.place(frame, this.#before, this.#now);
  }

  #refused(packet: Packet, frame: number): void {
    this.#tracker.fragmentRefused(packet, frame, this.#now);
  }

  #icmp(packet: Packet, frame: number): void {
    const now = this.#now;
    if (packet.quoted !== null) this.#tracker.icmpError(packet, packet.quoted, frame, now);
    this.#tracker.tables.unasked.icmp(packet, frame, now);
  }

  #udp(packet: Packet, frame: number): void {
    const now = this.#now;
    this.#tracker.tables.dns.note(packet, frame, now);
    this.#tracker.tables.unasked.udp(packet, frame, now);
  }

  #putTogether(packet: Packet, id: number): void {
    this.tally.reassembled++;
    if (id >= 0) this.#tracker.fragmented(packet.fragments);
  }

  #sight(record: RawRecord, id: number): void {
    const { linkType, direction } = record;
    const told = direction === Direction.UNKNOWN ? cookedDirection(linkType, record.view, record.at, record.capLen) : direction;
    this.#tracker.tables.sightings.note(this.#packet, linkType, record.origLen, told);
    if (id !== FOLDED) this.#tracker.look(this.#packet, id);
  }

  /** Nothing more comes, although the capture goes on: the user has seen enough. */
  interrupt(): void {
    this.#ended ??= 'interrupt';
  }

  #enough(end: ReadingEnd): false {
    this.#ended = end;
    return false;
  }

  /**
   * Runs the rules over what was read so far. After `quiet` seconds without a packet of a capture that goes on, timers have fired, and what
   * is so has been so for longer.
   */
  snapshot(quiet = 0): { capture: CaptureFacts; series: Series; findings: readonly Finding[] } {
    const end = nanos(this.#last + Math.round(quiet * NANOS_PER_SECOND));
    if (quiet > 0) this.#tracker.advance((this.#quietUntil = end));
    else this.#tracker.settle(this.#now); // no timer is due that would not be without a look, also where the clock was set back
    this.#diagnose(end);
    return { capture: this.#captureFacts(end), series: this.#series(), findings: this.#reported.findings };
  }

  finish(files: readonly CaptureFileFacts[]): Report {
    this.#facts = files;
    for (const { names } of files) for (const { ip, name } of names) this.#tracker.tables.names.add(ip, name, 'capture');
    const end = this.#endOfObservation(files);
    this.#last = end;
    this.#tracker.finish(end);
    return this.#judge();
  }

  /** Before the first record: records stay as another process is to read them, of whatever size. */
  keepUnpacked(): void {
    this.#tracker.tables.packer.stop();
  }

  /** After the end: all that other processes need to go on with. @throws TcpdiagError where connections were folded */
  get partial(): PartialResult {
    const clock = { seconds: this.#clock.originSeconds, nanos: this.#clock.originNanos, farInMicros: this.#clock.farInMicros };
    const span = { frames: this.#frames, first: this.#first, last: this.#last, ended: this.#ended };
    const reading = { ...span, clock, facts: this.#facts, payload: this.payload, profile: this.#options.profile ?? null };
    const shared = sharedState(reading, this.#tracker, this.decoder, this.tally, this.#files);
    return partialOf(shared, this.#options.shard ?? WHOLE, this.#tracker);
  }

  /** The analysis of what others have read. For an analyzer that has read nothing. */
  restore({ captures }: PartialResult): Report {
    const { reading, caveats } = restored(captures, this.#tracker, this.decoder, this.tally, this.#files);
    const { frames, first, last, ended, clock, facts } = reading;
    this.#joined = caveats;
    this.#clock = new Clock(clock.seconds, clock.nanos);
    this.#clock.restore(clock.farInMicros);
    this.#started = frames > 0;
    this.#frames = frames;
    this.#first = first;
    this.#last = last;
    this.#ended = ended;
    this.#facts = facts;
    return this.#judge();
  }

  #judge(): Report {
    this.#diagnose(this.#last, true);
    return {
      schemaVersion: SCHEMA_VERSION,
      tool: { name: TOOL_NAME, version: TOOL_VERSION },
      capture: this.#captureFacts(this.#last),
      series: this.#series(),
      findings: this.#reported.findings,
      rules: this.#reported.verdicts,
    };
  }

  /** May what applications sent be shown? */
  get payload(): boolean {
    return this.#options.payload !== false;
  }

  /** Of the newest findings that are reported. */
  saidPlan(): SaidPlan | null {
    if (!this.payload) return null;
    const plan = new SaidPlan(this.#reported.findings, this.#detectors, (id) => this.#views.connection(id));
    return plan.frames.length === 0 ? null : plan;
  }

  row(id: number): ConnectionRow {
    const c = this.#views.connection(id);
    return connectionRow(
      c,
      this.#vantage.delays(c),
      this.#legs?.of(id) ?? null,
      this.#clock,
      this.#files,
      this.#findingsOf(id),
      this.#allNames,
    );
  }

  *rows(): Generator<ConnectionRow> {
    for (let id = 0; id < this.connections; id++) if (this.shown?.(id) !== false) yield this.row(id);
  }

  /** Those that are reported, in report order. */
  get findings(): readonly Finding[] {
    return this.#reported.findings;
  }

  members(finding: Finding): Members {
    return this.#diagnosis.findings.find((placed) => placed.finding.id === finding.id)?.members ?? new Members(finding.connections);
  }

  firstLeg(id: number): number {
    return this.#legs?.firstOf(id) ?? id;
  }

  connection(id: number): ConnectionView {
    return this.#views.connection(id);
  }

  /** What the reader says of each input; empty before the end. */
  get files(): readonly CaptureFileFacts[] {
    return this.#facts;
  }

  get observedUntil(): { readonly seconds: number; readonly nanos: number } {
    const [seconds, nanos] = this.#clock.epoch(this.#last);
    return { seconds, nanos };
  }

  /** Which connections `--where` and `--from` select; null: all. */
  get shown(): ((id: number) => boolean) | null {
    return this.#reported.shows;
  }

  summary(id: number): ConnectionSummary {
    return connectionSummary(this.#views.connection(id), this.#findingsOf(id), this.#allNames);
  }

  /** An expression of the filter language as a test of connections. @throws WhereError */
  test(where: string): (id: number) => boolean {
    const passes = matcher(
      parseWhere(
        where,
        this.#detectors.map((d) => d.id),
      ),
      this.#rowFacts(),
    );
    return (id) => passes(this.#views.connection(id));
  }

  /** The connection of a packet of a second pass, by tuple and frame; -1 none. */
  connectionOf(packet: Packet, frame: number): number {
    return packet.layer === Layer.TCP ? this.#connectionThen(packet, frame) : -1;
  }

  /** The same of a packet that an ICMP error quotes, which may end behind the ports. */
  connectionQuoted(quoted: Packet, frame: number): number {
    return quoted.protocol === TCP && (quoted.srcPort !== 0 || quoted.dstPort !== 0) ? this.#connectionThen(quoted, frame) : -1;
  }

  /** Which end of a connection sent a packet of it. */
  sideOf(id: number, packet: Packet): Side {
    const { client, server } = this.#views.connection(id);
    if (client.port !== server.port) return packet.srcPort === client.port ? Side.CLIENT : Side.SERVER;
    const { ipVersion, view, srcAt } = packet;
    const source = ipVersion === 6 ? ipv6Text(new Uint8Array(view.buffer, view.byteOffset + srcAt, 16)) : ipv4Text(packet.src);
    return source === client.ip ? Side.CLIENT : Side.SERVER;
  }

  #connectionThen(packet: Packet, frame: number): number {
    let id = this.#tracker.find(packet);
    while (id >= 0) {
      const c = this.#views.connection(id);
      if (c.firstFrame <= frame) return id;
      id = c.previous ?? -1;
    }
    return -1;
  }

  sockets(at?: TimeArgument): Iterable<SocketRow> {
    const when = at === undefined ? this.#last : resolveTime(at, this.#clock);
    if (when < this.#first) throw outside(this.socketSource);
    if (when > this.#last) throw outside(this.socketSource, '--captured-until TIME says that the capture ran longer than its last packet.');
    return socketsAt(this.#views, this.connections, when, this.#clock, this.#legs, this.shown, this.#allNames);
  }

  get socketSource(): SocketSource {
    return {
      views: this.#views,
      connections: this.connections,
      clock: this.#clock,
      legs: this.#legs,
      names: this.#allNames,
      shown: this.shown,
      first: this.#first,
      last: this.#last,
    };
  }

  stateCounts(every: Nanos, host?: string): StateCounts {
    const moments = momentsOf(this.#first, this.#last, every);
    return stateCounts(
      this.#views,
      this.connections,
      moments,
      { host, connections: this.shown ?? undefined },
      this.#clock,
      this.#reported.from,
    );
  }

  distributions(): readonly Distribution[] {
    return distributions(this.connections, (id) => this.#views.connection(id), this.shown);
  }

  #start(record: RawRecord): void {
    this.#started = true;
    if (record.hasTime) this.#clock = new Clock(record.seconds, record.nanos);
    if (this.#options.to !== undefined) this.#until = resolveTime(this.#options.to, this.#clock);
  }

  #endOfObservation(files: readonly CaptureFileFacts[]): Nanos {
    let end = later(this.#last, this.#quietUntil);
    for (const f of files) {
      if (f.endTime && this.#until === Infinity && f.complete) end = later(end, this.#clock.relative(f.endTime.seconds, f.endTime.nanos));
    }
    const { capturedUntil } = this.#options;
    return capturedUntil === undefined ? end : later(end, resolveTime(capturedUntil, this.#clock));
  }

  #diagnose(end: Nanos, isOver = false): void {
    const census = new Census(
      this.#tracker,
      this.#views,
      this.#clock,
      end,
      packetCounts(this.#frames, this.tally, this.decoder, this.#facts),
      this.#names,
      isOver,
    );
    this.#quality = census.quality;
    this.#vantage = census.vantage;
    this.#legs = census.legs;
    this.#diagnosis = diagnose(census, this.#options, this.#files, this.#detectors);
    this.#reported = this.#filter.apply(this.#diagnosis, this.connections, (id) => this.#views.connection(id), this.#rowFacts());
  }

  #rowFacts(): RowFacts {
    return {
      clock: this.#clock,
      delays: (c) => this.#vantage.delays(c),
      leg: ({ id }) => this.#legs?.of(id) ?? null,
      findings: ({ id }) => this.#findingsOf(id),
      names: this.#allNames,
    };
  }

  #findingsOf(id: number): readonly string[] {
    return this.#diagnosis.findings.filter(({ members }) => members.has(id)).map(({ finding }) => finding.id);
  }

  #captureFacts(end: Nanos): CaptureFacts {
    this.tally.tinyFragments = this.decoder.reassembly.tiny;
    const empty = this.#frames === 0;
    const vantage = vantageFacts(this.#vantage);
    const names = reportNames(this.#reported.findings, vantage, this.#allNames, (id) => this.#views.connection(id));
    return {
      files: fileFacts(this.#facts, this.#files, this.#frames),
      packets: this.#frames,
      tcpPackets: this.#tracker.counts.tcp,
      connections: this.connections + this.#tracker.folded.total,
      start: empty ? null : this.#clock.text(this.#first),
      end: empty ? null : this.#clock.text(end),
      durationSeconds: Math.max(0, end - this.#first) / NANOS_PER_SECOND,
      vantage,
      caveats: [
        ...captureCaveats(this.#facts, this.tally, this.#quality, this.#frames, this.#ended),
        ...this.#joined,
        ...foldedCaveats(this.#tracker.folded, this.connections),
        ...this.#diagnosis.caveats,
        ...this.#reported.caveats,
      ],
      ...(names === undefined ? {} : { names }),
    };
  }

  #series(): Series {
    return seriesOf(this.#tracker.tables.series, this.#frames === 0 ? null : this.#clock.text(nanos(0)));
  }
}

const later = (a: Nanos, b: Nanos): Nanos => (a > b ? a : b);
