/**
 * A finished analysis without a capture: an incident at a database client, told by hand. One application leaks sockets, the
 * listener's queue overflows, and unanswered SYNs follow from that. For tests of everything that stands behind the engine.
 */
import { Readable } from 'node:stream';
import type { Footprint } from '../../src/track/footprint.ts';
import { defineDetector, type Detector } from '../../src/detect/detector.ts';
import type { Analysis, StateCounts } from '../../src/engine/analysis.ts';
import type { SegmentTable } from '../../src/engine/correlate/segments.ts';
import { Clock, resolveTime } from '../../src/model/clock.ts';
import { UsageError } from '../../src/model/errors.ts';
import type { Ladder } from '../../src/model/ladder.ts';
import type { Finding } from '../../src/model/finding.ts';
import type { ConnectionRow, Distribution, EndpointRow, Report, SocketRow, StateCountRow } from '../../src/model/report.ts';
import { nanosOf } from '../../src/model/units.ts';
import { UNKNOWN_VANTAGE, vantageFacts } from '../../src/model/vantage.ts';
import type { StateName } from '../../src/model/state.ts';

const DAY = '2026-11-20T';
export const at = (clock: string): string => `${DAY}${clock}Z`;
const START = at('08:33:00.123456789');
const END = at('08:38:12.523456789');

const leak: Finding = {
  id: 'close-wait-stuck/10.0.0.1@10.0.0.9:3306',
  rule: 'close-wait-stuck',
  severity: 'critical',
  confidence: 'high',
  title: '39 connections stuck in CLOSE_WAIT on 10.0.0.1',
  summary:
    '10.0.0.1 has acknowledged the FIN of 10.0.0.9:3306 on 39 connections and has not closed its own side for up to 311 s. Each one holds a descriptor until the process closes it or exits.',
  subject: { host: '10.0.0.1', role: 'client', peer: '10.0.0.9', peerPort: 3306 },
  atFault: '10.0.0.1',
  faultBecause: 'its kernel acknowledged the FIN, so only its application can be missing the close()',
  explainedBy: null,
  since: at('08:33:01.123000000'),
  until: null,
  count: 39,
  connections: [0, 1],
  evidence: [
    { connection: 0, frame: 5, time: at('08:33:01.122000000'), note: 'FIN from 10.0.0.9:3306' },
    { connection: 0, frame: 6, time: at('08:33:01.123000000'), note: 'acknowledged by 10.0.0.1; no FIN follows' },
    { connection: 1, frame: 400, time: at('08:34:00.500000000'), note: 'FIN from 10.0.0.9:3306' },
  ],
  metrics: { longestSeconds: 311.4, perMinute: 7.5 },
  causes: [
    {
      text: 'The connection pool drops connections without closing them',
      likelihood: 'high',
      because: 'all of them were idle when the server closed',
    },
    { text: 'The application hangs', likelihood: 'low', because: 'other connections of the same host still carry data' },
  ],
  remedies: [
    { text: 'Find the process and its descriptors', command: "ss -tanp state close-wait '( dport = :3306 )'", appliesTo: 'Linux' },
    { text: "Set the pool's maximum idle time below the server's wait_timeout", command: null, appliesTo: '' },
  ],
  displayFilter: 'ip.addr==10.0.0.1 && ip.addr==10.0.0.9 && tcp.port==3306',
  caveats: [],
};

const overflow: Finding = {
  ...leak,
  id: 'accept-queue-overflow/10.0.0.7:80',
  rule: 'accept-queue-overflow',
  severity: 'critical',
  confidence: 'medium',
  title: 'The accept queue of 10.0.0.7:80 is full',
  summary: 'Clients completed 12 handshakes, yet 10.0.0.7:80 repeated its SYN-ACK.',
  subject: { host: '10.0.0.7', role: 'server', port: 80 },
  atFault: '10.0.0.7',
  faultBecause: 'it had the third ACK and did not take it',
  since: at('08:35:00.000000000'),
  until: at('08:36:30.500000000'),
  count: 12,
  connections: [2],
  evidence: [{ connection: 2, frame: 500, time: at('08:35:00.000000000'), note: 'SYN-ACK repeated after the third ACK' }],
  metrics: { repeats: 3 },
  causes: [{ text: 'The application is too slow to accept()', likelihood: 'medium', because: 'earlier connections wait for their answer' }],
  remedies: [{ text: 'Compare the queue with its limit', command: 'ss -ltn sport = :80', appliesTo: 'Linux' }],
  displayFilter: 'ip.addr==10.0.0.7 && tcp.port==80',
  caveats: [{ code: 'short-observation', text: 'Seen for 90 s only.', count: 1 }],
};

const unanswered: Finding = {
  ...overflow,
  id: 'syn-unanswered/10.0.0.7:80',
  rule: 'syn-unanswered',
  severity: 'warning',
  confidence: 'high',
  title: '4 connections to 10.0.0.7:80 were never answered',
  summary: 'The SYN was sent up to 7 times.',
  explainedBy: overflow.id,
  since: at('08:35:10.000000000'),
  until: null,
  count: 4,
  connections: [3],
  evidence: [{ connection: 3, frame: 510, time: at('08:35:10.000000000'), note: 'SYN' }],
  metrics: {},
  causes: [],
  remedies: [],
  displayFilter: '',
  caveats: [],
};

