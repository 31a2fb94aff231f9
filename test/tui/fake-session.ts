/**
 * A session for the screens: an incident that could be real, of any size, without a capture.
 *
 * An application on 10.0.0.1 leaks its MySQL connections (CLOSE_WAIT), port 8080 refuses, port 443 is flooded. Connections are
 * computed from their id, so that 100,000 of them cost nothing. Nothing happens by itself: tests let it read, answer and fail.
 */
import type {
  ConnectionSummary,
  Conversation,
  Explanation,
  Ladder,
  LadderRow,
  PacketDetail,
  Questions,
  QuestionName,
  Session,
  Snapshot,
} from '../../src/engine/protocol.ts';
import type { Finding } from '../../src/model/finding.ts';
import { parseWhere, type Where } from '../../src/model/where/parse.ts';
import type { ConnectionRow, EndpointRow, Report, Series } from '../../src/model/report.ts';
import { fakeFindings } from './fake-findings.ts';
import { fakePacket } from './fake-packet.ts';
import { fakeChart, fakeMoment, fakePeers, fakeSockets } from './fake-time.ts';
import { UNKNOWN_VANTAGE, vantageFacts } from '../../src/model/vantage.ts';
import type { StateName } from '../../src/model/state.ts';

export const LEAKED = 39;
/** The leak grows steadily, the flood is a peak of 80 s. */
const SERIES: Series = {
  bucketSeconds: 4,
  start: '2026-11-20T08:33:00.000000000Z',
  syn: Array.from({ length: 80 }, (_, i) => (i >= 25 && i < 45 ? 192_000 : 2)),
  synAnswered: Array.from({ length: 80 }, () => 2),
  completed: Array.from({ length: 80 }, () => 2),
  rst: Array.from({ length: 80 }, (_, i) => (i % 7 === 0 ? 3 : 0)),
  retransmissions: Array.from({ length: 80 }, () => 0),
  halfOpen: Array.from({ length: 80 }, (_, i) => (i >= 25 && i < 60 ? 256 : 0)),
  closeWait: Array.from({ length: 80 }, (_, i) => Math.min(LEAKED, Math.floor(i / 2))),
  timeWait: Array.from({ length: 80 }, () => 0),
  connectP50: Array.from({ length: 80 }, () => 0.001),
  connectP99: Array.from({ length: 80 }, () => 0.004),
};

export const timeAt = (seconds: number): string =>
  new Date(Date.UTC(2026, 10, 20, 8, 33, 0) + Math.floor(seconds * 1000)).toISOString().replace('Z', '000000Z');

export interface FakeOptions {
  readonly connections?: number;
  readonly findings?: readonly Finding[];
  /** Starts with the capture only partly read; `read()` goes on. */
  readonly reading?: boolean;
  /** Packets come as they happen, until all is read. */
  readonly live?: boolean;
}

export class FakeSession implements Session {
  readonly done: Promise<Report>;
  /** How often each question was asked: paging must not fetch everything. */
  readonly asked: { question: QuestionName; ask: unknown }[] = [];
  closed = false;
  #snapshot: Snapshot;
  #finish: (report: Report) => void = () => undefined;
  #fail: (error: Error) => void = () => undefined;
  #gate: Promise<void> = Promise.resolve();
  #open: () => void = () => undefined;
  readonly #refused = new Map<QuestionName, string>();
  readonly #listeners = new Set<() => void>();
  readonly #total: number;
  readonly #live: boolean;
  readonly #findings: readonly Finding[];

  constructor(options: FakeOptions = {}) {
    this.#total = options.connections ?? 49;
    this.#findings = options.findings ?? fakeFindings();
    this.#live = options.live === true;
    this.done = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    this.done.catch(() => undefined);
    this.#snapshot = this.#at(options.reading === true ? 0 : 1, 1, options.reading === true ? [] : this.#findings);
    if (options.reading !== true) this.#finish(this.#report());
  }

