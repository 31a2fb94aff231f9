/**
 * How one client walks through its local ports towards one service. What Linux's connect() does shows in the numbers: it
 * takes ports of the low bound's parity first, and the other half only when the first is used up for that destination
 * (linux: net/ipv4/inet_hashtables.c __inet_hash_connect). The arithmetic of `port-exhaustion`; the words are in that file.
 */
import type { CaptureView, ClientGroup } from '../model/capture-view.ts';
import { profileNamed } from '../model/profiles.ts';
import { State } from '../model/state.ts';
import { type ConnId, type Nanos, secondsOf } from '../model/units.ts';
import { type Kernel, kernelOf } from './kernel.ts';
import { median, quantile, sample } from './statistics.ts';

/** Ranges that systems come with (Linux, Windows and macOS, FreeBSD), and the usual widened one. */
const KNOWN_RANGES: readonly (readonly [from: number, to: number])[] = [
  profileNamed('linux').ports,
  profileNamed('windows').ports,
  [1_024, 65_535],
  profileNamed('freebsd').ports,
];

/** First ports that must share their parity before others mean anything: 2^-50 by chance. */
const PARITY_RUN = 50;
/** "Nearly all", where a few ports may be taken by something else. */
const NEARLY_ALL = 0.95;
/** Connections looked at for who closes first and whether handshakes complete. */
const SAMPLE = 300;

export interface PortUsage {
  readonly group: ClientGroup;
  /** The client's: how long its TIME_WAIT lasts, and which ports it takes by default. */
  readonly kernel: Kernel;
  /** Start of each connection, in order, and its client port. */
  readonly starts: readonly Nanos[];
  readonly ports: readonly number[];
  /** Different ports, lowest, highest. */
  readonly distinct: number;
  readonly low: number;
  readonly high: number;
  /** Share of the sampled connections that the client closed first; that were established. */
  readonly clientCloses: number;
  readonly established: number;
}

export function portUsage(capture: CaptureView, group: ClientGroup): PortUsage {
  const starts: Nanos[] = [];
  const ports: number[] = [];
  for (const id of group.ids) {
    const c = capture.connection(id);
    starts.push(c.start);
    ports.push(c.client.port);
  }
  const seen = new Set(ports);
  const some = sample(group.ids, SAMPLE).map((id) => capture.connection(id));
  return {
    group,
    kernel: kernelOf(capture.connection(group.ids[0]!).client),
    starts,
    ports,
    distinct: seen.size,
    low: ports.reduce((a, b) => Math.min(a, b)),
    high: ports.reduce((a, b) => Math.max(a, b)),
    clientCloses: some.filter((c) => c.closedBy === 'client').length / some.length,
    established: some.filter((c) => c.established).length / some.length,
  };
}

/** All ports of the client's range were used: how many there are; null when that does not show. */
export function wholeRange(use: PortUsage, minPorts: number): number | null {
  if (use.distinct < minPorts) return null;
  for (const [from, to] of [use.kernel.profile.ports, ...KNOWN_RANGES]) {
    const size = to - from + 1;
    if (use.low >= from && use.high <= to && use.distinct >= NEARLY_ALL * size) return size;
  }
  // A range that somebody configured: dense, and taken half by half.
  const size = use.high - use.low + 1;
  if (use.distinct < NEARLY_ALL * size) return null;
  const order = [...new Set(use.ports)];
  const half = order.length >> 1;
  const parity = use.low & 1;
  const first = order.slice(0, half).filter((p) => (p & 1) === parity).length;
  const second = order.slice(half).filter((p) => (p & 1) !== parity).length;
  return first >= NEARLY_ALL * half && second >= NEARLY_ALL * (order.length - half) ? size : null;
}

/** The connection with which a client that had taken even ports only went over to odd ones; null when it did not. */
export function oddFrom(use: PortUsage): ConnId | null {
  const { ports } = use;
  if (!use.kernel.profile.name.startsWith('linux')) return null;
  const first = ports.findIndex((p) => p % 2 === 1);
  if (first < PARITY_RUN) return null;
  const rest = ports.slice(first);
  const odd = rest.filter((p) => p % 2 === 1).length;
  // A lone odd port is one that an application bound itself.
  return odd >= 10 && odd >= 0.3 * rest.length ? use.group.ids[first]! : null;
}

export interface Stop {
  readonly at: Nanos;
  readonly seconds: number;
  /** Ports busy at that moment: open, or closed by the client less than its TIME_WAIT before. */
  readonly busy: number;
}

/** Connects that go on at a steady pace and then stop for good, while ports are busy. */
export function stopOf(capture: CaptureView, use: PortUsage, minSeconds: number): Stop | null {
  const at = use.starts.at(-1)!;
  const seconds = secondsOf(capture.end - at);
  const gaps = use.starts.slice(1).map((t, i) => secondsOf(t - use.starts[i]!));
  // A pause as others before it is no stop; one far longer than all of them is.
  if (seconds < minSeconds || seconds < 5 * quantile(gaps, 0.99)) return null;
  const { timeWait } = use.kernel.profile;
  const busy = new Set<number>();
  for (const id of use.group.ids) {
    const { client } = capture.connection(id);
    const waiting = client.state === State.TIME_WAIT || (client.finTime !== null && secondsOf(at - client.finTime) < timeWait);
    if (waiting || (client.state !== State.CLOSED && client.finTime === null)) busy.add(client.port);
  }
  return { at, seconds, busy: busy.size };
}

/** Seconds from the end of a connection to the next use of its port, in order of the reuse. */
export function reuseGaps(capture: CaptureView, use: PortUsage): readonly { readonly id: ConnId; readonly seconds: number }[] {
  const last = new Map<number, ConnId>();
  const gaps: { id: ConnId; seconds: number }[] = [];
  use.ports.forEach((port, i) => {
    const id = use.group.ids[i]!;
    const before = last.get(port);
    if (before !== undefined) gaps.push({ id, seconds: secondsOf(use.starts[i]! - capture.connection(before).end) });
    last.set(port, id);
  });
  return gaps;
}

/** Ports are taken again as soon as their TIME_WAIT is over: the middle of the later half of the gaps; null when they are not. */
export function waitsForPorts(use: PortUsage, gaps: readonly { readonly seconds: number }[], minCount: number): number | null {
  const { timeWait } = use.kernel.profile;
  const late = gaps.slice(gaps.length >> 1).map((g) => g.seconds);
  if (late.length < minCount) return null;
  // Kernel timers fire up to some seconds late.
  const middle = median(late);
  return quantile(late, 0.1) >= timeWait - 1 && middle <= 1.1 * timeWait ? middle : null;
}

/** The highest rate of connects held over `seconds`, per second. */
export function heldRate(use: PortUsage, seconds: number): number {
  if (seconds <= 0) return 0; // no rate without a time
  const width = seconds * 1e9;
  let most = 0;
  for (let from = 0, to = 0; to < use.starts.length; to++) {
    while (use.starts[to]! - use.starts[from]! > width) from++;
    most = Math.max(most, to - from + 1);
  }
  return secondsOf(use.starts.at(-1)! - use.starts[0]!) < seconds ? 0 : most / seconds;
}