export const incident: Report = {
  schemaVersion: 1,
  tool: { name: 'tcpdiag', version: '9.9.9' },
  capture: {
    files: [
      { path: 'incident.pcap', format: 'pcap', bytes: 91_037, packets: 849, linkTypes: ['LINUX_SLL2'], truncated: false, sha256: null },
    ],
    packets: 849,
    tcpPackets: 849,
    connections: 49,
    start: START,
    end: END,
    durationSeconds: 312.4,
    vantage: vantageFacts(UNKNOWN_VANTAGE),
    caveats: [],
  },
  series: {
    bucketSeconds: 60,
    start: START,
    syn: [4],
    synAnswered: [3],
    completed: [3],
    rst: [0],
    retransmissions: [6],
    halfOpen: [1],
    closeWait: [2],
    timeWait: [0],
    connectP50: [0.001],
    connectP99: [null],
  },
  findings: [leak, overflow, unanswered],
  rules: [
    { id: 'close-wait-stuck', verdict: 'found', because: null },
    { id: 'accept-queue-overflow', verdict: 'found', because: null },
    { id: 'syn-unanswered', verdict: 'found', because: null },
    { id: 'rst-injection', verdict: 'clear', because: null },
    { id: 'connection-refused', verdict: 'clear', because: null },
    {
      id: 'port-exhaustion',
      verdict: 'inconclusive',
      because: 'the capture is shorter than a TIME_WAIT; --captured-until says when it stopped.',
    },
    { id: 'filtered-capture', verdict: 'clear', because: null },
    { id: 'syn-flood', verdict: 'not-applicable', because: 'no service took more than 100 SYNs a second' },
  ],
};

export const healthy: Report = {
  ...incident,
  findings: [],
  rules: incident.rules.map((r) => ({ ...r, verdict: 'clear' as const, because: null })),
};

export const empty: Report = {
  ...incident,
  capture: { ...incident.capture, packets: 0, tcpPackets: 0, connections: 0, start: null, end: null, durationSeconds: 0 },
  findings: [],
  rules: incident.rules.map((r) => ({ id: r.id, verdict: 'not-applicable' as const, because: 'no packet' })),
};

