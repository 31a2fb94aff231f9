/** `accept-queue-overflow`: handshakes that the kernel finished and the application did not take. Judgement in accept-queue.ts. */
import type { CaptureView } from '../model/capture-view.ts';
import { type ConnectionView, Mark } from '../model/connection.ts';
import type { Cause } from '../model/finding.ts';
import { Side } from '../model/state.ts';
import { type ConnId, secondsOf } from '../model/units.ts';
import { durationText, ordinalText, plural } from '../model/wording.ts';
import { type Overflow, overflows } from './accept-queue.ts';
import { type Detection, defineDetector, type Draft, type EvidenceDraft, foundUnless } from './detector.ts';
import { distinction } from './distinction.ts';
import { clock, proofs } from './evidence.ts';
import { largest, median } from './statistics.ts';

/** Shown of each kind. */
const EXAMPLES = 2;
/** Connections whose round trips say where the capture was made. */
const LOOKED_AT = 200;
/** The server answers this much faster than the client: the capture was made beside the server. */
const BESIDE = 4;

export const acceptQueueOverflow = defineDetector({
  id: 'accept-queue-overflow',
  title: 'The accept queue is full: the application accepts too slowly',
  severity: 'critical',
  category: 'open',
  neighbours: 'service',
  params: {
    minConnections: { default: 2, text: 'connections concerned from which it is reported' },
  },
  docs: {
    what: 'The kernel has completed handshakes that the application does not take with accept(). The queue for them (the backlog of listen()) is full, and the kernel turns further clients away.',
    why: 'Clients hang in connect() or in their first request although the host, the network and the port are fine. Restarting clients makes it worse.',
    how: 'Three signs at one service: the third ACK is in the capture and the SYN-ACK comes again (tcp_abort_on_overflow=0); the third ACK is answered at once by a RST without a socket (tcp_abort_on_overflow=1); SYNs are repeated and never answered while established connections of the same service have data that was acknowledged and never answered. Two connections of the first two kinds prove it, or one beside waiting connections, or two dropped SYNs beside two connections with unread data.',
    never:
      'A SYN flood (no third ACK), a third ACK that is not in the capture (lost-third-ack), a single reset or repeat without waiting connections, a RST whose TTL is not that of the SYN-ACK (the server did not send it), TCP_DEFER_ACCEPT: a service all of whose repeated SYN-ACKs came but once, to clients that said nothing, and whose ACK was then taken.',
    limits:
      'In a capture made at the client, third ACKs lost on the way to the server look like ignored ones; the finding says where the capture was made. With SYN cookies engaged neither SYN-ACK nor RST is repeated, and only the unanswered data shows it.',
    references: [
      'linux net/ipv4/tcp_ipv4.c: tcp_v4_syn_recv_sock, sk_acceptq_is_full',
      'man 2 listen',
      'ip-sysctl.rst: somaxconn, tcp_abort_on_overflow',
    ],
  },
  detect(capture, params): Detection {
    const drafts: Draft[] = [];
    for (const overflow of overflows(capture).values()) {
      const { ignored, reset, dropped } = overflow;
      if (ignored.length + reset.length + dropped.length >= params.minConnections) drafts.push(draft(capture, overflow));
    }
    return foundUnless(
      drafts,
      (capture.quality.oneDirection || capture.quality.flagsOnly) &&
        'the third ACKs, or the SYN-ACKs that come again in spite of them, are not in this capture',
    );
  },
});

