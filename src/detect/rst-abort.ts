/** `rst-abort`: a live socket ended a connection by RST instead of FIN. Which, and of what kind, is decided in aborts.ts. */
import { prefixText } from '../model/address.ts';
import type { CaptureView } from '../model/capture-view.ts';
import { Mark } from '../model/connection.ts';
import type { Cause, Remedy, Subject } from '../model/finding.ts';
import { otherSide, Side } from '../model/state.ts';
import { type ConnId, type Nanos, nanosOf, secondsOf } from '../model/units.ts';
import { durationText, plural } from '../model/wording.ts';
import { type Abort, type AbortGroup, abortGroups, type AbortKind, abortsOf } from './aborts.ts';
import { type Detection, defineDetector, type Draft, type EvidenceDraft, found } from './detector.ts';
import { distinction } from './distinction.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { largest, sampleOf } from './statistics.ts';

/** RSTs of one host this close together have one cause. */
const SAME_INSTANT = nanosOf(0.05);
/** So many at the same instant are one event: a process that dies, a listener that closes. */
const TOGETHER = 3;
const EXAMPLES = 3;
/** Connections that the aborted ones are compared with, at most. */
const COMPARED = 5_000;

export const rstAbort = defineDetector({
  id: 'rst-abort',
  title: 'A live connection was aborted by RST',
  severity: 'warning',
  category: 'reset',
  neighbours: 'service',
  said: 'end',
  params: {
    minConnections: { default: 1, text: 'aborted connections of one host and service from which it is reported' },
  },
  docs: {
    what: 'An end that has a live socket ends the connection by RST instead of FIN: close() with SO_LINGER 0, close() while received data was unread, a listener closed with connections that nobody had accepted, or a process that was killed.',
    why: 'What was under way is lost: the RST discards data that the other end has not read yet, and that end sees "connection reset by peer" instead of an orderly end.',
    how: 'The first RST of an established connection has the form of a live socket: it acknowledges, continues the sequence numbers of its sender (exactly the next one), or carries a timestamp or a window. What came before tells the reasons apart: the peer spoke last and got no answer (unread data), a server that never said a word (closed listener), silence before (idle timeout), refusals straight afterwards (the service goes down), several in the same instant (a process dies). Otherwise SO_LINGER 0.',
    never:
      'A bare RST of a kernel without a socket; a RST after the FIN of the peer or of its own sender; a refused SYN; a client that resets after the bare handshake (health check); TLS connections whose exchange was over (session tickets or a close_notify that nobody reads make OpenSSL reset); a peer that had been silent to probes or retransmissions (dead peer); RSTs that a third party made (rst-injection), and those that their sender outlived, whoever made them.',
    limits:
      'SO_LINGER 0 and close() with unread data look the same on the wire; the causes are ranked by what came before. A RST after the FIN of the peer is only reported when the service refuses connections right afterwards.',
    references: ['RFC 2525 §2.17', 'RFC 1122 §4.2.2.13', 'linux net/ipv4/tcp.c: tcp_close', 'man 7 socket: SO_LINGER'],
  },
  detect(capture, params): Detection {
    if (capture.withRst().length === 0 && !capture.quality.oneDirection) return { verdict: 'clear' };
    if (capture.quality.flagsOnly)
      return {
        verdict: 'inconclusive',
        because: 'only segments with SYN, FIN or RST are in the capture: what the RSTs cut off is not in it',
      };
    if (capture.quality.oneDirection)
      return { verdict: 'inconclusive', because: 'only one direction of each connection is in the capture' };
    const groups = abortGroups(capture).filter((g) => g.ids.length >= params.minConnections);
    return found(
      draftLargest(
        groups,
        (g) => g.ids.length,
        (g) => draft(capture, g),
        'group',
      ),
    );
  },
});