  snapshot(): Snapshot {
    return this.#snapshot;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads up to `share` of the capture (1: all of it); `findings` are those known by then. */
  read(share: number, findings: readonly Finding[] = this.#findings): void {
    this.#set(this.#at(share, this.#snapshot.revision + 1, findings));
    if (share >= 1) this.#finish(this.#report());
  }

  fail(message: string): void {
    const failed = this.#snapshot;
    this.#set({ ...failed, revision: failed.revision + 1, error: message, progress: { ...failed.progress, phase: 'failed' } });
    this.#fail(new Error(message));
  }

  /** Answers wait from now on, until `release`. */
  hold(): void {
    this.#gate = new Promise((resolve) => (this.#open = resolve));
  }

  release(): void {
    this.#open();
    this.#gate = Promise.resolve();
  }

  /** From now on this question cannot be answered. */
  refuse(question: QuestionName, message: string): void {
    this.#refused.set(question, message);
  }

  async ask<Q extends QuestionName>(question: Q, ask: Questions[Q]['ask']): Promise<Questions[Q]['answer']> {
    this.asked.push({ question, ask });
    await this.#gate;
    const refusal = this.#refused.get(question);
    if (refusal !== undefined) throw new Error(refusal);
    return this.#answer(question, ask) as Questions[Q]['answer'];
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  #answer(question: QuestionName, ask: unknown): unknown {
    switch (question) {
      case 'connections':
        return this.#connections(ask as Questions['connections']['ask']);
      case 'ladder':
        return fakeLadder((ask as Questions['ladder']['ask']).connection);
      case 'packet':
        return fakePacketAt((ask as Questions['packet']['ask']).frame);
      case 'explain':
        return fakeExplanation((ask as Questions['explain']['ask']).rule);
      case 'follow':
        return fakeConversation((ask as Questions['follow']['ask']).connection);
      case 'connection':
        return fakeLadder((ask as Questions['connection']['ask']).connection).connection;
      case 'chart':
        return fakeChart();
      case 'sockets':
        return fakeSockets(ask as Questions['sockets']['ask'], this.#snapshot.capture.connections);
      case 'moment':
        return fakeMoment(ask as Questions['moment']['ask']);
      case 'peers':
        return fakePeers(ask as Questions['peers']['ask']);
      case 'extract':
        return {
          packets: 713,
          bytes: 90_000,
          connections: 39,
          neighbours: 0,
          lastTime: { seconds: 1_795_163_580, nanos: 0 },
          endLost: false,
          blank: 0,
        };
    }
  }

  #connections(ask: Questions['connections']['ask']): Questions['connections']['answer'] {
    const total = this.#snapshot.capture.connections;
    const count = ask.finding === null ? total : Math.min(total, this.#findings.find((f) => f.id === ask.finding)?.count ?? 0);
    const test = ask.where === '' ? null : passes(parseWhere(ask.where));
    const at = (i: number): ConnectionSummary => fakeConnection(ask.descending ? count - 1 - i : i);
    if (test === null) {
      const rows = Array.from({ length: Math.max(0, Math.min(ask.limit, count - ask.offset)) }, (_, i) => at(ask.offset + i));
      return { total: count, rows };
    }
    const matching: ConnectionSummary[] = [];
    for (let i = 0; i < count; i++) {
      const row = at(i);
      if (test(row)) matching.push(row);
    }
    return { total: matching.length, rows: matching.slice(ask.offset, ask.offset + ask.limit) };
  }

  #set(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    for (const listener of this.#listeners) listener();
  }

  #at(share: number, revision: number, findings: readonly Finding[]): Snapshot {
    const connections = Math.round(this.#total * share);
    const packets = connections * 17 + Math.round(16 * share);
    const durationSeconds = 321.4 * share;
    return {
      revision,
      progress: {
        phase: share >= 1 ? 'done' : 'reading',
        bytesRead: Math.round(91_037 * share),
        bytesTotal: 91_037,
        packets,
        connections,
        captureSeconds: durationSeconds,
        elapsedSeconds: 10 * share,
        ...(this.#live && share < 1 ? { quietSeconds: 0 } : {}),
      },
      capture: {
        files: [
          { path: 'incident.pcap', format: 'pcap', bytes: 91_037, packets, linkTypes: ['LINUX_SLL2'], truncated: false, sha256: null },
        ],
        packets,
        tcpPackets: packets,
        connections,
        start: share === 0 ? null : timeAt(0),
        end: share === 0 ? null : timeAt(durationSeconds),
        durationSeconds,
        vantage: vantageFacts(UNKNOWN_VANTAGE),
        caveats: [],
      },
      series: SERIES,
      findings,
      error: null,
    };
  }

  #report(): Report {
    return {
      schemaVersion: 1,
      tool: { name: 'tcpdiag', version: '0.0.0' },
      capture: this.#snapshot.capture,
      series: SERIES,
      findings: this.#snapshot.findings,
      rules: [
        { id: 'close-wait-stuck', verdict: this.#findings.length > 0 ? 'found' : 'clear', because: null },
        { id: 'time-wait-excess', verdict: 'clear', because: null },
        { id: 'port-exhaustion', verdict: 'inconclusive', because: 'the capture is shorter than the 60 s that TIME_WAIT lasts' },
      ],
    };
  }
}

/** As much of the filter language as the tests of screens type. */
function passes(where: Where): (row: ConnectionSummary) => boolean {
  switch (where.kind) {
    case 'and':
      return (row) => where.parts.every((part) => passes(part)(row));
    case 'or':
      return (row) => where.parts.some((part) => passes(part)(row));
    case 'not':
      return (row) => !passes(where.part)(row);
    case 'endpoint':
      return () => false;
    case 'field': {
      const { field, operand } = where;
      const of: Readonly<Record<string, (row: ConnectionSummary) => readonly (string | number)[]>> = {
        state: (row) => [row.clientState, row.serverState],
        outcome: (row) => [row.outcome],
        'server.port': (row) => [Number(row.server.split(':')[1])],
      };
      return (row) => of[field.name]?.(row).includes(operand as string | number) === true;
    }
  }
}

export function fakeConnection(id: number): ConnectionSummary {
  const leaked = id < LEAKED;
  const client = leaked ? '10.0.0.1' : `10.0.${String((id >> 8) & 255)}.${String(id & 255)}`;
  return {
    id,
    client: `${client}:${String(1024 + ((id * 2) % 60_000))}`,
    server: leaked ? '10.0.0.9:3306' : '10.0.0.20:443',
    clientState: leaked ? 'CLOSE_WAIT' : 'SYN_SENT',
    serverState: leaked ? 'FIN_WAIT_2' : 'SYN_RCVD',
    outcome: leaked ? 'leaked' : 'half-open',
    startSeconds: id * 0.004,
    duration: leaked ? 312.4 - id : 3.1,
    packets: leaked ? 9 : 4,
    bytes: leaked ? 734 : 240,
    retransmissions: leaked ? 1 : 0,
    connectSeconds: leaked ? 0.0011 : null,
    basis: 'handshake',
    findings: leaked ? ['close-wait-stuck/10.0.0.1@10.0.0.9:3306'] : [],
  };
}

const endpoint = (ip: string, port: number, state: StateName): EndpointRow => ({
  ip,
  port,
  state,
  stateSince: timeAt(20.1),
  packets: 5,
  ipBytes: 420,
  payloadBytes: 78,
  syn: 1,
  synAck: 0,
  fin: 0,
  rst: 0,
  firstSynFrame: 3,
  firstSynAckFrame: null,
  firstFinFrame: null,
  firstRstFrame: null,
  retransmissions: 0,
  outOfOrder: 0,
  missedBytes: 0,
  sequenceBytes: 0,
  endSent: null,
  delaySeconds: null,
  options: null,
});

const FIRST_FRAME = 392;

/** [seconds, sender, flags, seq, ack, length, notes, client state, server state, transitions] */
const SEGMENTS: readonly [
  number,
  'client' | 'server',
  string,
  number,
  number | null,
  number,
  readonly string[],
  string,
  string,
  readonly string[],
][] = [
  [0, 'client', 'S', 0, null, 0, [], 'SYN_SENT', 'CLOSED', ['client CLOSED → SYN_SENT: sends SYN']],
  [0.000512, 'server', 'S.', 0, 1, 0, [], 'SYN_SENT', 'SYN_RCVD', ['server CLOSED → SYN_RCVD: answers the SYN with SYN-ACK']],
  [
    0.001103,
    'client',
    '.',
    1,
    1,
    0,
    [],
    'ESTABLISHED',
    'ESTABLISHED',
    ['client SYN_SENT → ESTABLISHED: acknowledges the SYN-ACK', 'server SYN_RCVD → ESTABLISHED: its SYN-ACK is acknowledged'],
  ],
  [0.00152, 'server', 'P.', 1, 1, 78, [], 'ESTABLISHED', 'ESTABLISHED', []],
  [0.0021, 'client', 'P.', 1, 79, 188, [], 'ESTABLISHED', 'ESTABLISHED', []],
  [0.2031, 'client', 'P.', 1, 79, 188, ['retransmission'], 'ESTABLISHED', 'ESTABLISHED', []],
  [0.2036, 'server', 'P.', 79, 189, 11, [], 'ESTABLISHED', 'ESTABLISHED', []],
  [0.2441, 'client', '.', 189, 90, 0, [], 'ESTABLISHED', 'ESTABLISHED', []],
  [
    20.1039,
    'server',
    'F.',
    90,
    189,
    0,
    [],
    'CLOSE_WAIT',
    'FIN_WAIT_1',
    ['server ESTABLISHED → FIN_WAIT_1: sends FIN', 'client ESTABLISHED → CLOSE_WAIT: FIN of the server'],
  ],
  [20.1441, 'client', '.', 189, 91, 0, [], 'CLOSE_WAIT', 'FIN_WAIT_2', ['server FIN_WAIT_1 → FIN_WAIT_2: its FIN is acknowledged']],
];

export const FIN_FRAME = FIRST_FRAME + 8;

export function fakeLadder(connection: number): Ladder {
  const rows: LadderRow[] = SEGMENTS.map(([at, from, flags, seq, ack, length, notes, clientState, serverState, transitions], i) => ({
    frame: FIRST_FRAME + i,
    time: timeAt(at),
    at,
    delta: i === 0 ? 0 : at - SEGMENTS[i - 1]![0],
    from,
    flags,
    seq,
    ack,
    length,
    window: 64_128,
    notes,
    clientState,
    serverState,
    transitions,
  }));
  rows.push({
    frame: null,
    time: timeAt(80.1441),
    at: 80.1441,
    from: 'server',
    clientState: 'CLOSE_WAIT',
    serverState: 'CLOSED',
    transitions: ['server FIN_WAIT_2 → CLOSED: orphaned for 60 s (tcp_fin_timeout)'],
  });
  const row: ConnectionRow = {
    type: 'connection',
    id: connection,
    client: endpoint('10.0.0.1', 54_200, 'CLOSE_WAIT'),
    server: endpoint('10.0.0.9', 3306, 'CLOSED'),
    encapsulation: [],
    basis: 'handshake',
    rolesFrom: 'handshake',
    start: timeAt(0),
    end: timeAt(20.1441),
    duration: 20.1441,
    firstFrame: FIRST_FRAME,
    lastFrame: FIRST_FRAME + SEGMENTS.length - 1,
    connectSeconds: 0.001103,
    handshakeRtt: 0.001103,
    clientSideRtt: null,
    serverSideRtt: null,
    outcome: 'leaked',
    closedBy: 'server',
    connState: 'S2',
    history: 'ShADadFa',
    completeness: 31,
    transitions: [],
    findings: ['close-wait-stuck/10.0.0.1@10.0.0.9:3306'],
  };
  return {
    connection: row,
    rows,
    omitted: 0,
    omittedAt: 0,
    evidence: [
      {
        frame: FIN_FRAME,
        finding: 'close-wait-stuck/10.0.0.1@10.0.0.9:3306',
        note: 'FIN from 10.0.0.9; from here on 10.0.0.1 owes its own',
      },
      {
        frame: FIN_FRAME + 1,
        finding: 'close-wait-stuck/10.0.0.1@10.0.0.9:3306',
        note: 'the kernel of 10.0.0.1 acknowledges the FIN; its application says nothing more',
      },
    ],
  };
}

/** A MySQL greeting with octets that are no text, a statement, a gap, an answer. */
function fakeConversation(connection: number): Conversation {
  const octets = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
  const turns: Conversation['turns'] = [
    { from: 'server', frame: FIRST_FRAME + 3, at: 0.00152, missing: 0, octets: octets('J\x00\x00\x00\n8.0.36\x00mysql_native_password') },
    { from: 'client', frame: FIRST_FRAME + 4, at: 0.0021, missing: 0, octets: octets('SELECT id, name\r\n\tFROM orders\r\n') },
    { from: 'server', frame: FIRST_FRAME + 6, at: 0.2036, missing: 120, octets: octets('\x07orders ok') },
  ];
  return {
    connection: fakeLadder(connection).connection,
    turns,
    skipped: 0,
    shown: turns.reduce((sum, turn) => sum + turn.octets.length, 0),
    more: false,
  };
}

function fakePacketAt(frame: number): PacketDetail {
  const segment = SEGMENTS[frame - FIRST_FRAME] ?? SEGMENTS[0]!;
  const [at, from, flags, seq, ack, length, notes] = segment;
  return fakePacket({ frame, time: timeAt(at), fromClient: from === 'client', flags, seq, ack: ack ?? 0, length, notes });
}

const fakeExplanation = (rule: string): Explanation => ({
  rule,
  title: 'An application never closes its side',
  sections: [
    {
      heading: 'What',
      text: 'The peer has closed, the kernel has acknowledged that, and the application has not called close(). The socket stays in CLOSE_WAIT until the process ends.',
    },
    { heading: 'Why it matters', text: 'Each one holds a file descriptor. When they run out, accept() and connect() fail with EMFILE.' },
    {
      heading: 'How it is decided',
      text: Array.from({ length: 12 }, (_, i) => `Step ${String(i + 1)}: the FIN was acknowledged and no FIN or RST followed.`).join('\n'),
    },
    { heading: 'Never', text: 'When data still flows towards the peer: that is a half-close, and legitimate.' },
    { heading: 'References', text: 'RFC 9293 §3.6' },
  ],
});
