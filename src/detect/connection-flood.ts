/** `connection-flood`: connections that are opened, and then held without a word. */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import { checksHealth, standsForMany } from '../model/names.ts';
import { type ConnId, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { type Detection, defineDetector, type Draft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';

/** From so many connections it is critical: about the descriptor limit of a process (ulimit -n 1024). */
const MANY = 1_000;
/** Sources named in a sentence. */
const NAMED = 3;

interface Held {
  readonly service: ServiceView;
  readonly ids: readonly ConnId[];
  /** Source address → connections, the largest first. */
  readonly sources: readonly (readonly [ip: string, count: number])[];
}

export const connectionFlood = defineDetector({
  id: 'connection-flood',
  title: 'Connection flood: connections opened and held in silence',
  severity: 'warning',
  category: 'flood',
  params: {
    minConnections: { default: 100, text: 'connections of one service held in silence from which it is a flood' },
    minSilenceSeconds: { default: 10, text: 'silence after the handshake that no client which wants something keeps, seconds' },
    minSources: { default: 20, text: 'different sources from which no single one must hold minConnections' },
  },
  docs: {
    what: 'Clients complete handshakes and then say nothing, or stop reading, and keep the connection open.',
    why: 'Each such connection costs the server a descriptor and often a thread or a worker, and SYN cookies do not help: the handshake is complete.',
    how: 'Connections whose client sent not one octet, or closed its window for good, and that lasted minSilenceSeconds, from sources that hold no connection to the service on which they speak. minConnections of them from one source, or from minSources and more.',
    never:
      'Pools, proxies and browsers, which also use connections to the service; long polling, whose request is data; connections that are closed soon, as those of a scan or a health check. Hosts that the configuration names a proxy, balancer, NAT, monitor or health checker. A pool of several hosts that is opened and not used yet stays below minSources.',
    limits: 'A client that speaks last by design (a protocol in which the server talks alone) looks the same. Slow requests are slowloris.',
    references: ['iptables-extensions(8): connlimit, hashlimit, recent', 'CERT-FI 2008: Sockstress'],
  },
  detect(capture, params): Detection {
    if (capture.quality.flagsOnly || capture.quality.oneDirection)
      return {
        verdict: 'inconclusive',
        because: 'segments with data, or a whole direction, are missing from the capture: silence proves nothing',
      };
    const groups = capture.services.flatMap((service) => {
      const held = heldAt(capture, service, params);
      return held === null ? [] : [held];
    });
    return found(
      draftLargest(
        groups,
        (g) => g.ids.length,
        (g) => draft(capture, g, params.minSilenceSeconds),
        'service',
      ),
    );
  },
});

function heldAt(
  capture: CaptureView,
  service: ServiceView,
  params: { minConnections: number; minSilenceSeconds: number; minSources: number },
): Held | null {
  if (service.completed < params.minConnections) return null;
  const ids = service.heldInSilence(params.minSilenceSeconds).filter((id) => !isNamed(capture, id));
  if (ids.length === 0 || ids.length < params.minConnections) return null;
  const counts = new Map<string, number>();
  for (const id of ids) {
    const { ip } = capture.connection(id).client;
    counts.set(ip, (counts.get(ip) ?? 0) + 1);
  }
  const sources = [...counts].sort(([, a], [, b]) => b - a);
  return sources.length >= params.minSources || sources[0]![1] >= params.minConnections ? { service, ids, sources } : null;
}

/** A proxy that opens connections ahead of its clients, or a checker: the configuration says so. */
function isNamed(capture: CaptureView, id: ConnId): boolean {
  const role = capture.roleOf(capture.clientOf(id));
  return standsForMany(role) || checksHealth(role);
}

function draft(capture: CaptureView, { service, ids, sources }: Held, silence: number): Draft {
  const [first, last] = [capture.connection(ids[0]!), capture.connection(ids.at(-1)!)];
  const [top, most] = sources[0]!;
  const one = sources.length === 1 ? top : null;
  const named = sources
    .slice(0, NAMED)
    .map(([ip, n]) => `${ip} (${countText(n)})`)
    .join(', ');
  const seconds = secondsOf(last.start - first.start);
  const used = service.completed - ids.length;
  const family = service.ip.includes(':') ? 'ip6' : 'ip';
  const fact = `the clients completed ${plural(ids.length, 'handshake')} and sent nothing for ${durationText(silence)} and more`;
  return {
    severity: ids.length >= MANY ? 'critical' : 'warning',
    confidence: ids.length >= MANY || sources.length > 1 ? 'high' : 'medium',
    title: `${plural(ids.length, 'connection')} to ${service.name} held in silence by ${one ?? plural(sources.length, 'address', 'addresses')}`,
    summary: `${plural(ids.length, 'connection')} to ${service.name}, opened ${period(capture, first.start, last.start)}, carry not one octet from the client, or the client stopped reading, and stay open for ${durationText(silence)} and more. They come from ${named}${sources.length > NAMED ? ` and ${plural(sources.length - NAMED, 'other')}` : ''}, none of which uses a connection to it. ${plural(used, 'other connection')} to it completed in the same capture.`,
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: one ?? 'attacker',
    faultBecause: fact,
    since: first.start,
    until: null,
    count: ids.length,
    connections: ids,
    evidence: examples(ids, 4).flatMap((id) => {
      const c = capture.connection(id);
      return proofs(c.id, [[c.firstFrame, c.start, `SYN of ${c.client.name}; the handshake completes, and no data follow`]]);
    }),
    metrics: {
      connections: ids.length,
      sources: sources.length,
      mostFromOneSource: most,
      openedWithinSeconds: seconds,
      otherConnections: used,
    },
    causes: [
      {
        text: 'A flood of full connections to use up descriptors and workers',
        likelihood: 'high',
        because: fact,
      },
      {
        text: 'A pool or a monitor that opens connections far ahead of their use',
        likelihood: sources.length === 1 ? 'medium' : 'low',
        because: `${countText(most)} of them from ${top}`,
      },
    ],
    remedies: [
      {
        text: 'Limit connections at once, and new ones, per address.',
        command: `nft add rule inet filter input tcp dport ${String(service.port)} ct state new add @clients { ${family} saddr ct count over 20 } reject with tcp reset`,
        appliesTo: 'nftables, Linux 4.18 and newer; the set needs: type ipv4_addr (ipv6_addr); flags dynamic',
      },
      {
        text: 'Give the first request a time limit in the server. SYN cookies and a larger backlog do not help: the handshakes are complete.',
        command: 'client_header_timeout 10s;',
        appliesTo: 'nginx; RequestReadTimeout in Apache, timeout http-request in HAProxy',
      },
    ],
    explainedByRules: [],
  };
}
