/** `martian-source`: SYNs from addresses that no single host can have. */
import type { CaptureView, ForgedGroup } from '../model/capture-view.ts';
import { plural } from '../model/wording.ts';
import { type Detection, defineDetector, type Draft, found } from './detector.ts';
import { examples, period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';

const NAMED = 6;
/** Connections looked at for their addresses. */
const SAMPLE = 10_000;

export const martianSource = defineDetector({
  id: 'martian-source',
  title: 'Packets from impossible source addresses',
  severity: 'warning',
  category: 'flood',
  params: {
    minSources: {
      default: 2,
      text: 'different impossible sources from which the packets were forged, and it is a warning; below, information',
    },
  },
  docs: {
    what: 'SYNs arrive from addresses that cannot be a source on a network: 0.0.0.0/8, loopback, multicast, 240.0.0.0/4 and the broadcast; for IPv6 ::, ::1 and multicast.',
    why: 'No answer can ever reach such a source. The packets are forged, or a host sends without an address of its own; and no router on the way checks sources.',
    how: 'The source of each SYN that led to nothing is compared with the special-purpose registries.',
    never:
      'Sources that were answered or completed a handshake (redirects on one host, containers), and loopback to loopback. Private addresses are ordinary sources.',
    limits: 'A flood with random sources contains some by chance: that finding then leads to the flood.',
    references: ['RFC 1812 §5.3.7', 'RFC 6890', 'RFC 4291 §2.5, §2.7', 'RFC 2827'],
  },
  detect(capture, params): Detection {
    return found(
      draftLargest(
        capture.impossibleSources.martian,
        (g) => g.ids.length,
        (g) => draft(capture, g, params.minSources),
        'service',
      ),
    );
  },
});

function draft(capture: CaptureView, { service, ids }: ForgedGroup, minSources: number): Draft {
  const sources = [...new Set(Array.from(ids.slice(0, SAMPLE), (id) => capture.clientOf(id)))];
  const [first, last] = [capture.connection(ids.at(0)!), capture.connection(ids.at(-1)!)];
  const named = sources.slice(0, NAMED).join(', ') + (sources.length > NAMED ? ' and others' : '');
  const forged = sources.length >= minSources;
  return {
    severity: forged ? 'warning' : 'info',
    confidence: forged ? 'high' : 'medium',
    title: `${plural(ids.length, 'attempt')} at ${service.name} from ${plural(sources.length, 'impossible source')}`,
    summary: `${plural(ids.length, 'attempt')} at ${service.name} ${period(capture, first.start, last.start)} came from ${named}, which no single host can have as its address. None was answered; no answer could arrive. ${forged ? 'Several such sources mean that somebody forges them.' : 'One such source alone may also be a host that sends before it has an address.'}`,
    subject: { host: service.ip, role: 'server', port: service.port },
    atFault: forged ? 'attacker' : null,
    faultBecause: forged ? `${plural(sources.length, 'source')} that no host can have: ${named}` : null,
    since: first.start,
    until: last.end,
    count: ids.length,
    connections: ids,
    evidence: examples(ids, 5).flatMap((id) => {
      const c = capture.connection(id);
      return proofs(c.id, [[c.firstFrame, c.start, `SYN from ${c.client.name}`]]);
    }),
    metrics: { attempts: ids.length, sources: sources.length, addresses: named },
    causes: [
      {
        text: 'Forged source addresses: a flood tool that takes them at random, or a test of the filters',
        likelihood: forged ? 'high' : 'medium',
        because: plural(sources.length, 'different impossible source'),
      },
      {
        text: 'A host that sends before it has an address, or a broken translation of addresses on the way',
        likelihood: forged ? 'low' : 'medium',
        because: 'such a host has one wrong source, not several',
      },
    ],
    remedies: [
      {
        text: 'Let the kernel drop and log them. Strict reverse-path filtering (1), as often advised, also drops asymmetric traffic; 2 does not.',
        command: 'sysctl -w net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.all.log_martians=1',
        appliesTo: 'Linux, IPv4',
      },
      {
        text: 'Filter sources where they enter the network (BCP 38).',
        command: 'nft add rule inet raw prerouting fib saddr . iif oif missing drop',
        appliesTo: 'nftables, Linux 4.10 and newer, on the border router',
      },
    ],
    explainedByRules: ['syn-flood', 'land-attack'],
  };
}
