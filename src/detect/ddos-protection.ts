/** `ddos-protection`: something in front of a service makes each new source prove itself before it lets it through. */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import { type ConnectionView, Mark } from '../model/connection.ts';
import type { Remedy } from '../model/finding.ts';
import { Side, State } from '../model/state.ts';
import { type ConnId, type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { idsByService, sampledCaveats } from './ids-by-service.ts';
import { type Detection, defineDetector, type Draft, type EvidenceDraft, foundUnless } from './detector.ts';
import { clock, examples, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { oncePerCapture } from './once.ts';
import { median, sample } from './statistics.ts';
import { synTimes } from './syn-schedule.ts';

const EXAMPLES = 4;
/** Sources that must have been tested, and later connections of tested sources that must have passed at once. */
const MIN_SOURCES = 5;
const MIN_LATER = 5;
/** Share of the first connections that are tested, and of the later ones that may be. */
const MOST = 0.9;
const FEW = 0.05;
/** Connections of a service that are looked at. */
const LOOKED_AT = 20_000;

interface Guard {
  readonly service: ServiceView;
  /** first-syn: the first SYN of a source is dropped · wrong-ack: a SYN-ACK with a wrong ACK number must be answered by RST. */
  readonly method: 'first-syn' | 'wrong-ack';
  readonly tested: readonly ConnectionView[];
  /** Later connections of tested sources. */
  readonly passed: number;
}

export const ddosProtection = defineDetector({
  id: 'ddos-protection',
  title: 'A protector tests each new source',
  severity: 'info',
  category: 'open',
  params: {},
  docs: {
    what: 'The first connection of each new source is made to try twice: its first SYN is dropped, or it gets a SYN-ACK with a wrong ACK number, which a real TCP answers by RST and another SYN. Later connections of the same source pass at once.',
    why: 'It costs every new client a second (or a round trip), and it looks like packet loss. Whoever looks for the loss on the path looks in vain.',
    how: 'By service: of at least five sources nine in ten first connections needed a second SYN, and of the later connections of these sources hardly one did. Or: at least five handshakes in which a SYN-ACK does not acknowledge the SYN, the client answers by RST, and its next SYN succeeds.',
    never:
      'Random loss, which does not care whether a source is new; a TIME_WAIT that answers a SYN by an ACK; services of which every source connects once.',
    limits:
      'A proxy that completes the handshake itself (SYN proxy) is invisible to its clients. Without later connections of the same sources a test cannot be told from loss.',
    references: ['RFC 4987 §3', 'RFC 9293 §3.10.7.3 (an ACK that is not acceptable is answered by RST)'],
  },
  detect(capture): Detection {
    const guards = [...protectedServices(capture).values()];
    return foundUnless(
      draftLargest(
        guards,
        (g) => g.tested.length,
        (g) => draft(capture, g),
        'service',
      ),
      capture.quality.oneDirection && 'the capture holds one direction only: what the first SYN of a source is answered by is not in it',
    );
  },
});

/** Services behind a protector: their repeated SYNs are a test and no loss. */
export const protectedServices = oncePerCapture((capture): ReadonlyMap<ServiceView, Guard> => {
  const out = new Map<ServiceView, Guard>();
  for (const [service, late] of idsByService(capture, capture.openings.lateSyn, (s) => s.total < MIN_SOURCES)) {
    if (late.length < MIN_SOURCES) continue;
    const guard = wrongAck(capture, service, late) ?? firstSyn(capture, service, late);
    if (guard !== null) out.set(service, guard);
  }
  return out;
});

function wrongAck(capture: CaptureView, service: ServiceView, late: readonly ConnId[]): Guard | null {
  const isTested = (c: ConnectionView): boolean => {
    if (c.client.rst === 0 || c.server.synAck < 2) return false;
    const answer = c.transitions.find((t) => t.side === Side.SERVER && t.to === State.SYN_RCVD);
    const rst = c.marks.find((m) => m.mark === Mark.RST && m.side === Side.CLIENT);
    const open = c.transitions.find((t) => t.side === Side.CLIENT && t.to === State.ESTABLISHED);
    // A RST of the end of the connection refuses nothing at its beginning.
    return answer !== undefined && open !== undefined && rst?.rst?.hasAck === false && answer.time <= rst.time && rst.time <= open.time;
  };
  const tested = late.filter((id) => isTested(capture.connection(id))).map((id) => capture.connection(id));
  return tested.length >= MIN_SOURCES ? { service, method: 'wrong-ack', tested, passed: service.completed - tested.length } : null;
}

function firstSyn(capture: CaptureView, service: ServiceView, late: readonly ConnId[]): Guard | null {
  // Each source has a first connection; most services need no look at them.
  if (service.total <= LOOKED_AT && (service.hasClients(late.length / MOST + 1) || late.length < MOST * service.clients)) return null;
  const lateIds = new Set(late);
  const sources = new Map<string, { tested: boolean }>();
  const tested: ConnectionView[] = [];
  let later = 0;
  let laterTested = 0;
  let firsts = 0;
  for (const id of sample(service.all(), LOOKED_AT)) {
    const client = capture.clientOf(id);
    const source = sources.get(client);
    if (source === undefined) {
      const test = lateIds.has(id) && capture.connection(id).server.synAck === 1;
      sources.set(client, { tested: test });
      firsts++;
      if (test) tested.push(capture.connection(id));
    } else if (source.tested) {
      later++;
      if (lateIds.has(id)) laterTested++;
    }
  }
  const isTest = firsts >= MIN_SOURCES && tested.length >= MOST * firsts && later >= MIN_LATER && laterTested <= FEW * later;
  return isTest ? { service, method: 'first-syn', tested, passed: later - laterTested } : null;
}

function draft(capture: CaptureView, { service, method, tested, passed }: Guard): Draft {
  const since = tested.reduce((t, c) => Math.min(t, c.start), Infinity) as Nanos;
  const delays = tested.flatMap((c) => (c.connectSeconds === null || c.handshakeRtt === null ? [] : [c.connectSeconds - c.handshakeRtt]));
  const delay = delays.length === 0 ? 0 : median(delays);
  const sources = new Set(tested.map((c) => c.client.ip)).size;
  const how =
    method === 'first-syn'
      ? 'the first SYN of each got no answer and the second did'
      : 'each was first given a SYN-ACK that does not acknowledge its SYN, answered it by RST, and got through with the next SYN';
  return {
    severity: 'info',
    confidence: method === 'wrong-ack' ? 'high' : 'medium',
    title: `A protector in front of ${service.name} tests new sources: ${durationText(delay)} for each first connect`,
    summary: `${plural(tested.length, 'handshake')} of ${plural(sources, 'new source')} with ${service.name} needed a second SYN since ${clock(capture, since)}: ${how}. ${plural(passed, 'other connection')} passed at once. That is the signature of a protector against SYN floods and no loss; it costs ${durationText(delay)} (median) for the first connect of a source.`,
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: null,
    faultBecause: null,
    since,
    until: null,
    count: tested.length,
    connections: tested.map((c) => c.id),
    evidence: examples(tested, EXAMPLES).flatMap((c) => evidence(c, method)),
    metrics: { tested: tested.length, sources, passedAtOnce: passed, medianDelaySeconds: delay, method },
    causes: [
      {
        text:
          method === 'first-syn'
            ? 'A filter that drops the first SYN of a source it does not know'
            : 'A filter that authenticates sources by a wrong ACK number',
        likelihood: 'high',
        because: `${countText(tested.length)} first connections were tested, and those that followed were not`,
      },
    ],
    remedies: remedies(method),
    caveats: sampledCaveats(capture, capture.openings.lateSyn, [service]),
    explainedByRules: ['syn-flood'],
  };
}

function evidence(c: ConnectionView, method: Guard['method']): EvidenceDraft[] {
  const again = synTimes(c)[1];
  const rst = c.marks.find((m) => m.mark === Mark.RST && m.side === Side.CLIENT);
  return proofs(c.id, [
    [c.firstFrame, c.start, `first SYN of ${c.client.ip} to the service`],
    [method === 'wrong-ack' ? (rst?.frame ?? null) : null, rst?.time ?? null, 'RST of the client: the SYN-ACK did not acknowledge its SYN'],
    [
      again?.frame ?? null,
      again?.time ?? null,
      `its second SYN, ${durationText(secondsOf((again?.time ?? c.start) - c.start))} later, gets through`,
    ],
  ]);
}

const remedies = (method: Guard['method']): Remedy[] => [
  {
    text:
      method === 'first-syn'
        ? 'If the delay hurts, ask the operator of the protector for a test by cookie or SYN proxy, which costs no second SYN, or for an exception for known clients.'
        : 'If clients behind a firewall that drops their RST cannot connect, ask the operator for another test.',
    command: null,
    appliesTo: 'the protector',
  },
];
