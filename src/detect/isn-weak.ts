/** A host whose initial sequence numbers are always the same, come back, or follow from the last one. */
import type { CaptureView } from '../model/capture-view.ts';
import type { EndpointView } from '../model/connection.ts';
import { Side } from '../model/state.ts';
import { type ConnId, secondsOf } from '../model/units.ts';
import type { IsnSeries } from '../model/syn-facts.ts';
import { countText, plural } from '../model/wording.ts';
import { defineDetector, type Detection, type Draft, found } from './detector.ts';
import { period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { largest, median } from './statistics.ts';

const SPACE = 2 ** 32;
/**
 * What a counter may have moved by the next connection: 2^16 for that one (4.3BSD: 64,000), and 2^19 per second (RFC 793: 250,000,
 * 4.3BSD: 128,000). Random numbers are in it once in 2^16 times, and once in 2^10 at STEP_SECONDS.
 */
const STEP_PER_CONNECTION = 2 ** 16;
const STEP_PER_SECOND = 2 ** 19;
/** Connections further apart are not compared: the counter may have gone anywhere. */
const STEP_SECONDS = 7;
/** A chance below 10^-9 is nobody's luck in any capture. */
const CHANCE_EXPONENT = 9;

interface Weak {
  readonly series: IsnSeries;
  readonly kind: 'fixed' | 'repeated' | 'counter';
  /** Connections that show it. */
  readonly ids: readonly ConnId[];
  /** How many were compared. */
  readonly of: number;
  /** A random generator would do so with a chance below 10^-exponent. */
  readonly exponent: number;
  /** The number that comes again; the largest step of the counter. */
  readonly value: number;
  readonly text: string;
}

export const isnWeak = defineDetector({
  id: 'isn-weak',
  title: 'Initial sequence numbers that can be guessed',
  severity: 'warning',
  category: 'open',
  params: {
    minConnections: { default: 10, text: 'completed connections of a host in one role, on different tuples, below which nothing is said' },
    minRepeats: { default: 4, text: 'of these connections, those that must begin with the same number' },
    minShare: { default: 0.9, text: 'share of the steps from one connection to the next that must be those of a counter' },
  },
  docs: {
    what: 'A host begins its connections with sequence numbers that are always the same, come back, or lie a small step above the last one.',
    why: 'Whoever knows the next number can open connections in the name of another address, put data into them or reset them, without seeing a packet (RFC 6528 §2). And late segments of one connection fit into the next.',
    how: 'Per host and role, the initial numbers of its completed connections on different tuples, in order of time. Fixed or repeated: minRepeats of them are equal. A counter: of the steps between connections that follow each other within 7 s, at least minShare go up by no more than 65,536 and 524,288 per second. Either must have a chance below 10^-9 with random numbers.',
    never:
      'SYNs sent again, tuples used again (their number follows from the one before by design: RFC 6528 §3, linux TIME_WAIT + 65,537), copies and legs behind an address translator, connections that were never completed: floods, scans and SYN cookies choose their own numbers. Linux before 3.0, whose numbers share their highest 8 bits for 5 minutes and differ in 24.',
    limits:
      'Fewer than minConnections say nothing. A generator that passes this test may still be weak: it finds counters and constants alone. A firewall or proxy that begins the connections itself shows its own numbers, not those of the host.',
    references: ['RFC 6528', 'RFC 9293 §3.4.1', 'CERT VU#498440', 'Zalewski: Strange Attractors and TCP/IP Sequence Number Analysis, 2001'],
  },
  detect: (capture, params): Detection => {
    const series = capture.isnSeries(params.minConnections);
    if (series.length === 0)
      return {
        verdict: 'inconclusive',
        because: `no host completed ${plural(params.minConnections, 'connection')} in one role in this capture, and the numbers of fewer say nothing`,
      };
    const weak = series.flatMap((s) => repeatedOf(s, params.minRepeats) ?? counterOf(s, params.minShare) ?? []);
    return found(
      draftLargest(
        weak,
        (w) => w.ids.length,
        (w) => draft(capture, w),
        'host',
      ),
    );
  },
});

/** How often the most frequent number comes, against chance: C(n, k) / 2^(32 (k - 1)). */
function repeatedOf(series: IsnSeries, minRepeats: number): Weak | null {
  if (longestRun(Float64Array.from(series.isns).sort()) < minRepeats) return null;
  const byValue = new Map<number, ConnId[]>();
  series.isns.forEach((isn, i) => {
    const list = byValue.get(isn);
    if (list) list.push(series.ids[i]!);
    else byValue.set(isn, [series.ids[i]!]);
  });
  let value = 0;
  let ids: readonly ConnId[] = [];
  for (const [isn, list] of byValue) if (list.length > ids.length) [value, ids] = [isn, list];
  const n = series.ids.length;
  const exponent = (ids.length - 1) * Math.log10(SPACE) - log10Choose(n, ids.length);
  if (ids.length < minRepeats || exponent < CHANCE_EXPONENT) return null;
  const kind = ids.length > n / 2 ? 'fixed' : 'repeated';
  return {
    series,
    kind,
    ids,
    of: n,
    exponent,
    value,
    text: `${countText(ids.length)} of ${plural(n, 'connection')} begin with the number ${String(value)}`,
  };
}

/** The most equal values side by side. */
function longestRun(sorted: Float64Array): number {
  let longest = 0;
  for (let i = 1, first = 0; i <= sorted.length; i++) {
    if (i < sorted.length && sorted[i] === sorted[first]) continue;
    longest = Math.max(longest, i - first);
    first = i;
  }
  return longest;
}

/** How many steps are those of a counter, against chance: C(n, k) times the product of the shares of the space that they may lie in. */
function counterOf(series: IsnSeries, minShare: number): Weak | null {
  const ids = new Set<ConnId>();
  const steps: number[] = [];
  let of = 0;
  let exponent = 0;
  for (let i = 1; i < series.ids.length; i++) {
    const gap = secondsOf(series.starts[i]! - series.starts[i - 1]!);
    if (gap < 0 || gap > STEP_SECONDS) continue;
    of++;
    const most = STEP_PER_CONNECTION + gap * STEP_PER_SECOND;
    const step = (series.isns[i]! - series.isns[i - 1]! + SPACE) % SPACE;
    if (step === 0 || step > most) continue;
    exponent += Math.log10(SPACE / most);
    steps.push(step);
    ids.add(series.ids[i - 1]!).add(series.ids[i]!);
  }
  exponent -= log10Choose(of, steps.length);
  if (steps.length === 0 || steps.length < minShare * of || exponent < CHANCE_EXPONENT) return null;
  const value = largest(steps);
  const text = `${countText(steps.length)} of ${plural(of, 'step')} from one connection to the next go up by no more than ${countText(value)} (half of them by at most ${countText(median(steps))})`;
  return { series, kind: 'counter', ids: [...ids].sort((a, b) => a - b), of, exponent, value, text };
}

/** log10 of the number of ways to choose k of n. */
function log10Choose(n: number, k: number): number {
  let sum = 0;
  for (let i = 1; i <= k; i++) sum += Math.log10((n - k + i) / i);
  return sum;
}

const KIND_TEXT: Readonly<Record<Weak['kind'], string>> = {
  fixed: 'begins its connections with the same sequence number',
  repeated: 'begins connections with sequence numbers that it used before',
  counter: 'begins its connections with sequence numbers that a counter gives',
};

function draft(capture: CaptureView, weak: Weak): Draft {
  const { series, ids, kind } = weak;
  const { host, side } = series;
  const first = capture.connection(ids[0]!);
  const last = capture.connection(ids.at(-1)!);
  const ports = new Set(series.ids.map((id) => capture.connection(id).server.port));
  const what = side === Side.CLIENT ? 'SYNs' : 'SYN-ACKs';
  const shown = ids.slice(0, SHOWN).map((id) => capture.connection(id));
  const isnOf = (id: ConnId): number => series.isns[series.ids.indexOf(id)]!;
  return {
    severity: 'warning',
    confidence: 'high',
    title: `${host} ${KIND_TEXT[kind]}`,
    summary: `In the ${what} of ${host} ${period(capture, first.start, last.start)}, ${weak.text}. With random numbers, as RFC 6528 wants them, the chance of that is below 1 in 10^${String(Math.floor(weak.exponent))}. Somebody who knows one number knows the next, and can speak in the name of the other end without seeing a packet.`,
    subject:
      side === Side.CLIENT
        ? { host, role: 'client' }
        : ports.size === 1
          ? { host, role: 'server', port: [...ports][0]! }
          : { host, role: 'server' },
    atFault: host,
    faultBecause: `it chose these numbers: ${weak.text}`,
    since: first.start,
    until: null,
    count: ids.length,
    connections: ids,
    evidence: shown.flatMap((c) => {
      const end: EndpointView = c.ends[side];
      const frame = side === Side.CLIENT ? end.firstSynFrame : end.firstSynAckFrame;
      const time = c.transitions.find((t) => t.side === side && t.frame === frame)?.time ?? null;
      return proofs(c.id, [
        [frame, time, `${side === Side.CLIENT ? 'SYN' : 'SYN-ACK'} of ${end.name}: initial sequence number ${String(isnOf(c.id))}`],
      ]);
    }),
    metrics: {
      connections: ids.length,
      compared: weak.of,
      kind,
      chanceExponent: -Math.floor(weak.exponent),
      [kind === 'counter' ? 'largestStep' : 'number']: weak.value,
    },
    causes: [
      {
        text: 'A stack without RFC 6528: embedded or old, or a user-space one (a traffic generator, a proxy, a SYN proxy of a firewall)',
        likelihood: 'high',
        because: 'the kernels of Linux, Windows, macOS and the BSDs draw the number anew for every tuple',
      },
      {
        text: 'A device on the path replaces sequence numbers by its own',
        likelihood: 'low',
        because: 'then every host behind it shows the same',
      },
    ],
    remedies: [
      { text: 'Update or replace the stack; ask its maker for RFC 6528.', command: null, appliesTo: host },
      {
        text: 'Until then let a firewall draw the numbers anew, and accept segments from the expected path only (strict reverse-path filter): addresses alone prove nothing.',
        command: 'nft add rule inet filter prerouting fib saddr . iif oif missing drop',
        appliesTo: `the router before ${host}; pf: "modulate state"; Cisco ASA does it by default`,
      },
      {
        text: 'Protect what matters by TLS or SSH: data that somebody puts in then breaks the connection, and is not believed.',
        command: null,
        appliesTo: 'the services',
      },
    ],
  };
}

/** Numbers shown as proofs. */
const SHOWN = 6;