function draft(capture: CaptureView, group: AbortGroup): Draft {
  const { service, side, host } = group;
  const aborts = abortsOf(capture, group);
  const isClient = side === Side.CLIENT;
  const since = aborts.reduce((t, a) => Math.min(t, a.time), Infinity) as Nanos;
  const last = aborts.reduce((t, a) => Math.max(t, a.time), 0) as Nanos;
  const together = mostAtOnce(aborts);
  const kinds = countKinds(aborts);
  const main = kinds[0]![0];
  const clients = [...new Set(aborts.map((a) => capture.clientOf(a.id)))];
  const [hosts, peers] = isClient ? [clients, [service.ip]] : [[service.ip], clients];
  const subnet = host === null ? commonPrefix(hosts) : null;
  const who = host ?? plural(hosts.length, 'client');
  const ids = aborts.map((a) => a.id).sort((a, b) => a - b);
  const unaffected = unaffectedOf(capture, group, new Set(ids));
  // Nothing was lost: it was idle, or the other end had said that it was done.
  const harmless = aborts.every((a) => a.kind === 'idle' || a.afterPeerFin);
  const otherTtl = aborts.some((a) => a.ttlDiffers);
  const where = isClient ? `to ${service.name}` : `at ${service.name}`;
  return {
    severity: harmless ? 'notice' : 'warning',
    confidence: otherTtl || aborts.some((a) => a.midstream) ? 'medium' : 'high',
    title: `${plural(aborts.length, 'connection')} ${where} aborted by ${who} with RST`,
    summary: [
      `${host === null ? who : `${host}, the ${isClient ? 'client' : 'server'},`} ended ${plural(aborts.length, 'connection')} ${where} by RST instead of FIN ${period(capture, since, last)}; the other end was ${peers.length === 1 ? peers[0]! : plural(peers.length, 'address', 'addresses')}.`,
      `${aborts.length === 1 ? 'The RST' : 'Each RST'} came from the live socket of ${host ?? 'its client'}: it continues its sequence numbers${aborts.every((a) => a.seqExact) ? ' exactly' : ''}.`,
      KIND_TEXT[main],
      together >= TOGETHER ? `${String(together)} of them came within ${durationText(secondsOf(SAME_INSTANT))}.` : '',
      distinction(capture, ids, unaffected, side, { endings: false }),
    ]
      .filter((s) => s !== '')
      .join(' '),
    subject: subjectOf(group, subnet),
    atFault: host ?? (subnet === null || subnet.endsWith('/0') ? null : subnet),
    faultBecause: otherTtl
      ? 'the RST continues its sequence numbers; but its TTL is another than that of its other segments, so a device on the path may have made it'
      : 'the RST is its own: sequence number and distance (TTL) are those of its other segments',
    since,
    until: last,
    count: aborts.length,
    connections: ids,
    evidence: evidence(capture, side, aborts),
    metrics: {
      connections: aborts.length,
      mostAtOnce: together,
      ...Object.fromEntries(kinds.map(([kind, n]) => [METRIC[kind], n])),
      comparedWithConnections: unaffected.length,
      longestQuietSeconds: largest(aborts.map((a) => a.quiet)),
    },
    causes: causes(side, aborts.length, main, together),
    remedies: remedies(main, isClient),
    caveats: [
      {
        code: 'same-on-the-wire',
        text: `SO_LINGER 0 and close() with unread data make the same RST. On ${host ?? 'the clients'}, nstat tells them apart: TcpExtTCPAbortOnData (SO_LINGER 0) against TcpExtTCPAbortOnClose (unread data).`,
        count: 1,
      },
    ],
    explainedByRules: ['process-killed'],
  };
}

function subjectOf({ service, side, host }: AbortGroup, subnet: string | null): Subject {
  if (host === null) return { role: 'client', subnet: subnet ?? '0.0.0.0/0', peer: service.ip, peerPort: service.port };
  return side === Side.CLIENT
    ? { host, role: 'client', peer: service.ip, port: service.port }
    : { host, role: 'server', port: service.port };
}

/** The /24 or /64 of all of them, or every address of the family. */
function commonPrefix(hosts: readonly string[]): string {
  const prefixes = new Set(hosts.map(prefixText));
  return prefixes.size === 1 ? [...prefixes][0]! : hosts[0]!.includes(':') ? '::/0' : '0.0.0.0/0';
}

/** Other connections of the same host at the same service that were up; of a large service a sample. */
function unaffectedOf(capture: CaptureView, { service, side, host }: AbortGroup, aborted: ReadonlySet<ConnId>): ConnId[] {
  const lived = sampleOf([service.ids('ok'), service.ids('open'), service.ids('leaked')], COMPARED, (id) => !aborted.has(id));
  return lived.filter((id) => side === Side.SERVER || host === null || capture.clientOf(id) === host);
}

const KIND_TEXT: Readonly<Record<AbortKind, string>> = {
  'unread-data':
    'Data of the other end had arrived and was not answered, or not all of it can have been read: close() with unread data resets.',
  'listener-closed': 'The server had not said a word on them: a listener that is closed resets the connections that nobody had accepted.',
  idle: 'Nothing had been sent on them for a while: an idle timeout that ends connections by RST.',
  linger:
    'Nothing else explains it (no silence before, no unanswered request, no refusals afterwards): an application that closes with SO_LINGER 0, or that does not read an answer to its end.',
  'service-down': 'The service refused connections right afterwards: it was going down.',
};

const METRIC: Readonly<Record<AbortKind, string>> = {
  'unread-data': 'withUnreadData',
  'listener-closed': 'neverAccepted',
  idle: 'idle',
  linger: 'afterCompleteExchange',
  'service-down': 'whileServiceWentDown',
};

