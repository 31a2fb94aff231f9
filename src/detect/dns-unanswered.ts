/** `dns-unanswered`: connects that waited for a name because a DNS query was lost or ignored. One finding for a DNS server. */
import type { CaptureView } from '../model/capture-view.ts';
import type { LateLookup } from '../model/dns.ts';
import { type ConnId, type Nanos, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { type Detection, defineDetector, type Draft, found } from './detector.ts';
import { clock, examples, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { largest, median } from './statistics.ts';

const PORT = 53;
const EXAMPLES = 5;
/** man 5 resolv.conf: timeout, 5 s by default. */
const GLIBC_SECONDS = 5;
const TOLERANCE = 0.1;

interface Held {
  readonly server: string;
  readonly lookups: readonly (LateLookup & { readonly connection: ConnId })[];
}

export const dnsUnanswered = defineDetector({
  id: 'dns-unanswered',
  title: 'Connects wait for an unanswered DNS query',
  severity: 'notice',
  category: 'open',
  params: { minConnects: { default: 1, text: 'connects held up by queries to one server from which it is reported' } },
  docs: {
    what: 'A client asked for a name, got no answer, asked again seconds later, and opened its connection right after the answer to that.',
    why: 'To the user the service is slow to connect, by 5 s or a multiple of it with glibc; nothing of it shows in the connection itself, and the handshake is as quick as ever.',
    how: 'The same question with the same number, asked at least twice by one client (of the same server or of the next one in resolv.conf) and answered a second or more after it was first asked; then a SYN of that client within 0.1 s. The server that was asked first is named.',
    never: 'Slow answers to a question that was asked once. Late look-ups that no connect follows. Captures without DNS over UDP.',
    limits:
      'Resolvers that ask again with a new number are not recognised. Whether the query or the answer was lost, or the server ignored it, the capture does not say unless it was taken at the server. Look-ups of a resolver in between (systemd-resolved, dnsmasq) are those of its host, not of the client.',
    references: ['man 5 resolv.conf: timeout, attempts', 'glibc resolv/res_send.c'],
  },
  detect(capture, params): Detection {
    const { dns } = capture;
    if (dns.queries === 0) return { verdict: 'not-applicable', because: 'there is no DNS query over UDP in the capture' };
    const byServer = new Map<string, (LateLookup & { readonly connection: ConnId })[]>();
    for (const it of dns.lateLookups) {
      const { connection } = it;
      if (connection === null) continue;
      const list = byServer.get(it.server);
      if (list) list.push({ ...it, connection });
      else byServer.set(it.server, [{ ...it, connection }]);
    }
    const held = [...byServer]
      .map(([server, lookups]): Held => ({ server, lookups }))
      .filter((h) => h.lookups.length >= params.minConnects);
    return found(
      draftLargest(
        held,
        (h) => h.lookups.length,
        (h) => draft(capture, h),
        'server',
      ),
    );
  },
});

function draft(capture: CaptureView, { server, lookups }: Held): Draft {
  const waits = lookups.map((it) => secondsOf(it.answered - it.asked));
  const clients = new Set(lookups.map((it) => it.client)).size;
  const glibc = waits.filter((s) => Math.abs(s - GLIBC_SECONDS) < TOLERANCE).length;
  const ids = [...new Set(lookups.map((it) => it.connection))].sort((a, b) => a - b);
  const last = lookups.reduce((t, it) => Math.max(t, it.answered), 0) as Nanos;
  const asked = capture.dns.servers.find((s) => s.ip === server);
  const silent = asked?.answers === 0;
  return {
    severity: 'notice',
    confidence: 'medium',
    title: `${plural(ids.length, 'connect')} of ${plural(clients, 'client')} waited up to ${durationText(largest(waits))} for a DNS answer`,
    summary: [
      `${plural(lookups.length, 'DNS query', 'DNS queries')} to ${server} stayed without an answer from ${clock(capture, lookups[0]!.asked)} on and had to be asked again; ${plural(ids.length, 'connection')} of ${plural(clients, 'client')} began right after the late answer, ${durationText(median(waits))} later than they could have (median).`,
      glibc === 0 ? '' : `${countText(glibc)} waited ${durationText(GLIBC_SECONDS)}, the timeout of glibc's resolver.`,
      silent ? `${server} answered none of ${plural(asked.queries, 'query', 'queries')} in this capture.` : '',
    ]
      .filter((s) => s !== '')
      .join(' '),
    subject: { host: server, role: 'server', port: PORT },
    atFault: null,
    faultBecause: null,
    since: lookups[0]!.asked,
    until: secondsOf(capture.end - last) > 2 * largest(waits) ? last : null,
    count: ids.length,
    connections: ids,
    evidence: examples(lookups, EXAMPLES).flatMap((it) => {
      const c = capture.connection(it.connection);
      const wait = durationText(secondsOf(it.answered - it.asked));
      return [
        { connection: null, frame: it.askedFrame, time: it.asked, note: `query of ${it.client} to ${it.server}, without an answer` },
        {
          connection: null,
          frame: it.answeredFrame,
          time: it.answered,
          note: `the answer, after ${plural(it.tries, 'try', 'tries')} and ${wait}`,
        },
        ...proofs(c.id, [[c.firstFrame, c.start, `SYN of ${c.client.name} right after it`]]),
      ];
    }),
    metrics: {
      lookups: lookups.length,
      clients,
      medianWaitSeconds: median(waits),
      longestWaitSeconds: largest(waits),
      queriesToServer: asked?.queries ?? 0,
      answersOfServer: asked?.answers ?? 0,
    },
    causes: [
      {
        text: silent
          ? `${server} is down, or a filter drops what goes there or comes back`
          : 'Single queries or answers are lost or dropped on the way',
        likelihood: silent ? 'high' : 'medium',
        because: silent ? `it answered none of ${plural(asked.queries, 'query', 'queries')}` : 'the same server answered others',
      },
      {
        text: 'Two queries (A and AAAA) at once from one port, one of which a firewall or an old conntrack drops',
        likelihood: glibc > 0 && !silent ? 'medium' : 'low',
        because: 'glibc sends both from one socket; the race for one conntrack entry was mostly fixed in Linux 5.0',
      },
    ],
    remedies: [
      {
        text: 'Ask each server of resolv.conf by hand, several times.',
        command: `dig +tries=1 +time=1 @${server} example.com`,
        appliesTo: 'the client',
      },
      {
        text: 'Until it is mended: put a server that answers first, and wait less.',
        command: 'options timeout:1 attempts:3 single-request-reopen',
        appliesTo: 'glibc, /etc/resolv.conf',
      },
      {
        text: 'A capture at the DNS server shows whether the query arrives.',
        command: `tcpdump -ni any udp port ${String(PORT)} and host ${lookups[0]!.client}`,
        appliesTo: 'the DNS server',
      },
    ],
    caveats: [],
    explainedByRules: ['dns-flood'],
  };
}