function draft(capture: CaptureView, o: Overflow): Draft {
  const { service, ignored, reset, dropped, unread, untouched } = o;
  const affected = [...ignored, ...reset, ...dropped].sort((a, b) => a - b);
  const clients = new Set(affected.map((id) => capture.clientOf(id))).size;
  const atServer = besideServer([...ignored, ...reset].slice(0, LOOKED_AT).map((id) => capture.connection(id)));
  // Silence alone may also come from a host that went down while connections waited.
  const answered = ignored.length + reset.length > 0;
  const certain = answered && (reset.length > 0 || unread.length + untouched > 0 || atServer);
  const parts = [
    ignored.length > 0 ? `the third ACK of ${plural(ignored.length, 'connection')} was ignored (the SYN-ACK came again)` : '',
    reset.length > 0 ? `${plural(reset.length, 'connection')} got a RST straight after the third ACK` : '',
    dropped.length > 0 ? `${plural(dropped.length, 'later SYN')} got no answer` : '',
  ].filter((s) => s !== '');
  const waiting = unread.length + untouched;
  return {
    severity: certain || !answered ? 'critical' : 'warning',
    confidence: certain ? 'high' : 'medium',
    title: `Accept queue of ${service.name} is full: ${plural(affected.length, 'connection')} turned away`,
    summary: [
      `Since ${clock(capture, o.since)} ${service.name} takes no new connections of ${plural(clients, 'client')}${answered ? ' although its kernel answers' : ''}: ${parts.join(', ')}.`,
      waiting > 0
        ? `Meanwhile ${plural(waiting, 'connection')} that the kernel had accepted heard nothing from the application${unread.length > 0 ? ` (data of ${plural(unread.length, 'of them', 'of them')} was acknowledged and never answered)` : ''}: they are what fills the queue, which holds the listen backlog plus one.`
        : '',
      distinction(capture, affected, [...service.ids('ok'), ...unread], Side.SERVER),
    ]
      .filter((s) => s !== '')
      .join(' '),
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: service.ip,
    faultBecause: answered
      ? `the handshakes reached the server, whose kernel answered them; ${waiting > 0 ? 'its application does not take the connections that wait' : 'only a full accept queue makes it ignore or reset the third ACK'}`
      : `SYNs are dropped while ${plural(waiting, 'connection')} that its kernel had accepted ${waiting === 1 ? 'waits' : 'wait'} for the application`,
    since: o.since,
    until: null,
    count: affected.length,
    connections: affected,
    evidence: evidence(capture, o),
    metrics: {
      thirdAcksIgnored: ignored.length,
      resetAfterThirdAck: reset.length,
      synsDroppedConnections: dropped.length,
      waitingWithUnreadData: unread.length,
      waitingWithoutData: untouched,
      clients,
      longestWaitSeconds: secondsOf(largest(affected.map((id) => capture.end - capture.connection(id).start))),
      backlogAtMost: waiting > 0 ? waiting - 1 : null,
    },
    causes: causes(o),
    remedies: [
      {
        text: 'See the queue: Recv-Q is what waits, Send-Q the backlog.',
        command: `ss -ltn 'sport = :${String(service.port)}'`,
        appliesTo: 'Linux',
      },
      { text: 'See how often it overflowed.', command: 'nstat -az TcpExtListenOverflows TcpExtListenDrops', appliesTo: 'Linux' },
      {
        text: 'Find out why the application does not call accept(): all workers busy, a lock, a blocked event loop, too few threads. Everything else only moves the limit.',
        command: `ss -tanp 'sport = :${String(service.port)}'`,
        appliesTo: 'the application',
      },
      {
        text: 'If the load is a short burst, raise the backlog that the application passes to listen() and the ceiling for it. tcp_max_syn_backlog is another queue and does not help.',
        command: 'sysctl -w net.core.somaxconn=4096',
        appliesTo: 'Linux; 4096 is the default since 5.4, 128 before',
      },
    ],
    caveats: certain
      ? []
      : [
          {
            code: 'capture-point',
            text: answered
              ? 'The capture does not show waiting connections: a path that loses third ACKs behind the capture point would look the same. nstat on the server decides.'
              : 'No third ACK was ignored in the capture: a host that goes down while these connections wait would look the same. nstat on the server decides.',
            count: 1,
          },
        ],
    explainedByRules: [
      'process-killed',
      'connection-flood',
      'slowloris',
      'http-flood',
      { rule: 'close-wait-stuck', atFault: service.ip },
      { rule: 'zero-window', atFault: service.ip },
    ],
  };
}

function besideServer(connections: readonly ConnectionView[]): boolean {
  const pairs = connections.flatMap((c) =>
    c.serverSideRtt === null || c.clientSideRtt === null ? [] : [[c.serverSideRtt, c.clientSideRtt] as const],
  );
  if (pairs.length === 0) return false;
  return median(pairs.map(([server]) => server)) * BESIDE < median(pairs.map(([, client]) => client));
}

function evidence(capture: CaptureView, o: Overflow): EvidenceDraft[] {
  const shown = (ids: readonly ConnId[]): ConnectionView[] => ids.slice(0, EXAMPLES).map((id) => capture.connection(id));
  const ignored = shown(o.ignored).flatMap((c) => {
    const again = c.marks.filter((m) => m.mark === Mark.SYN_ACK_AGAIN && m.side === Side.SERVER);
    return proofs(c.id, [
      [c.firstFrame, c.start, `SYN of ${c.client.name}`],
      [again[0]?.frame ?? null, again[0]?.time ?? null, 'SYN-ACK again although the third ACK is in the capture'],
      [again.at(-1)?.frame ?? null, again.length > 1 ? again.at(-1)!.time : null, `SYN-ACK for the ${ordinalText(again.length + 1)} time`],
    ]);
  });
  const reset = shown(o.reset).flatMap((c) => {
    const rst = c.marks.find((m) => m.mark === Mark.RST);
    return proofs(c.id, [
      [rst?.frame ?? null, rst?.time ?? null, 'RST without a socket, straight after the third ACK (tcp_abort_on_overflow=1)'],
    ]);
  });
  const dropped = shown(o.dropped).flatMap((c) => {
    const again = c.marks.filter((m) => m.mark === Mark.SYN_AGAIN);
    return proofs(c.id, [
      [c.firstFrame, c.start, `SYN of ${c.client.name}, no answer`],
      [
        again.at(-1)?.frame ?? null,
        again.at(-1)?.time ?? null,
        `SYN again after ${durationText(secondsOf((again.at(-1)?.time ?? c.start) - c.start))}, still no answer`,
      ],
    ]);
  });
  return [...ignored, ...reset, ...dropped];
}

function causes(o: Overflow): Cause[] {
  const waiting = o.unread.length + o.untouched;
  const out: Cause[] = [
    {
      text: 'The application does not call accept() fast enough, or not at all',
      likelihood: 'high',
      because:
        waiting > 0
          ? `${plural(waiting, 'connection')} of the same service ${waiting === 1 ? 'was' : 'were'} established and heard nothing from it`
          : 'only a full queue makes the kernel ignore or reset a third ACK',
    },
    {
      text: 'The listen backlog is too small for the burst',
      likelihood: waiting > 0 && waiting <= 16 ? 'medium' : 'low',
      because:
        waiting > 0
          ? `the queue seems to hold ${String(waiting)}: a backlog of ${String(waiting - 1)}`
          : 'the size of the queue is not in the capture',
    },
  ];
  if (o.reset.length > 0)
    out.push({
      text: 'tcp_abort_on_overflow=1 turns the wait into an error for the client',
      likelihood: 'high',
      because: 'the RST has no ACK flag and comes straight after the third ACK',
    });
  return out;
}
