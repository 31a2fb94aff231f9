/** One end closes connections after the same silence again and again: its idle timeout, named with whose it is. */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import type { ConnectionView } from '../model/connection.ts';
import { Side } from '../model/state.ts';
import { secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { defineDetector, type Draft, type EvidenceDraft, found } from './detector.ts';
import { examples, proofs } from './evidence.ts';
import { type Closer, closersOf, type IdleLimits, idlePattern, type IdlePattern } from './idle-gaps.ts';

const PARAMS = {
  minCount: { default: 3, text: 'closes after the same silence that make a pattern' },
  minSeconds: { default: 1, text: 'shorter silences are the end of an exchange and not a timeout' },
  toleranceSeconds: { default: 0.1, text: 'how far the silences may lie from their middle' },
  toleranceShare: { default: 0.01, text: 'the same as a share of the timeout, for servers that look at their connections once a second' },
  minShare: { default: 0.8, text: 'share of the idle closes of that end that must agree' },
} as const;

/** The defaults, for rules that quote the pattern as a cause. */
export const IDLE_LIMITS: IdleLimits = {
  minCount: PARAMS.minCount.default,
  minSeconds: PARAMS.minSeconds.default,
  toleranceSeconds: PARAMS.toleranceSeconds.default,
  toleranceShare: PARAMS.toleranceShare.default,
  minShare: PARAMS.minShare.default,
};

/** Connections looked at per service, and in all: a timeout shows in a sample as well as in all of them. */
const PER_SERVICE = 5_000;
const IN_ALL = 50_000;

export const idleTimeoutPattern = defineDetector({
  id: 'idle-timeout-pattern',
  title: 'One end closes idle connections after a fixed time',
  severity: 'info',
  category: 'close',
  said: 'silence',
  params: PARAMS,
  docs: {
    what: 'One end closes its connections, by FIN or RST, each time after the same silence. That silence is its idle timeout.',
    why: 'An idle timeout is no fault. But the other end, and every device between, must live with it: a pool that keeps connections longer than its peer writes into closed ones or leaves them in CLOSE_WAIT.',
    how: 'For every end that closes connections of a service, the silences (no payload either way) before its first FIN or RST are compared. At least minCount of them, and the share minShare, must lie within the tolerance. The timeout stated is their median, with the distance of the farthest.',
    never:
      'Fewer than minCount closes, silences below minSeconds, or silences that differ by more than the tolerance. Connections of which only one direction was captured are left out.',
    limits:
      'Connections that were used together and closed together share their silence without any timeout: the finding then says so and is of low confidence. Where a TLS end says goodbye (close_notify) with its FIN, the silence is counted from the last data of the other end, so it includes the time of the last answer. A host that the configuration names a proxy or balancer is called so. A match with a known default is a hint at a product, not a proof.',
    references: [
      'nginx keepalive_timeout (75 s)',
      'AWS: idle timeouts of Application (60 s) and Network Load Balancers (350 s)',
      'Azure Load Balancer (4 min)',
      'MySQL wait_timeout (28,800 s)',
      'ipvsadm(8) --set (TCP 900 s)',
    ],
  },
  detect: (capture, params) => {
    if (capture.quality.oneDirection)
      return {
        verdict: 'inconclusive',
        because: 'the capture holds one direction only: data of the other end would break the silence unseen',
      };
    if (capture.quality.flagsOnly)
      return { verdict: 'inconclusive', because: 'the capture holds SYN, FIN and RST only: without data there is no silence to measure' };
    const drafts: Draft[] = [];
    let left = IN_ALL;
    for (const service of capture.services) {
      if (service.total < params.minCount || left <= 0) continue;
      left -= Math.min(service.total, PER_SERVICE);
      for (const closer of closersOf(capture, service, params.minSeconds, PER_SERVICE)) {
        const pattern = idlePattern(closer.closes, params);
        if (pattern) drafts.push(draft(capture, service, closer, pattern, params.toleranceSeconds));
      }
    }
    return found(drafts);
  },
});

function draft(capture: CaptureView, service: ServiceView, closer: Closer, pattern: IdlePattern, tolerance: number): Draft {
  const { ip, side } = closer;
  const n = pattern.closes.length;
  const timeout = `${durationText(pattern.seconds)} ± ${durationText(Math.max(0.001, pattern.plusMinus))}`;
  const role = capture.roleOf(ip);
  const named = role === null ? '' : `, which the configuration names a ${role},`;
  const who = side === Side.SERVER ? `${service.name}${named}` : `${ip}, client of ${service.name}${named === '' ? ',' : named}`;
  const together = pattern.closesSpan < 2 * tolerance;
  const equals = pattern.equals === null ? '' : ` This ${pattern.equals}.`;
  const oneMoment = together
    ? ` All of these closes fall within ${durationText(pattern.closesSpan)}: one event, such as a restart, would look the same.`
    : '';
  return {
    severity: 'info',
    confidence: together ? 'low' : n >= 10 ? 'high' : 'medium',
    title: `${ip} closes connections of ${service.name} after ${durationText(pattern.seconds)} of idleness`,
    summary: `${who} closed ${countText(n)} of the ${plural(pattern.of, 'connection')} that it closed when idle after ${timeout} without data.${equals}${oneMoment} The other end should give up idle connections sooner than that.`,
    subject:
      side === Side.SERVER
        ? { host: ip, role: 'server', port: service.port }
        : { host: ip, role: 'client', peer: service.ip, port: service.port },
    atFault: null,
    faultBecause: null,
    since: pattern.closes.reduce((first, c) => (c.at < first ? c.at : first), pattern.closes[0]!.at),
    until: null,
    count: n,
    connections: pattern.closes.map((c) => c.id),
    evidence: examples(pattern.closes, 5).flatMap((close) => evidenceOf(capture.connection(close.id), side, close.gapSeconds)),
    metrics: {
      idleSeconds: pattern.seconds,
      plusMinusSeconds: pattern.plusMinus,
      agreeing: n,
      idleCloses: pattern.of,
      closesSpanSeconds: pattern.closesSpan,
      equals: pattern.equals,
    },
    causes: [],
    remedies: [
      {
        text: `keep the idle time of pools and of devices towards ${service.name} below ${durationText(pattern.seconds)}, or send keepalives in the application more often`,
        command: null,
        appliesTo: 'the other end',
      },
    ],
  };
}

function evidenceOf(c: ConnectionView, side: Side, gapSeconds: number): EvidenceDraft[] {
  const end = c.ends[side];
  const reset = c.marks.find((m) => m.rst !== null && m.side === side);
  const [kind, frame, at] =
    end.finTime === null
      ? (['RST', reset?.frame ?? null, reset?.time ?? null] as const)
      : (['FIN', end.firstFinFrame, end.finTime] as const);
  const spoke = c.ends.find((e) => at !== null && e.lastDataTime !== null && Math.abs(secondsOf(at - e.lastDataTime) - gapSeconds) < 1e-6);
  return proofs(c.id, [
    ...(spoke ? ([[spoke.lastDataFrame, spoke.lastDataTime, `last data, from ${spoke.name}`]] as const) : []),
    [frame, at, `${kind} from ${end.name} after ${durationText(gapSeconds)} of silence`],
  ]);
}
