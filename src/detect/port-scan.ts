/** `port-scan`: one source asks many ports of a host, or one port of many hosts, and wants nothing from them. */
import type { CaptureView, ScanGroup } from '../model/capture-view.ts';
import { type ConnectionView, Mark } from '../model/connection.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import { sweeps } from '../model/names.ts';
import { Side, State } from '../model/state.ts';
import { type ConnId, secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { type Detection, defineDetector, type Draft, type EvidenceDraft, found } from './detector.ts';
import { period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';

/** Names in a sentence; the rest is counted. */
const NAMED = 12;
/** From so many silent ports of one host, a host that is down no longer explains them: nobody has so many services. */
const MANY_DOORS = 100;
/** Hosts per network from which the addresses were enumerated, and are not a list that somebody keeps. */
const DENSE = 4;
/** Connections looked at to learn how the scanner speaks. */
const SAMPLE = 20;

export const portScan = defineDetector({
  id: 'port-scan',
  title: 'Port scan: one source tries many ports or hosts',
  severity: 'critical',
  category: 'flood',
  params: {
    minPorts: { default: 15, text: 'ports of one host at which one client failed; 15 as in the scan policy of Zeek' },
    minHosts: { default: 25, text: 'hosts at which one client failed on the same port; 25 as in the scan policy of Zeek' },
  },
  docs: {
    what: 'One client sends SYNs to many ports of a host, or to one port of many hosts, is let in hardly anywhere and asks for nothing where it is.',
    why: 'Somebody makes an inventory: an attacker before the attack, a compromised host that looks for the next one, or your own scanner. The refused and unanswered attempts are no fault of the services.',
    how: 'Attempts are counted by door (an address and a port). A host with minPorts failed doors, or a port with minHosts failed hosts, is scanned when the failed doors outnumber those where the client asked something and was answered. SYN-ACK means open, RST closed, silence or an ICMP error filtered. An open door that the client leaves by a bare RST shows a SYN scan, one where it completes the handshake and closes a connect() scan.',
    never:
      'A client that asks again and again where it was refused (a monitor, a balancer, a pool), the data connections of a protocol that chooses its port (FTP) behind a firewall, a list of hosts far apart that no longer answers (peer-to-peer, a network that is down), SYN floods, and answers without a question; hosts that the configuration names a monitor, balancer, health checker or scanner, whose sweep is known. A capture of one direction, and silence that a host that is down explains as well, are inconclusive.',
    limits:
      'A slow scan, one from many sources, and one that is as patient as a monitor stay below the thresholds. Who runs the scan, and whether the source address is real, the capture does not say when nobody answers.',
    references: ['RFC 9293 §3.10.7.1', 'Zeek policy/misc/scan: 15 ports, 25 hosts', 'nmap(1): -sS, -sT'],
  },
  detect(capture, params): Detection {
    const scans: ScanGroup[] = [];
    let doubt: string | null = null;
    for (const scan of capture.scans(params.minPorts, params.minHosts)) {
      if (isList(scan) || isDataPorts(scan) || sweeps(capture.roleOf(scan.scanner))) continue;
      const reason = doubtOf(capture, scan);
      if (reason === null) scans.push(scan);
      else doubt ??= `${scan.scanner} tries ${plural(scan.doors, 'port')} of ${plural(scan.hosts, 'host')} in vain, but ${reason}`;
    }
    if (scans.length === 0 && doubt !== null) return { verdict: 'inconclusive', because: doubt };
    const size = (scan: ScanGroup): number => scan.doors;
    return found(draftLargest(scans, size, (scan) => draft(capture, scan), 'scan'));
  },
});

const isRetried = (scan: ScanGroup): boolean => scan.filteredRetried > scan.filtered.length / 2;

/** Hosts far apart, at each of which one and the same few ports were asked: with a kernel's patience, or refused, it is somebody's list. */
function isList(scan: ScanGroup): boolean {
  const spread = scan.someHosts.length < DENSE * scan.networks;
  const patient = scan.filtered.length === 0 || isRetried(scan);
  return spread && patient && scan.doors < 2 * scan.hosts;
}

/** Silent ports of a host that serves the same client elsewhere, asked with a kernel's patience: FTP and its like behind a firewall. */
const isDataPorts = (scan: ScanGroup): boolean =>
  scan.usedDoors > 0 && scan.closed.length === 0 && scan.open.length === 0 && isRetried(scan);

function doubtOf(capture: CaptureView, scan: ScanGroup): string | null {
  if (capture.quality.oneDirection) return 'the capture holds one direction only, so whether they were answered cannot be seen';
  const silent = scan.closed.length === 0 && scan.open.length === 0;
  if (silent && isRetried(scan) && scan.doors < MANY_DOORS)
    return 'none is answered and each SYN is repeated as a kernel does: services of a host that is down look the same';
  return null;
}

/** How the scanner leaves an open door. */
type Kind = 'SYN' | 'connect';

function kindOf(capture: CaptureView, scan: ScanGroup): Kind {
  const seen = (scan.open.length > 0 ? scan.open : scan.ids).slice(0, SAMPLE).map((id) => capture.connection(id));
  const completed = scan.open.length > 0 ? seen.filter((c) => c.established) : seen.filter((c) => c.client.windowScale !== null);
  return completed.length > seen.length / 2 ? 'connect' : 'SYN';
}

function draft(capture: CaptureView, scan: ScanGroup): Draft {
  const { scanner, open, closed, filtered } = scan;
  const kind = kindOf(capture, scan);
  const [first, last] = [capture.connection(scan.ids[0]!), capture.connection(scan.ids.at(-1)!)];
  const seconds = secondsOf(last.start - first.start);
  const target = scan.hosts === 1 ? scan.someHosts[0]! : null;
  const tried = target === null ? `${portsText(scan)} of ${plural(scan.hosts, 'host')}` : `${plural(scan.doors, 'port')} of ${target}`;
  const openDoors = open
    .map((id) => capture.connection(id))
    .sort((a, b) => a.server.port - b.server.port)
    .map((c) => (target === null ? c.server.name : String(c.server.port)));
  const openText = open.length === 0 ? 'none of them open' : `${countText(open.length)} open`;
  return {
    severity: 'critical',
    confidence: open.length + closed.length > 0 ? 'high' : 'medium',
    title: `Port scan: ${scanner} tried ${tried}, ${openText}`,
    summary: [
      `${scanner} tried ${tried} ${period(capture, first.start, last.start)}, ${rateText(scan.doors, seconds)}.`,
      `${countText(closed.length)} refused by RST (closed), ${countText(filtered.length)} did not answer or answered by ICMP (filtered), ${countText(open.length)} sent a SYN-ACK${open.length === 0 ? '' : ` (open: ${listText(openDoors)})`}.`,
      open.length > 0 ? howText(kind, scanner) : '',
      scan.usedDoors > 0
        ? `The same client uses ${plural(scan.usedDoors, 'other port')} of ${target ?? 'these hosts'} in the ordinary way, which is not counted here.`
        : '',
    ]
      .filter((s) => s !== '')
      .join(' '),
    subject: target === null ? { host: scanner, role: 'client' } : { host: target, role: 'server', peer: scanner },
    atFault: scanner,
    faultBecause: `it knocks at ${plural(scan.doors, 'port')} of ${plural(scan.hosts, 'host')} within ${durationText(seconds)}, asks for nothing at those that open, and does not come back to those that refuse`,
    since: first.start,
    until: last.end,
    count: scan.doors,
    connections: scan.ids,
    evidence: evidence(capture, scan, kind),
    metrics: {
      kind,
      ports: scan.ports.length,
      hosts: scan.hosts,
      open: open.length,
      closed: closed.length,
      filtered: filtered.length,
      openPorts: openDoors.slice(0, 50).join(', '),
      attempts: scan.ids.length,
      durationSeconds: seconds,
    },
    causes: causes(scan, kind),
    remedies: remedies(scanner),
    explainedByRules: [],
  };
}

const portsText = ({ ports }: ScanGroup): string =>
  ports.length > 3 ? plural(ports.length, 'port') : `port ${ports.map(String).join(', ')}`;

const listText = (names: readonly string[]): string =>
  names.slice(0, NAMED).join(', ') + (names.length > NAMED ? ` and ${countText(names.length - NAMED)} more` : '');

const rateText = (doors: number, seconds: number): string =>
  seconds < 1 ? `within ${durationText(seconds)}` : `${countText(Math.round(doors / seconds))} a second`;

const howText = (kind: Kind, scanner: string): string =>
  kind === 'SYN'
    ? `At open ports ${scanner} sent no third ACK (a SYN scan): the application never hears of it, so its log shows nothing.`
    : `At open ports ${scanner} completed the handshake and asked nothing (a connect() scan): the application saw an empty connection.`;

function evidence(capture: CaptureView, { closed, open, filtered }: ScanGroup, kind: Kind): EvidenceDraft[] {
  const [refused, silent] = [viewOf(capture, closed), viewOf(capture, filtered)];
  const out: EvidenceDraft[] = [];
  if (refused) {
    const rst = refused.marks.find((m) => m.mark === Mark.RST && m.side === Side.SERVER);
    out.push(
      ...proofs(refused.id, [
        [refused.firstFrame, refused.start, `SYN to port ${String(refused.server.port)}`],
        [rst?.frame ?? null, rst?.time ?? null, 'RST, ACK: the port is closed'],
      ]),
    );
  }
  for (const id of open.slice(0, 3)) {
    const c = capture.connection(id);
    const answer = c.transitions.find((t) => t.side === Side.SERVER && t.to === State.SYN_RCVD);
    const rst = c.marks.find((m) => m.mark === Mark.RST && m.side === Side.CLIENT);
    out.push(
      ...proofs(c.id, [
        [c.firstFrame, c.start, `SYN to port ${String(c.server.port)}`],
        [answer?.frame ?? null, answer?.time ?? null, 'SYN-ACK: the port is open'],
        [rst?.frame ?? null, rst?.time ?? null, kind === 'SYN' ? 'the scanner leaves by RST' : 'RST of the scanner'],
      ]),
    );
  }
  if (silent) out.push(...proofs(silent.id, [[silent.firstFrame, silent.start, `SYN to port ${String(silent.server.port)}, not let in`]]));
  return out;
}

const viewOf = (capture: CaptureView, ids: readonly ConnId[]): ConnectionView | null =>
  ids.length === 0 ? null : capture.connection(ids[0]!);

function causes(scan: ScanGroup, kind: Kind): Cause[] {
  return [
    {
      text:
        kind === 'SYN'
          ? 'A raw-socket scanner such as nmap -sS, masscan or zmap'
          : 'A scanner that uses connect(), such as nmap -sT or nc -z',
      likelihood: 'high',
      because:
        kind === 'SYN'
          ? 'it does not complete the handshake where a port is open'
          : 'it opens connections as any program does, and asks nothing',
    },
    {
      text: 'A compromised host that looks for the next one',
      likelihood: 'medium',
      because: `${plural(scan.hosts, 'host')} and ${plural(scan.ports.length, 'port')} were tried`,
    },
    {
      text: 'An inventory or vulnerability scanner of your own',
      likelihood: 'medium',
      because: 'it looks the same on the wire; its owner and schedule tell',
    },
  ];
}

function remedies(scanner: string): Remedy[] {
  const family = scanner.includes(':') ? 'ip6' : 'ip';
  return [
    {
      text: `Find out whose ${scanner} is. Where it is yours and nobody planned a scan, see which process sends.`,
      command: 'ss -tanp state syn-sent; ausearch -sc connect -ts recent',
      appliesTo: `Linux, on ${scanner}; a raw-socket scanner shows in ss -0 -p alone`,
    },
    {
      text: 'Limit new connections per source. Blocking the address for good after a scan, as often advised, lets anybody lock out whomever they forge.',
      command: `nft add rule inet filter input ct state new meter scans { ${family} saddr limit rate over 20/second burst 40 packets } drop`,
      appliesTo: 'nftables, Linux 4.3 and newer, on the scanned host',
    },
    {
      text: 'Close what nobody needs, and compare the list of open ports with what should listen.',
      command: 'ss -ltnp',
      appliesTo: 'Linux, on the scanned host',
    },
  ];
}
