/** `spoofed-source`: the addresses that attempts come from are not those of their sender. */
import type { CaptureView, DeadAttempts, ServiceView } from '../model/capture-view.ts';
import { Mark } from '../model/connection.ts';
import { Side } from '../model/state.ts';
import { countText, plural } from '../model/wording.ts';
import { type Detection, defineDetector, type Draft, type EvidenceDraft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { ownersAnswer } from './floods.ts';
import { draftLargest } from './largest.ts';

/** Share of the attempts that counts as all of them. */
const UNIFORM = 0.95;
/** Attempts from whose sources the spread over the address space is told. */
const SAMPLE = 200;
/** Share of sources that stand in a network of their own (/16, /32) when they are drawn at random. */
const SCATTERED = 0.5;
/** Random sources need more of them to be told from a handful of real ones. */
const MANY = 100;

/** How the forgery shows. */
type Proof = 'owners-answer' | 'one-sender';

interface Spoofed {
  readonly service: ServiceView;
  readonly attempts: DeadAttempts;
  readonly proof: Proof;
}

export const spoofedSource = defineDetector({
  id: 'spoofed-source',
  title: 'Forged source addresses',
  severity: 'warning',
  category: 'flood',
  params: {
    minSources: { default: 10, text: 'sources whose owners refuse what was sent in their names' },
  },
  docs: {
    what: "Connection attempts carry source addresses that are not their sender's: the owners of the addresses refuse the SYN-ACK by RST from another distance, or thousands of sources all over the world share one TTL and one form of SYN.",
    why: 'Blocking such sources hits bystanders and never the sender. The owners of the addresses receive answers to questions that they did not ask.',
    how: 'Among the attempts at a service that nobody follows up: more than half are ended by a bare RST whose TTL differs from that of the SYN, from at least minSources addresses. Or: 100 sources and more, scattered over the address space, of whose SYNs 95 % have the same TTL and the same length; real hosts at so many places have not.',
    never:
      'Sources that complete handshakes here, one source alone (its own kernel refuses what a raw-socket tool asked for), RSTs from the same distance as the SYN (a connect timeout), and captures of one direction or of flags alone.',
    limits:
      'A forger that also varies the TTL and the options looks like many hosts. Where the packets come from, only the routers on the way can tell.',
    references: ['RFC 2827 (BCP 38)', 'RFC 4987 §2', 'RFC 9293 §3.10.7.3: the owner answers a SYN-ACK by RST'],
  },
  detect(capture, params): Detection {
    if (capture.quality.oneDirection)
      return {
        verdict: 'inconclusive',
        because: 'the capture holds one direction only: it shows neither answers nor what became of the attempts',
      };
    const groups = capture.services.flatMap((service) => {
      const spoofed = spoofedAt(capture, service, params.minSources);
      return spoofed === null ? [] : [spoofed];
    });
    return found(
      draftLargest(
        groups,
        (g) => g.attempts.ids.length,
        (g) => draft(capture, g),
        'service',
      ),
    );
  },
});

function spoofedAt(capture: CaptureView, service: ServiceView, minSources: number): Spoofed | null {
  if (service.unfinished < minSources) return null;
  const { deadAttempts: attempts } = service;
  if (attempts.sources < minSources) return null;
  if (ownersAnswer(capture, attempts)) return { service, attempts, proof: 'owners-answer' };
  return attempts.sources >= MANY && !capture.quality.flagsOnly && isOneSender(capture, attempts)
    ? { service, attempts, proof: 'one-sender' }
    : null;
}

function isOneSender(capture: CaptureView, a: DeadAttempts): boolean {
  const total = a.ids.length;
  const uniform = (a.ttls[0]?.attack ?? 0) >= UNIFORM * total && (a.lengths[0]?.attack ?? 0) >= UNIFORM * total;
  if (!uniform || a.sources < total / 2) return false;
  const networks = new Set<string>();
  const seen = examples(a.ids, SAMPLE);
  for (const id of seen) networks.add(wideNetwork(capture.clientOf(id)));
  return networks.size >= SCATTERED * seen.length;
}

/** The first two groups of an address: a /16 (IPv4) or a /32 (IPv6). */
const wideNetwork = (ip: string): string =>
  ip
    .split(ip.includes(':') ? ':' : '.')
    .slice(0, 2)
    .join(' ');

function draft(capture: CaptureView, { service, attempts: a, proof }: Spoofed): Draft {
  const total = a.ids.length;
  const ttl = a.ttls[0]!.value;
  const because =
    proof === 'owners-answer'
      ? `the owners of the addresses answered ${countText(a.reset)} of ${plural(total, 'SYN-ACK')} by RST, from another distance than the SYNs came`
      : `${plural(a.sources, 'source')} scattered over the address space share the TTL ${countText(ttl)} and the length of ${countText(a.lengths[0]!.value)} octets: one sender made them`;
  const when = a.first === null || a.last === null ? '' : ` ${period(capture, a.first, a.last)}`;
  return {
    severity: proof === 'owners-answer' ? 'warning' : 'info',
    confidence: proof === 'owners-answer' ? 'high' : 'medium',
    title: `Forged sources: ${plural(total, 'attempt')} at ${service.name} in the names of ${plural(a.sources, 'address', 'addresses')}`,
    summary: `${plural(total, 'attempt')} at ${service.name}${when} did not come from the ${plural(a.sources, 'address', 'addresses')} that they carry: ${because}. Blocking these addresses would hit their owners${a.real === 0 ? '' : `; ${plural(a.real, 'connection')} of real clients stand beside them`}.`,
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: 'attacker',
    faultBecause: because,
    since: a.first,
    until: a.last,
    count: total,
    connections: a.ids,
    evidence: evidence(capture, a),
    metrics: { attempts: total, sources: a.sources, resetBySource: a.reset, commonTtl: ttl, commonTtlAttempts: a.ttls[0]!.attack },
    causes: [
      {
        text: 'A flood tool on a network that lets any source address out',
        likelihood: 'high',
        because,
      },
    ],
    remedies: [
      {
        text: 'Do not block the sources one by one: they are not the sender. Filter on what the packets have in common; see the filter of the syn-flood finding.',
        command: `nft add rule inet filter input ${service.ip.includes(':') ? 'ip6 hoplimit' : 'ip ttl'} ${String(ttl)} tcp dport ${String(service.port)} tcp flags '& (syn|ack) == syn' counter`,
        appliesTo: 'nftables; it only counts, so that you see whom it would hit',
      },
      {
        text: 'Ask the provider to trace the packets by interface (flow records) and to filter sources at the edge (BCP 38).',
        command: null,
        appliesTo: 'the network that they come from',
      },
    ],
    explainedByRules: ['syn-flood'],
  };
}

function evidence(capture: CaptureView, a: DeadAttempts): EvidenceDraft[] {
  return examples(a.ids, 4).flatMap((id) => {
    const c = capture.connection(id);
    const rst = c.marks.find((m) => m.mark === Mark.RST && m.side === Side.CLIENT);
    return proofs(c.id, [
      [c.firstFrame, c.start, `SYN in the name of ${c.client.ip}, TTL ${String(c.client.ttl)}`],
      [rst?.frame ?? null, rst?.time ?? null, `${c.client.ip} refuses the answer by RST, TTL ${String(rst?.rst?.ttl ?? 0)}`],
    ]);
  });
}
