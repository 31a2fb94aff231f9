/** `subnet-concentration`: one address, or one /24 (/64), holds most of a service's connections. */
import { prefixText } from '../model/address.ts';
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import type { ConnectionView } from '../model/connection.ts';
import { standsForMany } from '../model/names.ts';
import type { ConnId } from '../model/units.ts';
import { countText, plural } from '../model/wording.ts';
import { type Detection, defineDetector, type Draft, found } from './detector.ts';
import { examples, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { sample } from './statistics.ts';

/** Sources outside that make a comparison with a prefix worth something: a service for one network has none. */
const OUTSIDE = 5;
/** Connections of either group that are looked at. */
const SAMPLE = 100;
/** Connections of a service that are sorted into the two groups. */
const MAX_LISTED = 20_000;
/** Share of a group's connections without an answer with data from which it gets nothing; and how far the others must be from that. */
const BARREN = 0.8;
const OTHERS_BARREN = 0.2;
/** Different forms of SYN (options, TTL) of one address that show several hosts behind it. */
const SEVERAL = 2;
/** Such a limit per source is never below this. */
const LEAST_LIMIT = 20;

interface Concentrated {
  readonly service: ServiceView;
  readonly who: string;
  readonly isPrefix: boolean;
  readonly count: number;
  readonly sources: number;
  readonly ids: readonly ConnId[];
  /** Share of its connections, and of the others', that got no data. */
  readonly barren: number;
  readonly othersBarren: number;
}

export const subnetConcentration = defineDetector({
  id: 'subnet-concentration',
  title: 'One address or network holds most connections',
  severity: 'info',
  category: 'flood',
  params: {
    minConnections: { default: 100, text: 'connections of the service from which shares mean something' },
    minSources: { default: 20, text: 'different sources of the service; among fewer, one always has most' },
    minShare: { default: 0.5, text: 'share of the connections that one address or one network holds' },
  },
  docs: {
    what: 'Half or more of the connections to a service with many clients come from one address, or from one /24 (IPv6: /64).',
    why: 'A limit per source or per network is what stops a flood from few places; this says what limit would have capped it, and that others stay below it.',
    how: 'Connections are counted per source address and per prefix, for services with at least minConnections connections from minSources sources. It is a warning where the connections of that source or network carry no data from the server while those of the others do.',
    never:
      "Services with less than minSources sources, a network in which nearly all clients of the service live, and an address that looks like a proxy or NAT: several hosts' SYNs (different options or TTLs) and healthy exchanges. What the configuration names a proxy, balancer or NAT stands for many clients.",
    limits:
      'A balancer or NAT whose hosts are all alike looks like one busy client. The finding is information, unless its connections get nothing.',
    references: ['nft(8): ct count', 'iptables-extensions(8): connlimit, hashlimit'],
  },
  detect(capture, params): Detection {
    const groups = capture.services.flatMap((service) => {
      const concentrated = concentratedAt(capture, service, params);
      return concentrated === null ? [] : [concentrated];
    });
    return found(
      draftLargest(
        groups,
        (g) => g.count,
        (g) => draft(capture, g),
        'service',
      ),
    );
  },
});

function concentratedAt(
  capture: CaptureView,
  service: ServiceView,
  params: { minConnections: number; minSources: number; minShare: number },
): Concentrated | null {
  if (service.total < params.minConnections || !service.mayBeConcentrated(params.minShare)) return null;
  const { sources, topSource, topPrefix } = service.concentration;
  if (sources < params.minSources || topSource === null || topPrefix === null) return null;
  const enough = params.minShare * service.total;
  const isPrefix = topSource.count < enough;
  if (isPrefix && (topPrefix.count < enough || sources - topPrefix.sources < OUTSIDE)) return null;
  const who = isPrefix ? topPrefix.prefix : topSource.ip;
  const ids: ConnId[] = [];
  const others: ConnId[] = [];
  for (const id of sample(service.all(), MAX_LISTED)) {
    const ip = capture.clientOf(id);
    (ip === who || (isPrefix && prefixText(ip) === who) ? ids : others).push(id);
  }
  const mine = sample(ids, SAMPLE).map((id) => capture.connection(id));
  const theirs = sample(others, SAMPLE).map((id) => capture.connection(id));
  const barren = barrenShare(mine);
  if (mine.length > 0 && mine.every((c) => standsForMany(capture.roleOf(c.client.ip)))) return null;
  if (!isPrefix && barren < OTHERS_BARREN && looksLikeProxy(mine)) return null;
  return {
    service,
    who,
    isPrefix,
    count: isPrefix ? topPrefix.count : topSource.count,
    sources: isPrefix ? topPrefix.sources : 1,
    ids,
    barren,
    othersBarren: barrenShare(theirs),
  };
}

const barrenShare = (connections: readonly ConnectionView[]): number =>
  connections.filter((c) => c.server.payloadBytes === 0).length / Math.max(1, connections.length);

function looksLikeProxy(connections: readonly ConnectionView[]): boolean {
  const forms = new Set(
    connections.map(({ client: c }) => [c.ttl, c.mss, c.windowScale, c.sackPermitted, c.timestamps].map(String).join(' ')),
  );
  return forms.size >= SEVERAL;
}

function draft(capture: CaptureView, g: Concentrated): Draft {
  const { service, who, isPrefix, count, ids } = g;
  const { sources, secondCount } = service.concentration;
  const share = `${String(Math.round((100 * count) / service.total))} %`;
  const warns = !capture.quality.oneDirection && !capture.quality.flagsOnly && g.barren >= BARREN && g.othersBarren <= OTHERS_BARREN;
  const limit = Math.max(LEAST_LIMIT, 2 * secondCount);
  const others = sources - g.sources;
  const fate = `${String(Math.round(100 * g.barren))} % of its connections got no data from the server, and ${String(Math.round(100 * g.othersBarren))} % of the others'`;
  const v6 = who.includes(':');
  const key = `${v6 ? 'ip6' : 'ip'} saddr${isPrefix ? ` and ${v6 ? 'ffff:ffff:ffff:ffff::' : '255.255.255.0'}` : ''}`;
  return {
    severity: warns ? 'warning' : 'info',
    confidence: 'high',
    title: `${who} holds ${share} of the connections to ${service.name}`,
    summary:
      `${who} opened ${countText(count)} of the ${plural(service.total, 'connection')} to ${service.name} (${share})${isPrefix ? `, from ${plural(g.sources, 'address', 'addresses')}` : ''}; the other ${plural(others, 'source')} opened ${countText(service.total - count)}. ${fate}. ${isPrefix ? '' : `The busiest other source opened ${countText(secondCount)}: a limit of ${countText(limit)} at once per address would have capped this one alone.`}`.trimEnd(),
    subject: isPrefix
      ? { subnet: who, peer: service.ip, peerPort: service.port }
      : { host: who, role: 'client', peer: service.ip, peerPort: service.port },
    atFault: warns && !isPrefix ? who : null,
    faultBecause: warns && !isPrefix ? fate : null,
    since: service.start,
    until: null,
    count,
    connections: ids,
    evidence: examples(ids, 4).flatMap((id) => {
      const c = capture.connection(id);
      return proofs(c.id, [[c.firstFrame, c.start, `connection from ${c.client.name}`]]);
    }),
    metrics: {
      connections: count,
      ofConnections: service.total,
      sources: g.sources,
      otherSources: others,
      busiestOtherSource: secondCount,
      withoutAnswerPercent: Math.round(100 * g.barren),
      othersWithoutAnswerPercent: Math.round(100 * g.othersBarren),
    },
    causes: [
      {
        text: warns
          ? 'A client or network that opens connections and gets or wants nothing from them'
          : 'A busy client, a balancer or a NAT',
        likelihood: 'medium',
        because: fate,
      },
    ],
    remedies: [
      {
        text: `If that is not wanted, limit the connections at once per ${isPrefix ? 'network' : 'address'}. A limit that counts a NAT or a balancer as one client locks out all behind it: except those by address.`,
        command: `nft add rule inet filter input tcp dport ${String(service.port)} ct state new add @clients { ${key} ct count over ${String(limit)} } reject with tcp reset`,
        appliesTo: 'nftables, Linux 4.18 and newer; the set needs: type ipv4_addr (ipv6_addr); flags dynamic',
      },
    ],
    explainedByRules: ['syn-flood', 'http-flood', 'slowloris', 'connection-flood', 'port-scan'],
  };
}
