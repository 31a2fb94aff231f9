/**
 * The states that the tracker infers against what the kernels said (`ss` on both hosts), for every fixture.
 *
 * Between a socket and the capture point lies the one-way delay, so a sample agrees when the connection passes through the
 * kernel's state within that time, or within the 40 ms of a delayed ACK after it (until then no capture can show that a
 * FIN arrived). Kernel timers fire late: where a timer ended a state at its nominal time, 10 % of the stay and 2 s are
 * allowed. What a capture cannot show at all is listed in `CANNOT_KNOW`, with the reason, and counted exactly.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { analyse } from '../../src/engine/analyse.ts';
import { parseTimeArgument } from '../../src/model/clock.ts';
import type { ConnectionRow } from '../../src/model/report.ts';

const FIXTURES = new URL('../../fixtures/', import.meta.url);

interface Sample {
  /** Seconds since 1970. */
  readonly time: number;
  readonly label: string;
  readonly side: 'client' | 'server';
  readonly sockets?: readonly (readonly [local: string, remote: string, state: string])[];
  readonly counts?: Readonly<Record<string, number>>;
}

interface Kernel {
  readonly captureStop: number;
  readonly oneWayDelayMs: number;
  readonly hosts: Readonly<Record<string, string>>;
  readonly samples: readonly Sample[];
}

interface Exclusion {
  readonly reason: string;
  /** Samples of sockets, kernel → inferred. */
  readonly disagreements: Readonly<Record<string, number>>;
}

/** Disagreements that no observer at the capture point could avoid; `none` is no socket. */
const CANNOT_KNOW: Readonly<Record<string, readonly Exclusion[]>> = {
  accept_overflow_closed: [
    {
      reason: 'room again: whether the ACK of the last SYN-ACK was taken, or only the FIN that follows it',
      disagreements: { 'ESTABLISHED → SYN_RCVD': 6 },
    },
  ],
  capture_with_gaps: [
    {
      reason: 'packets were taken out of the file, FINs and last ACKs among them',
      disagreements: {
        'none → FIN_WAIT_2': 3,
        'none → LAST_ACK': 2,
        'none → ESTABLISHED': 1,
        'none → CLOSE_WAIT': 1,
        'TIME_WAIT → FIN_WAIT_1': 2,
        'TIME_WAIT → CLOSE_WAIT': 3,
      },
    },
  ],
  defer_accept: [
    { reason: 'TCP_DEFER_ACCEPT ignores the third ACK in silence, until data come', disagreements: { 'SYN_RCVD → ESTABLISHED': 6 } },
  ],
  fin_wait2_orphan_timeout: [
    { reason: 'tcp_fin_timeout was 6 s instead of 60 s; no packet tells', disagreements: { 'none → FIN_WAIT_2': 16 } },
  ],
  firewall_idle_cut: [
    { reason: "the firewall's RSTs in the server's name never were the server's", disagreements: { 'ESTABLISHED → none': 2 } },
  ],
  half_open_reboot: [
    {
      reason: 'the server restarted, and its RSTs never reached the client, where the capture is',
      disagreements: { 'none → ESTABLISHED': 5 },
    },
  ],
  keepalive_dead_peer: [
    { reason: "the server's probes and its RST are lost behind the capture point", disagreements: { 'ESTABLISHED → none': 3 } },
  ],
  land_attack: [{ reason: 'a crafted SYN: the kernel of its source has no socket for it', disagreements: { 'none → SYN_SENT': 1 } }],
  loss_behind_capture: [
    { reason: "the server's SYN-ACK was lost before the capture point", disagreements: { 'SYN_RCVD → none': 10 } },
    { reason: "the server's FIN was lost before the capture point", disagreements: { 'FIN_WAIT_1 → ESTABLISHED': 2 } },
  ],
  midstream_capture: [
    { reason: 'no packet of the connection was captured yet', disagreements: { 'ESTABLISHED → none': 12 } }, // one of them never sends any
  ],
  one_direction_capture: [
    { reason: 'the ACKs of the FINs are in the direction that was not captured', disagreements: { 'TIME_WAIT → FIN_WAIT_1': 29 } },
  ],
  orphan_timers: [
    {
      reason: "the client's FINs are lost behind the capture point",
      disagreements: { 'ESTABLISHED → CLOSE_WAIT': 12, 'FIN_WAIT_2 → TIME_WAIT': 4, 'none → TIME_WAIT': 2 },
    },
  ],
  paws_rejects: [{ reason: 'a crafted SYN: the kernel of its source has no socket for it', disagreements: { 'none → SYN_SENT': 2 } }],
  portscan_flags: [
    { reason: 'a crafted SYN with FIN: the kernel of its source has no socket for it', disagreements: { 'none → SYN_SENT': 34 } },
  ],
  portscan_syn: [{ reason: 'a crafted SYN: the kernel of its source has no socket for it', disagreements: { 'none → SYN_SENT': 1 } }],
  rst_every_state: [
    {
      reason: "the client's FIN was lost behind the capture point, so the RST after it is not the one that the server expects",
      disagreements: { 'ESTABLISHED → none': 2, 'FIN_WAIT_2 → TIME_WAIT': 1, 'FIN_WAIT_2 → none': 2 },
    },
  ],
  syn_cookie_late: [
    {
      reason: 'the clients gave up in silence, and the SYN-ACKs were lost behind the capture point',
      disagreements: { 'none → ESTABLISHED': 28 },
    },
    { reason: 'a SYN cookie is told from a SYN-ACK that will be repeated by time alone', disagreements: { 'none → SYN_RCVD': 9 } },
  ],
  syn_flood_no_cookies: [
    { reason: 'a crafted SYN: the kernel of its source has no socket for it', disagreements: { 'none → SYN_SENT': 1 } },
  ],
  syn_odd: [{ reason: "the server's SYN-ACK was lost before the capture point", disagreements: { 'SYN_RCVD → SYN_SENT': 2 } }],
  syn_queue_pressure: [
    {
      reason: 'the clients gave up in silence, and the SYN-ACKs were lost behind the capture point',
      disagreements: { 'none → ESTABLISHED': 44 },
    },
    { reason: "the kernel's timer of 4 s fires late", disagreements: { 'SYN_RCVD → none': 1 } },
  ],
  time_wait_assassination: [
    { reason: 'tcp_rfc1337 was 1 in one of the two: TIME_WAIT stays, and no packet tells', disagreements: { 'TIME_WAIT → none': 2 } },
  ],
  timers_run_out: [
    {
      reason: 'every SYN-ACK was lost behind the capture point, and the client gave up in silence',
      disagreements: { 'none → ESTABLISHED': 42 },
    },
    { reason: 'the RST to the dead peer was lost behind the capture point', disagreements: { 'ESTABLISHED → none': 32 } },
  ],
  user_timeout: [{ reason: 'TCP_USER_TIMEOUT ends a socket in silence', disagreements: { 'none → ESTABLISHED': 3 } }],
};