function countKinds(aborts: readonly Abort[]): [AbortKind, number][] {
  const counts = new Map<AbortKind, number>();
  for (const a of aborts) counts.set(a.kind, (counts.get(a.kind) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}

function mostAtOnce(aborts: readonly Abort[]): number {
  const times = aborts.map((a) => a.time).sort((a, b) => a - b);
  let most = 0;
  for (let i = 0, k = 0; i < times.length; i++) {
    while (times[i]! - times[k]! > SAME_INSTANT) k++;
    most = Math.max(most, i - k + 1);
  }
  return most;
}

function evidence(capture: CaptureView, side: Side, aborts: readonly Abort[]): EvidenceDraft[] {
  return examples(
    aborts.toSorted((a, b) => a.id - b.id),
    EXAMPLES,
  ).flatMap((abort) => {
    const { ends, marks } = capture.connection(abort.id);
    const [end, peer] = [ends[side], ends[otherSide(side)]];
    const rst = marks.find((m) => m.mark === Mark.RST)!;
    return proofs(abort.id, [
      [peer.lastDataFrame, peer.lastDataTime, `last data of ${peer.name} (${plural(peer.payloadBytes, 'octet')} in all)`],
      [end.lastDataFrame, end.lastDataTime, `last data of ${end.name} (${plural(end.payloadBytes, 'octet')} in all)`],
      [
        rst.frame,
        rst.time,
        `RST${rst.rst!.hasAck ? ', ACK' : ''} of ${end.name}${abort.afterPeerFin ? ', in answer to the FIN' : ', no FIN before'}`,
      ],
    ]);
  });
}

function causes(side: Side, n: number, main: AbortKind, together: number): Cause[] {
  const isServer = side === Side.SERVER;
  const linger: Cause = {
    text: 'The application closes with SO_LINGER 0 (often "to avoid TIME_WAIT"), or calls an abort function',
    likelihood: main === 'linger' ? 'high' : main === 'unread-data' ? 'medium' : 'low',
    because: main === 'linger' ? 'no silence, no unanswered request and no refusals afterwards go with it' : 'the RST looks the same',
  };
  const unread: Cause = {
    text: 'The application closes while received data is unread',
    likelihood: main === 'unread-data' ? 'high' : main === 'linger' ? 'medium' : 'low',
    because: isServer
      ? 'the client had sent more than the server can be seen to have answered'
      : 'the server may have sent more than the application reads; the capture cannot show what it read',
  };
  const killed: Cause = {
    text: 'The process was killed or crashed with open connections',
    likelihood: main === 'service-down' || together >= TOGETHER ? 'high' : 'low',
    because:
      main === 'service-down'
        ? 'connections were refused right afterwards'
        : together >= TOGETHER
          ? `${String(together)} of ${plural(n, 'connection')} ended in the same instant`
          : 'they ended at different moments',
  };
  const listener: Cause = {
    text: 'The listener was closed while connections waited for accept()',
    likelihood: 'high',
    because: 'the server never sent an octet on them',
  };
  const idle: Cause = {
    text: 'An idle timeout of the application or a balancer that resets instead of closing',
    likelihood: 'high',
    because: 'nothing had been sent for a while',
  };
  switch (main) {
    case 'linger':
      return [linger, unread, killed];
    case 'unread-data':
      return [unread, linger, killed];
    case 'listener-closed':
      return [listener, killed, linger];
    case 'idle':
      return [idle, linger, killed];
    case 'service-down':
      return [killed, { ...listener, likelihood: 'medium', because: 'a service that stops closes its listener first' }, linger];
  }
}

function remedies(main: AbortKind, isClient: boolean): Remedy[] {
  const counters: Remedy = {
    text: 'See on the resetting host which kind it is.',
    command: 'nstat -az TcpExtTCPAbortOnData TcpExtTCPAbortOnClose TcpExtTCPAbortOnLinger',
    appliesTo: 'Linux',
  };
  const linger: Remedy = {
    text: 'Do not set SO_LINGER 0 to get rid of TIME_WAIT: it throws away what is unsent and resets the peer. TIME_WAIT costs a client one port for 60 s and a server no port at all.',
    command: 'strace -f -e trace=setsockopt -p PID 2>&1 | grep SO_LINGER',
    appliesTo: isClient ? 'the client application' : 'the server application',
  };
  const read: Remedy = {
    text: 'Read to the end before close(): shutdown(SHUT_WR), then read until 0 or a short timeout (nginx: lingering_close).',
    command: null,
    appliesTo: isClient ? 'the client application' : 'the server application',
  };
  const death: Remedy = {
    text: 'Look for the end of the process at that moment.',
    command: 'journalctl -k -g "Out of memory|segfault"; systemctl status',
    appliesTo: 'Linux with systemd',
  };
  if (main === 'service-down' || main === 'listener-closed') return [death, counters, read];
  return main === 'unread-data' ? [read, counters, linger] : [linger, counters, read];
}
