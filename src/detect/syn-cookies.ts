/** `syn-cookies`: SYN-ACKs that are never repeated: the listener keeps no entry for them. */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import type { ConnectionView } from '../model/connection.ts';
import { type Nanos, nanosOf } from '../model/units.ts';
import { countText, plural } from '../model/wording.ts';
import { type Detection, defineDetector, type Draft, found } from './detector.ts';
import { clock, examples, proofs } from './evidence.ts';
import { isFlooded } from './floods.ts';
import { draftLargest } from './largest.ts';
import { sample } from './statistics.ts';
import { Side, State } from '../model/state.ts';

const EXAMPLES = 4;
/** Half-open attempts of a service that are looked at. */
const LOOKED_AT = 2_000;
/** A kernel repeats an unanswered SYN-ACK after 1 s, and again 2 s later; by then one that was not repeated will not be. */
const REPEATED_BY = nanosOf(3.2);

interface Cookies {
  readonly service: ServiceView;
  /** Unanswered SYN-ACKs, old enough: sent once, sent again. Shares of what was looked at. */
  readonly once: readonly ConnectionView[];
  readonly again: number;
  readonly looked: number;
  readonly optionsMissing: number;
}

export const synCookies = defineDetector({
  id: 'syn-cookies',
  title: 'SYN cookies are at work',
  severity: 'info',
  category: 'open',
  neighbours: 'service',
  params: {
    minUnrepeated: { default: 20, text: 'unanswered SYN-ACKs of a service that were never repeated' },
    minShare: { default: 0.5, text: 'and their share of all its unanswered SYN-ACKs' },
  },
  docs: {
    what: 'The listener answers SYNs without keeping an entry: the state is in the sequence number (a cookie), so it cannot repeat a SYN-ACK that got lost.',
    why: 'It is the defence doing its work: real clients get through while the queue is full. Its price: a lost SYN-ACK costs the client its own repeat, and where timestamps are not in use, window scaling and SACK are lost.',
    how: 'Of the SYN-ACKs of one service that nobody answered, and that a kernel would have repeated twice by the end of the capture, most were sent once only.',
    never:
      'SYN-ACKs too young to have been repeated; attempts that a RST ended; captures of one direction; of flags alone, unless a flood is proven.',
    limits:
      'A SYN proxy, tcp_synack_retries=0 and a capture that lost segments look the same. A cookie whose client answers cannot be told from an ordinary handshake.',
    references: ['RFC 4987 §3.6', 'linux ip-sysctl.rst: tcp_syncookies', 'linux net/ipv4/syncookies.c'],
  },
  detect(capture, params): Detection {
    const { quality } = capture;
    const services = capture.services.filter((s) => s.count('half-open') >= params.minUnrepeated);
    if (services.length === 0) return { verdict: 'clear' };
    if (quality.oneDirection) return { verdict: 'inconclusive', because: 'only one direction of each connection is in the capture' };
    const told = services.filter((s) => quality.plain > 0 || isFlooded(capture, s));
    if (told.length === 0)
      return { verdict: 'inconclusive', because: 'no segment without SYN, FIN and RST is in the capture, so the third ACKs may have come' };
    const uses = told
      .map((s) => cookiesOf(capture, s))
      .filter((u) => {
        const n = u.once.length;
        return n > 0 && n >= params.minUnrepeated && n >= params.minShare * (n + u.again);
      });
    return found(
      draftLargest(
        uses,
        (u) => u.once.length,
        (u) => draft(capture, u),
        'service',
      ),
    );
  },
});

function cookiesOf(capture: CaptureView, service: ServiceView): Cookies {
  const looked = sample(service.ids('half-open'), LOOKED_AT).map((id) => capture.connection(id));
  const old = looked.filter((c) => capture.end - c.end >= REPEATED_BY && c.client.packets === c.client.syn && !capture.isScan(c.id));
  const once = old.filter((c) => c.server.synAck === 1);
  const lacks = (c: ConnectionView): boolean => c.client.windowScale !== null && !c.client.timestamps && c.server.windowScale === null;
  return { service, once, again: old.length - once.length, looked: looked.length, optionsMissing: once.filter(lacks).length };
}

function draft(capture: CaptureView, { service, once, again, looked, optionsMissing }: Cookies): Draft {
  const n = once.length;
  const since = once.reduce((t, c) => Math.min(t, c.start), Infinity) as Nanos;
  const sampled = looked < service.count('half-open');
  return {
    severity: 'info',
    confidence: n >= 5 * again ? 'high' : 'medium',
    title: `SYN cookies at ${service.name}: ${plural(n, 'unanswered SYN-ACK')} never repeated`,
    summary: [
      `Since ${clock(capture, since)} ${countText(n)} of ${plural(n + again, 'SYN-ACK')} of ${service.name} that nobody answered were never sent again${sampled ? ` (a sample of ${countText(looked)} of ${countText(service.count('half-open'))})` : ''}: the listener keeps no entry for them, as with SYN cookies.`,
      again > 0 ? `${countText(again)} were repeated: those are the entries of the queue itself, which had been filled first.` : '',
      `${plural(service.completed, 'handshake')} with it completed in the capture.`,
      optionsMissing > 0
        ? `${countText(optionsMissing)} of these SYN-ACKs lack the window scale that the client offered: without timestamps a cookie cannot hold it.`
        : '',
    ]
      .filter((s) => s !== '')
      .join(' '),
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: null,
    faultBecause: null,
    since,
    until: null,
    count: n,
    connections: once.map((c) => c.id),
    evidence: examples(once, EXAMPLES).flatMap((c) => {
      const synAck = c.transitions.find((t) => t.side === Side.SERVER && t.to === State.SYN_RCVD);
      return proofs(c.id, [
        [synAck?.frame ?? null, synAck?.time ?? null, `SYN-ACK to ${c.client.name}, never answered and never sent again`],
      ]);
    }),
    metrics: {
      neverRepeated: n,
      repeated: again,
      lookedAt: looked,
      withoutOfferedOptions: optionsMissing,
      handshakesCompleted: service.completed,
    },
    causes: [
      {
        text: 'The queue of half-open connections is full and SYN cookies have taken over',
        likelihood: 'high',
        because:
          again > 0 ? 'some SYN-ACKs are repeated, from entries of the queue, and the rest are not' : 'no unanswered SYN-ACK is repeated',
      },
    ],
    remedies: [
      {
        text: 'See how often cookies were sent, came back, and were wrong. Leave them on; raising tcp_max_syn_backlog has no effect while they are.',
        command: 'nstat -az TcpExtSyncookiesSent TcpExtSyncookiesRecv TcpExtSyncookiesFailed TcpExtTCPReqQFullDoCookies',
        appliesTo: 'Linux',
      },
      {
        text: 'If it happens without an attack, the backlog of listen() is too small for the bursts of real clients.',
        command: `ss -ltn 'sport = :${String(service.port)}'; sysctl net.core.somaxconn`,
        appliesTo: 'Linux',
      },
    ],
    caveats: [
      {
        code: 'no-entry',
        text: 'A SYN proxy in front of the host, or tcp_synack_retries=0, would look the same; nstat on the host decides.',
        count: 1,
      },
    ],
    explainedByRules: ['syn-flood', 'accept-queue-overflow'],
  };
}
