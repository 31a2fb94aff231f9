/**
 * The silence after which an end closes its connections. One idle timeout shows as the same gap again and again, whatever
 * the moment; used by the rule that reports it and by those that it explains.
 */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import type { ConnectionView } from '../model/connection.ts';
import { otherSide, type Side, SIDE_NAMES } from '../model/state.ts';
import { type ConnId, type Nanos, secondsOf } from '../model/units.ts';
import { median, sample } from './statistics.ts';

export interface IdleClose {
  readonly id: ConnId;
  readonly gapSeconds: number;
  readonly at: Nanos;
}

export interface IdlePattern {
  /** Middle of the gaps that agree, and the distance of the farthest of them from it. */
  readonly seconds: number;
  readonly plusMinus: number;
  /** Those that agree, in the order of their ids. */
  readonly closes: readonly IdleClose[];
  /** All connections that this end closed after being idle. */
  readonly of: number;
  /** From the first of these closes to the last, seconds. */
  readonly closesSpan: number;
  /** The default that the gap equals, in words; null when we know none. */
  readonly equals: string | null;
}

export interface IdleLimits {
  readonly minCount: number;
  readonly minSeconds: number;
  readonly toleranceSeconds: number;
  readonly toleranceShare: number;
  readonly minShare: number;
}

/** Who ships which idle timeout. Only values that the vendors document; a configuration may differ, so it is a hint and not a proof. */
const DEFAULTS: readonly (readonly [seconds: number, whose: string])[] = [
  [5, 'Apache httpd (KeepAliveTimeout) and Node.js (server.keepAliveTimeout)'],
  [20, 'Apache Tomcat (keepAliveTimeout)'],
  [60, 'an AWS Application Load Balancer'],
  [75, 'nginx (keepalive_timeout)'],
  [90, "Go's HTTP client (IdleConnTimeout)"],
  [120, 'Microsoft IIS (connectionTimeout)'],
  [240, 'an Azure Load Balancer'],
  [350, 'an AWS Network Load Balancer'],
  [600, 'a Google Cloud load balancer'],
  [900, 'IPVS (ipvsadm --set, TCP)'],
  [28_800, 'MySQL (wait_timeout)'],
  [432_000, 'Linux conntrack (nf_conntrack_tcp_timeout_established)'],
];

/** A TLS alert fits in this many octets; in TLS 1.3 it looks like any other data (RFC 8446 §5.2, §6.1). */
const TLS_GOODBYE = 64;
/** It goes out with the FIN, or directly before it, seconds. */
const GOODBYE_SECONDS = 0.01;

/** Silence before the close; a TLS goodbye does not break it, so there it is counted from the other end's last data. */
function silence(c: ConnectionView, side: Side): number | null {
  const quiet = c.quietBeforeClose;
  const closer = c.ends[side];
  const other = c.ends[otherSide(side)];
  if (quiet === null || quiet > GOODBYE_SECONDS || !(closer.tls || other.tls) || closer.lastPayloadLength > TLS_GOODBYE) return quiet;
  const { finTime } = closer;
  if (finTime === null || other.lastDataTime === null || other.lastDataTime > finTime) return quiet;
  return Math.max(quiet, secondsOf(finTime - other.lastDataTime));
}

/** How long `side` let this connection be silent before it closed it; null when it did not, or closed straight after data. */
export function idleClose(c: ConnectionView, side: Side, minSeconds: number): IdleClose | null {
  const gap = silence(c, side);
  if (gap === null || gap < minSeconds || c.basis === 'one-sided' || c.closedBy !== SIDE_NAMES[side]) return null;
  const closer = c.ends[side];
  const at = closer.finTime ?? closer.lastTime;
  return at === null ? null : { id: c.id, gapSeconds: gap, at };
}

/** The gap that most of these closes share; null when too few do. */
export function idlePattern(closes: readonly IdleClose[], limits: IdleLimits): IdlePattern | null {
  if (closes.length < limits.minCount) return null;
  const sorted = closes.toSorted((a, b) => a.gapSeconds - b.gapSeconds);
  let best: readonly IdleClose[] = [];
  for (let from = 0, to = 0; from < sorted.length; from++) {
    const first = sorted[from]!.gapSeconds;
    const width = 2 * Math.max(limits.toleranceSeconds, limits.toleranceShare * first);
    while (to < sorted.length && sorted[to]!.gapSeconds - first <= width) to++;
    if (to - from > best.length) best = sorted.slice(from, to);
  }
  if (best.length < limits.minCount || best.length < limits.minShare * closes.length) return null;
  const seconds = median(best.map((c) => c.gapSeconds));
  const plusMinus = Math.max(seconds - best[0]!.gapSeconds, best.at(-1)!.gapSeconds - seconds);
  const times = best.map((c) => c.at).sort((a, b) => a - b);
  return {
    seconds,
    plusMinus,
    closes: best.toSorted((a, b) => a.id - b.id),
    of: closes.length,
    closesSpan: secondsOf(times.at(-1)! - times[0]!),
    equals: equalDefault(seconds, Math.max(limits.toleranceSeconds, limits.toleranceShare * seconds)),
  };
}

function equalDefault(seconds: number, tolerance: number): string | null {
  // A timer fires late, never early: it must lie at or behind its value.
  const match = DEFAULTS.find(([value]) => seconds >= value - 0.1 && seconds <= value + Math.max(tolerance, 0.5));
  return match ? `equals the default of ${match[1]}` : null;
}

/** Idle closes by one end of a service's connections, each address of that end on its own. At most `most` connections are looked at. */
export interface Closer {
  readonly side: Side;
  readonly ip: string;
  readonly closes: readonly IdleClose[];
}

export function closersOf(capture: CaptureView, service: ServiceView, minSeconds: number, most: number): readonly Closer[] {
  const byCloser = new Map<string, { side: Side; ip: string; closes: IdleClose[] }>();
  for (const id of sample(service.closedWhenIdle(minSeconds), most)) {
    const c = capture.connection(id);
    for (const { side, ip } of c.ends) {
      const close = idleClose(c, side, minSeconds);
      if (!close) continue;
      const key = `${side} ${ip}`; // a host may be both ends, as on the loopback interface
      const closer = byCloser.get(key) ?? { side, ip, closes: [] };
      closer.closes.push(close);
      byCloser.set(key, closer);
    }
  }
  return [...byCloser.values()];
}
