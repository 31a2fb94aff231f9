/** `tcp-fast-open`: cookies asked for and granted, data in the SYN taken, ignored, or sent again (RFC 7413). */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import type { ConnectionView } from '../model/connection.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { idsByService, sampledCaveats } from './ids-by-service.ts';
import { type Detection, defineDetector, type Draft, type EvidenceDraft, foundUnless } from './detector.ts';
import { clock, examples, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';

const EXAMPLES = 2;

interface Uses {
  readonly service: ServiceView;
  readonly all: readonly ConnectionView[];
  /** A SYN that asked for a cookie, and those of them that got one. */
  readonly asked: readonly ConnectionView[];
  readonly granted: readonly ConnectionView[];
  /** Payload in the SYN: acknowledged by the SYN-ACK, answered without it, or the SYN was repeated. */
  readonly taken: readonly ConnectionView[];
  readonly ignored: readonly ConnectionView[];
  readonly repeated: readonly ConnectionView[];
}

export const tcpFastOpen = defineDetector({
  id: 'tcp-fast-open',
  title: 'TCP Fast Open is in use',
  severity: 'info',
  category: 'open',
  params: {},
  docs: {
    what: 'Clients ask for a Fast Open cookie, or show one and send their request in the SYN.',
    why: 'Data that the server takes from the SYN saves a round trip. Data that it ignores is sent again after the handshake: no harm, and no gain. A middlebox that drops SYNs with data costs a second per connect, which the client has to find out.',
    how: 'SYNs with option 34 (or the experimental 254 with F989), by service. Without a cookie they ask for one; with payload, the SYN-ACK either acknowledges it or not. A SYN with payload that had to be repeated counts apart: the way may not let it pass.',
    never: 'Payload in a SYN without the option (a probe, or an ordinary SYN that RFC 9293 lets carry data).',
    limits: 'Why a cookie was not accepted is not in the capture: a new key, an expired one, a full queue, or Fast Open switched off.',
    references: ['RFC 7413', 'linux ip-sysctl.rst: tcp_fastopen, tcp_fastopen_blackhole_timeout_sec'],
  },
  detect(capture): Detection {
    const { fastOpen } = capture.openings;
    const uses = [...idsByService(capture, fastOpen, () => false)]
      .map(([service, list]) =>
        usesOf(
          service,
          list.map((id) => capture.connection(id)),
        ),
      )
      .filter((u) => u.all.length > 0);
    return foundUnless(
      draftLargest(
        uses,
        (u) => u.all.length,
        (u) => draft(capture, u),
        'service',
      ),
      capture.quality.oneDirection && 'the capture holds one direction only, perhaps that without the SYNs',
    );
  },
});

function usesOf(service: ServiceView, all: readonly ConnectionView[]): Uses {
  const asked = all.filter((c) => !c.client.fastOpenCookie && !c.client.synData);
  const withData = all.filter((c) => c.client.synData && c.server.synAck > 0);
  return {
    service,
    all,
    asked,
    granted: all.filter((c) => c.server.fastOpenCookie),
    taken: withData.filter((c) => c.server.synData),
    ignored: withData.filter((c) => !c.server.synData && c.client.syn === 1),
    repeated: all.filter((c) => c.client.synData && c.client.syn > 1 && !c.server.synData),
  };
}

function draft(capture: CaptureView, u: Uses): Draft {
  const { service, all, asked, granted, taken, ignored, repeated } = u;
  const since = all.reduce((t, c) => Math.min(t, c.start), Infinity) as Nanos;
  const withData = taken.length + ignored.length + repeated.length;
  return {
    severity: 'info',
    confidence: 'high',
    title: `TCP Fast Open: ${plural(all.length, 'connection')} to ${service.name}, data taken from the SYN in ${countText(taken.length)} of ${countText(withData)}`,
    summary: [
      `Since ${clock(capture, since)} ${plural(all.length, 'SYN')} to ${service.name} carried the Fast Open option: ${countText(asked.length)} asked for a cookie (${plural(granted.length, 'SYN-ACK')} granted one), ${countText(withData)} brought data.`,
      taken.length > 0 ? `The server took it ${plural(taken.length, 'time')}, which saves a round trip each.` : '',
      ignored.length > 0
        ? `It ignored it ${plural(ignored.length, 'time')}; the client sent the data again after the handshake, as RFC 7413 has it.`
        : '',
      repeated.length > 0
        ? `${plural(repeated.length, 'SYN')} with data had to be repeated before the answer came: SYNs with data may not pass on this path.`
        : '',
    ]
      .filter((s) => s !== '')
      .join(' '),
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: null,
    faultBecause: null,
    since,
    until: null,
    count: all.length,
    connections: all.map((c) => c.id),
    evidence: [
      ...examples(asked, EXAMPLES).flatMap((c) =>
        show(c, 'SYN asks for a Fast Open cookie', c.server.fastOpenCookie ? 'SYN-ACK grants one' : 'SYN-ACK grants none'),
      ),
      ...examples(taken, EXAMPLES).flatMap((c) => show(c, 'SYN with cookie and data', 'SYN-ACK acknowledges the data of the SYN')),
      ...examples(ignored, EXAMPLES).flatMap((c) => show(c, 'SYN with data', 'SYN-ACK acknowledges the SYN alone')),
      ...examples(repeated, EXAMPLES).flatMap((c) =>
        show(c, `SYN with data, sent ${String(c.client.syn)} times`, 'SYN-ACK acknowledges the SYN alone'),
      ),
    ],
    metrics: {
      cookieRequests: asked.length,
      cookiesGranted: granted.length,
      dataInSyn: withData,
      dataTaken: taken.length,
      dataIgnored: ignored.length,
      synsWithDataRepeated: repeated.length,
    },
    causes: causes(u),
    remedies: remedies(u),
    caveats: sampledCaveats(capture, capture.openings.fastOpen, [service]),
    explainedByRules: [],
  };
}

const show = (c: ConnectionView, syn: string, answer: string): EvidenceDraft[] => {
  const answered = c.transitions.find((t) => t.frame !== null && t.frame === c.server.firstSynAckFrame);
  return proofs(c.id, [
    [c.firstFrame, c.start, `${syn}, from ${c.client.name}`],
    [answered?.frame ?? null, answered?.time ?? null, `${answer}, ${durationText(secondsOf((answered?.time ?? c.start) - c.start))} later`],
  ]);
};

function causes(u: Uses): Cause[] {
  const out: Cause[] = [];
  if (u.ignored.length > 0)
    out.push({
      text: 'The server no longer accepts the cookie (its key changed, it was another host behind the address) or its queue of Fast Open requests is full',
      likelihood: u.ignored.some((c) => c.server.fastOpenCookie) ? 'high' : 'medium',
      because: u.ignored.some((c) => c.server.fastOpenCookie) ? 'it granted a new cookie in the same SYN-ACK' : 'it granted no new cookie',
    });
  if (u.repeated.length > 0)
    out.push({
      text: 'A firewall on the way drops SYNs with data or with the option',
      likelihood: u.taken.length === 0 ? 'high' : 'low',
      because: u.taken.length === 0 ? 'no SYN with data was taken at all' : 'other SYNs with data were taken',
    });
  return out;
}

const remedies = (u: Uses): Remedy[] =>
  u.ignored.length + u.repeated.length === 0
    ? []
    : [
        {
          text: 'Give all hosts behind one address the same Fast Open key.',
          command: 'sysctl net.ipv4.tcp_fastopen_key',
          appliesTo: 'Linux, on each of them (bit 0x2 of tcp_fastopen enables the server, and the application sets TCP_FASTOPEN)',
        },
        { text: 'See how often it works.', command: 'nstat -az | grep -i fastopen', appliesTo: 'Linux, on both hosts' },
      ];
