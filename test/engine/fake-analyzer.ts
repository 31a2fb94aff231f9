/**
 * The smallest analyzer that a session can drive: connections by ports, one rule ("somebody sent RST"), and a hook that runs whenever
 * the rules do. For tests of when a session looks, not of what an analysis finds.
 */
import type { Nanos } from '../../src/model/units.ts';
import { AHEAD } from '../../src/capture/index.ts';
import type { RawRecord } from '../../src/capture/reader.ts';
import { Decoder } from '../../src/decode/index.ts';
import { Layer, Packet } from '../../src/decode/packet.ts';
import { Members } from '../../src/engine/members.ts';
import type { ConnectionSummary } from '../../src/engine/protocol.ts';
import type { SessionAnalyzer } from '../../src/engine/session.ts';
import { type AnalysisState, firstSnapshot } from '../../src/engine/snapshots.ts';
import { Flag } from '../../src/model/flags.ts';
import type { ConnectionRow, Report } from '../../src/model/report.ts';
import { Foresight } from '../../src/track/foresight.ts';
import { Tables } from '../../src/track/tables.ts';
import { connectionRow } from './rows.ts';

export class FakeAnalyzer implements SessionAnalyzer {
  readonly decoder = new Decoder();
  readonly shown = null;
  readonly payload = true;
  readonly foresight = new Foresight(new Tables(), AHEAD);
  packets = 0;
  captureSeconds = 0;
  /** What each run of the rules was told. */
  readonly quiets: number[] = [];
  ruleRuns = 0;
  readonly #onRules: () => void;
  readonly #packet = new Packet();
  readonly #ports: string[] = [];
  readonly #rows: { first: number; last: number; reset: boolean }[] = [];

  constructor(onRules: () => void = () => undefined) {
    this.#onRules = onRules;
  }

  readonly findings = [];
  readonly files = [];
  readonly observedUntil = { seconds: 0, nanos: 0 };

  members(): Members {
    return new Members([]);
  }

  firstLeg(id: number): number {
    return id;
  }

  connection(): { start: Nanos; end: Nanos; previous: null } {
    return { start: 0 as Nanos, end: 0 as Nanos, previous: null };
  }

  connectionQuoted(): number {
    return -1;
  }

  get connections(): number {
    return this.#rows.length;
  }

  get socketSource(): never {
    throw new Error('this small one has no states');
  }

  record(record: RawRecord): boolean {
    this.packets++;
    const packet = this.#packet;
    this.decoder.decode(packet, record.linkType, record.view, record.at, record.capLen, record.origLen);
    if (packet.layer !== Layer.TCP) return true;
    if (this.connectionOf(packet) < 0) {
      this.#ports.push(portsOf(packet));
      this.#rows.push({ first: this.packets, last: 0, reset: false });
    }
    const row = this.#rows[this.connectionOf(packet)]!;
    row.last = this.packets;
    row.reset ||= (packet.flags & Flag.RST) !== 0;
    return true;
  }

  interrupt(): void {
    // A report of this small one does not say why it ended.
  }

  saidPlan(): null {
    return null;
  }

  connectionOf(packet: Packet): number {
    return this.#ports.indexOf(portsOf(packet));
  }

  row(id: number): ConnectionRow {
    const { first, last } = this.#rows[id]!;
    const [client, server] = this.#ports[id]!.split(' ').map(Number);
    const plain = connectionRow({});
    return {
      ...plain,
      id,
      firstFrame: first,
      lastFrame: last,
      client: { ...plain.client, port: client! },
      server: { ...plain.server, port: server! },
    };
  }

  test(): (id: number) => boolean {
    return () => true;
  }

  summary(id: number): ConnectionSummary {
    const { client, server } = this.row(id);
    return {
      id,
      client: `${client.ip}:${String(client.port)}`,
      server: `${server.ip}:${String(server.port)}`,
      clientState: 'CLOSED',
      serverState: 'CLOSED',
      outcome: this.#rows[id]!.reset ? 'reset' : 'ok',
      startSeconds: 0,
      duration: 0,
      packets: 0,
      bytes: 0,
      retransmissions: 0,
      connectSeconds: null,
      basis: 'handshake',
      findings: [],
    };
  }

  snapshot(quiet = 0): AnalysisState {
    this.quiets.push(quiet);
    this.ruleRuns++;
    this.#onRules();
    const { capture, series } = firstSnapshot();
    return { capture: { ...capture, packets: this.packets, connections: this.connections }, series, findings: [] };
  }

  finish(): Report {
    return { schemaVersion: 1, tool: { name: 'tcpdiag', version: '0' }, rules: [], ...this.snapshot() };
  }
}

/** The higher port is the client's. */
const portsOf = ({ srcPort, dstPort }: Packet): string => `${String(Math.max(srcPort, dstPort))} ${String(Math.min(srcPort, dstPort))}`;