/** Milliseconds: clocks of ss and of the capture are one clock, but not one instant. */
const SLACK = 2;
/** Linux TCP_DELACK_MIN, and its lateness. */
const DELAYED_ACK = 42;
/** ss takes that long at least to list the sockets of a host. */
const SS_TAKES = 10;
/** Seconds; shorter stays are not ended by a timer that may be late by so much. */
const TIMER_MIN = 10;

const names = readdirSync(FIXTURES)
  .filter((name) => name.endsWith('.kernel.json'))
  .map((name) => name.slice(0, -'.kernel.json'.length));

describe.each(names)('%s', (name) => {
  const kernel = JSON.parse(readFileSync(new URL(`${name}.kernel.json`, FIXTURES), 'utf8')) as Kernel;

  test('every state is what the kernel said', async () => {
    const timelines = await inferred(name, kernel.captureStop);
    const found: Record<string, number> = {};
    const details: string[] = [];
    for (const sample of kernel.samples) {
      if (!sample.sockets) continue;
      for (const [socket, kernelState, said] of disagreements(timelines, kernel, sample)) {
        const what = `${kernelState} → ${said}`;
        found[what] = (found[what] ?? 0) + 1;
        details.push(`${sample.label} (${sample.side}): ${socket}: kernel ${kernelState}, inferred ${said}`);
      }
    }
    const expected = Object.assign({}, ...(CANNOT_KNOW[name] ?? []).map((x) => x.disagreements)) as Record<string, number>;
    expect(found, details.join('\n')).toEqual(expected);
  });
});