const end = (ip: string, port: number, state: StateName): EndpointRow => ({
  ip,
  port,
  state,
  stateSince: at('08:33:01.123000000'),
  packets: 3,
  ipBytes: 420,
  payloadBytes: 78,
  syn: 1,
  synAck: 0,
  fin: 0,
  rst: 0,
  firstSynFrame: 1,
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

export const connectionRow = (id: number): ConnectionRow => ({
  type: 'connection',
  id,
  client: end('10.0.0.1', 54_200 + id, 'CLOSE_WAIT'),
  server: end('10.0.0.9', 3306, 'FIN_WAIT_2'),
  encapsulation: ['vlan:7'],
  basis: 'handshake',
  rolesFrom: 'handshake',
  start: START,
  end: END,
  duration: 21.4,
  firstFrame: 1 + id,
  lastFrame: 848,
  connectSeconds: 1.0062,
  handshakeRtt: 0.0011,
  clientSideRtt: null,
  serverSideRtt: null,
  outcome: 'leaked',
  closedBy: 'server',
  connState: 'S2',
  history: 'ShADadFa',
  completeness: 31,
  transitions: [{ time: START, frame: 1 + id, endpoint: 'client', from: 'CLOSED', to: 'SYN_SENT', cause: 'sends SYN' }],
  findings: [leak.id],
});

const socket = (host: string, local: string, remote: string, state: StateName): SocketRow => ({
  type: 'socket',
  at: END,
  host,
  local,
  remote,
  state,
  since: at('08:33:01.123000000'),
  basis: 'handshake',
  connection: 0,
});

const SOCKETS: readonly SocketRow[] = [
  socket('10.0.0.1', '10.0.0.1:54200', '10.0.0.9:3306', 'CLOSE_WAIT'),
  socket('10.0.0.9', '10.0.0.9:3306', '10.0.0.1:54200', 'FIN_WAIT_2'),
  socket('2001:db8::1', '[2001:db8::1]:443', '[2001:db8::2]:50000', 'SYN_RCVD'),
];

const COUNTS: readonly StateCountRow[] = [
  { type: 'states', at: START, host: '10.0.0.1', counts: { ESTABLISHED: 2, CLOSE_WAIT: 39 } },
  { type: 'states', at: START, host: '2001:db8::1', counts: {} },
  { type: 'states', at: START, host: 'others', hosts: 4711, counts: { ESTABLISHED: 12_000 } },
];

/** A handshake that is lost in silence, with a frame that proves a finding and a timer behind it. */
export function fakeLadder(id: number): Ladder {
  const segment = {
    frame: 1 + id,
    time: START,
    at: 0,
    delta: 0,
    from: 'client',
    flags: 'S',
    seq: 0,
    ack: null,
    length: 0,
    window: 64_240,
  } as const;
  const opened = 'client CLOSED → SYN_SENT: sends SYN';
  const gone = { time: at('08:33:07.123456789'), frame: null, endpoint: 'client', from: 'SYN_SENT', to: 'CLOSED', assumed: true } as const;
  const row = connectionRow(id);
  return {
    connection: {
      ...row,
      server: end('10.0.0.9', 3306, 'CLOSED'),
      transitions: [...row.transitions, { ...gone, cause: 'gives up: the next SYN is not sent' }],
    },
    rows: [
      { ...segment, notes: [], clientState: 'SYN_SENT', serverState: 'CLOSED', transitions: [opened] },
      { ...segment, frame: 6, at: 3, delta: 3, notes: ['retransmission'], clientState: 'SYN_SENT', serverState: 'CLOSED', transitions: [] },
      { frame: null, time: gone.time, at: 7, from: 'client', clientState: 'CLOSED', serverState: 'CLOSED', transitions: ['given up'] },
    ],
    omitted: 0,
    omittedAt: 3,
    evidence: [{ frame: 6, finding: leak.id, note: 'acknowledged by 10.0.0.1; no FIN follows' }],
  };
}

export function fakeAnalysis(
  report: Report = incident,
  rows: () => Iterable<ConnectionRow> = () => [0, 1, 2].map(connectionRow),
): Analysis {
  const clock = new Clock(Date.parse(`${DAY}08:33:00Z`) / 1_000, 123_456_789);
  return {
    clock,
    report,
    connections: rows,
    sockets(moment) {
      if (moment !== undefined) {
        const t = resolveTime(moment, clock);
        if (t < 0 || t > nanosOf(312.4)) throw new UsageError(`--at lies outside the capture, which runs from ${START} to ${END}.`);
      }
      return SOCKETS;
    },
    stateCounts: (_every, only) => {
      const states: StateCounts['states'] = ['ESTABLISHED', 'CLOSE_WAIT'];
      if (only === undefined) return { states, hosts: 2, others: 4711, rows: COUNTS };
      const rows = COUNTS.filter(({ host }) => host === only);
      return { states, hosts: Math.min(1, rows.length), others: 0, rows };
    },
    ladder: (id) =>
      id < 3
        ? Promise.resolve(fakeLadder(id))
        : Promise.reject(new UsageError(`there is no connection ${String(id)}: the capture has 0 to 2`)),
    partial: () => Readable.from([]),
    extract: () => Promise.reject(new UsageError('there is nothing to take out of an analysis without a capture.')),
    ladders: (ids) => Promise.resolve(new Map(ids.map((id) => [id, fakeLadder(id)] as const))),
    distributions: () => DISTRIBUTIONS,
    segments: () => Promise.resolve(NO_SEGMENTS),
    footprint: () => FOOTPRINT,
    close: () => undefined,
  };
}

const NO_SEGMENTS: SegmentTable = { byConnection: new Map(), first: 0, last: 0, oneIn: 1, cutAt: null, thinned: () => NO_SEGMENTS };

const DISTRIBUTIONS: readonly Distribution[] = [
  { of: 'connectSeconds', count: 3, p50: 0.0011, p99: 1.0062, max: 1.0062, zeros: 0, bins: [{ from: 0.001, to: 0.002, count: 2 }] },
  { of: 'durationSeconds', count: 0, p50: null, p99: null, max: null, zeros: 0, bins: [] },
];

const FOOTPRINT: Footprint = {
  lone: 0,
  halfOpen: 1,
  others: 48,
  packed: 40,
  octetsOfLone: 73,
  octetsOfHalfOpen: 121,
  octetsOfOthers: 640,
  octetsOfPacked: 350,
  events: 14,
  octetsOfEvent: 20,
  packedLogs: 40,
  octetsOfPackedLog: 31,
  tableLoad: 0.25,
  octets: 3_000_000,
};

const docs = {
  what: 'One side has acknowledged the FIN of the other and sends none.',
  why: 'Each one holds a descriptor.',
  how: 'It waits.',
  never: 'Data still flows.',
  limits: 'Needs the FIN.',
  references: ['RFC 9293 §3.6'],
};
const rule = (id: string, category: Detector['category'], params: Detector['params']): Detector =>
  defineDetector({ id, title: `Title of ${id}`, severity: 'critical', category, docs, params, detect: () => ({ verdict: 'clear' }) });

export const fakeRules: readonly Detector[] = [
  rule('close-wait-stuck', 'close', {
    minSeconds: { default: 60, text: 'Seconds in CLOSE_WAIT.' },
    minGroup: { default: 5, text: 'Sockets of one service.' },
  }),
  rule('syn-flood', 'flood', { minSynsPerSecond: { default: 100, text: 'SYNs a second.' } }),
  rule('filtered-capture', 'capture', {}),
];