test('an exclusion names a fixture that exists', () => {
  expect(names).toEqual(expect.arrayContaining(Object.keys(CANNOT_KNOW)));
});

/** A socket's states: from `at` on it is in `state`; `timer`: no segment shows the change. Milliseconds since 1970. */
interface Step {
  readonly at: number;
  readonly state: string;
  readonly timer: boolean;
}
/** Per socket (`LOCAL REMOTE`), one line per connection, oldest first. */
type Timelines = ReadonlyMap<string, readonly (readonly Step[])[]>;

async function inferred(name: string, stop: number): Promise<Timelines> {
  const file = readdirSync(FIXTURES).find((f) => f.startsWith(`${name}.pcap`));
  if (file === undefined) throw new Error(`${name} has no capture`);
  const capturedUntil = parseTimeArgument(stop.toFixed(6))!;
  const analysis = await analyse([new URL(file, FIXTURES).pathname], { capturedUntil });
  const lines = new Map<string, Step[][]>();
  for (const row of analysis.connections()) {
    for (const [socket, line] of socketsOf(row)) {
      const there = lines.get(socket);
      if (there) there.push(line);
      else lines.set(socket, [line]);
    }
  }
  return lines;
}

function socketsOf(row: ConnectionRow): [string, Step[]][] {
  const name = { client: text(row.client), server: text(row.server) };
  return (['client', 'server'] as const).map((side): [string, Step[]] => {
    const remote = side === 'client' ? name.server : name.client;
    const line = row.transitions
      .filter((t) => t.endpoint === side)
      .map((t): Step => ({ at: milliseconds(t.time), state: t.to, timer: t.frame === null }));
    return [`${name[side]} ${remote}`, line];
  });
}

const text = ({ ip, port }: { ip: string; port: number }): string => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);
const milliseconds = (rfc3339: string): number => Date.parse(`${rfc3339.slice(0, 23)}Z`) + Number(rfc3339.slice(23, 29)) / 1e6;
const NONE = 'none';
const gone = (state: string): boolean => state === 'CLOSED' || state === 'LISTEN';

function stateAt(lines: readonly (readonly Step[])[], at: number): string {
  for (const line of [...lines].reverse()) {
    const step = line.findLast((s) => s.at <= at);
    if (step && !gone(step.state)) return step.state;
  }
  return NONE;
}

function* disagreements(timelines: Timelines, kernel: Kernel, sample: Sample): Generator<[socket: string, kernel: string, said: string]> {
  const at = sample.time * 1000;
  const reach = kernel.oneWayDelayMs + SLACK;
  const [from, to] = [at - reach, at + SS_TAKES + reach + DELAYED_ACK];
  const truth = new Map(sample.sockets!.map(([local, remote, state]) => [`${local} ${remote}`, state]));
  const mine = [...timelines.keys()].filter((socket) => kernel.hosts[addressOf(socket)] === sample.side);
  for (const socket of new Set([...truth.keys(), ...mine])) {
    const lines = timelines.get(socket) ?? [];
    const state = truth.get(socket) ?? NONE;
    const said = stateAt(lines, at);
    if (state === said) continue;
    const steps = lines.flat().filter((s) => s.at >= from && s.at <= to);
    if ([from, ...steps.map((s) => s.at)].some((t) => stateAt(lines, t) === state)) continue;
    if (steps.some((s) => s.state === state)) continue; // between segments that cross on the way it may seem to last no time
    if (lateTimer(lines, at, state, said)) continue;
    yield [socket, state, said];
  }
}

const addressOf = (socket: string): string => /^\[?([^\] ]+?)\]?:\d+ /.exec(socket)![1]!;

/** Do the two disagree only because a kernel's timer fires later than its nominal time? */
function lateTimer(lines: readonly (readonly Step[])[], at: number, kernel: string, said: string): boolean {
  return lines.some((line) =>
    line.some((step, i) => {
      const end = line[i + 1];
      const stay = end === undefined ? 0 : end.at - step.at;
      if (!end?.timer || !gone(end.state) || stay < TIMER_MIN * 1000) return false;
      const over = step.state === kernel && said === NONE && end.at <= at;
      const early = step.state === said && kernel === NONE && step.at <= at && at < end.at;
      return (over || early) && Math.abs(at - end.at) <= stay / 10 + 2000;
    }),
  );
}
