/** `flag-probe`: segments with flags that no TCP stack sends, or that belong to no connection, to see how ports answer. */
import type { CaptureView, FlagProbes } from '../model/capture-view.ts';
import { Mark } from '../model/connection.ts';
import { flagsText } from '../model/flags.ts';
import { secondsOf } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { type Detection, defineDetector, type Draft, type EvidenceDraft, found } from './detector.ts';
import { period, proofs } from './evidence.ts';
import { draftLargest } from './largest.ts';

/** Names in a sentence; the rest is counted. */
const NAMED = 12;

/** What each probe is for (nmap's manual), as a sentence goes on. */
const PURPOSE: Readonly<Record<string, string>> = {
  NULL: 'no flag at all: closed ports answer by RST, listening ones are silent',
  FIN: 'FIN without ACK: closed ports answer by RST, listening ones are silent',
  Xmas: 'FIN with URG or PSH and no ACK: closed ports answer by RST, listening ones are silent',
  'SYN+FIN': 'SYN with FIN: slips past filters that match a plain SYN, and some stacks answer it like one',
  'SYN+RST': 'SYN with RST: no port answers it; it tests devices on the way',
  Maimon: 'FIN and ACK without a connection: some old BSD stacks are silent where they listen',
  ACK: 'an ACK without a connection: every port that no filter hides answers by RST',
};

export const flagProbe = defineDetector({
  id: 'flag-probe',
  title: 'Probes with impossible flags',
  severity: 'critical',
  category: 'flood',
  params: {
    minProbes: { default: 5, text: 'segments with impossible flags from one source to one host; fewer may be damage' },
    minPorts: { default: 15, text: 'ports that one source asks by a lone ACK or FIN and that answer by RST; 15 as for a port scan' },
  },
  docs: {
    what: 'One source sends segments that no TCP stack sends (no flags, FIN without ACK, SYN with FIN or RST), or ACKs and FINs of connections that never were, to see how each port answers.',
    why: 'It is a stealth scan or a fingerprinting of the operating system: it passes filters that look at plain SYNs alone, and no application logs it.',
    how: 'Segments with such flags outside of established connections are counted by source and host. Lone ACKs and FIN-ACKs count where the whole conversation is one such segment without data and a bare RST, at minPorts different ports. What the answers say (RFC 9293 §3.10.7): a closed port answers everything but a RST by RST; a listening one answers an ACK by RST and is silent to the rest.',
    never:
      'Odd flags inside an established connection (damage, a device), less than minProbes of them, and the lone ACKs and FINs of a capture that began in the midst of connections: these have data, or an answer other than a bare RST, or few ports.',
    limits:
      'Silence may be a listening port or a filter; Windows answers RST in either case. Source addresses of probes that are not answered may be forged. T/TCP (RFC 1644, historic) sent SYN with FIN.',
    references: ['RFC 9293 §3.10.7', 'nmap(1): -sN, -sF, -sX, -sM, -sA, -sW', 'RFC 6274'],
  },
  detect(capture, params): Detection {
    const groups = capture.flagProbes.filter((g) => g.odd >= params.minProbes || g.strayPorts >= params.minPorts);
    return found(
      draftLargest(
        groups,
        (g) => g.ids.length,
        (g) => draft(capture, g),
        'source',
      ),
    );
  },
});

function draft(capture: CaptureView, group: FlagProbes): Draft {
  const { source, target, kinds, ports, silentPorts } = group;
  const [first, last] = [capture.connection(group.ids[0]!), capture.connection(group.ids.at(-1)!)];
  const total = kinds.reduce((sum, kind) => sum + kind.count, 0);
  const answered = kinds.reduce((sum, kind) => sum + kind.answered, 0);
  const names = kinds.map((kind) => `${countText(kind.count)} ${kind.name}`).join(', ');
  const seconds = secondsOf(last.start - first.start);
  return {
    severity: 'critical',
    confidence: 'high',
    title: `${plural(total, 'flag probe')} from ${source} to ${plural(ports.length, 'port')} of ${target}`,
    summary: [
      `${source} sent ${plural(total, 'segment')} that belong to no connection to ${plural(ports.length, 'port')} of ${target} ${period(capture, first.start, last.start)}: ${names}.`,
      `${countText(answered)} were answered.`,
      silentText(group, answered),
      'No application logs such segments.',
    ]
      .filter((s) => s !== '')
      .join(' '),
    subject: { host: target, role: 'server', peer: source },
    atFault: source,
    faultBecause:
      group.odd > 0
        ? `${plural(group.odd, 'segment')} of it ${group.odd === 1 ? 'has' : 'have'} flags that no TCP stack sends, so a tool made them`
        : `it sends one lone segment to each of ${plural(group.strayPorts, 'port')}, none of a connection that ${target} knows`,
    since: first.start,
    until: last.end,
    count: total,
    connections: group.ids,
    evidence: evidence(capture, group),
    metrics: {
      probes: total,
      impossibleFlags: group.odd,
      kinds: names,
      answered,
      ports: ports.length,
      silentPorts: silentPorts.slice(0, 50).join(', '),
      durationSeconds: seconds,
    },
    causes: [
      {
        text: 'A stealth scan or the fingerprinting of an operating system (nmap -sN, -sF, -sX, -sM, -sA, -O; hping3)',
        likelihood: 'high',
        because: `${names} within ${durationText(seconds)}`,
      },
      {
        text: 'A security scanner of your own',
        likelihood: 'medium',
        because: 'it looks the same on the wire; its owner and schedule tell',
      },
    ],
    remedies: [
      {
        text: 'Drop segments with impossible flags: no real client sends them, so nothing is lost.',
        command:
          "nft 'add rule inet filter input tcp flags & (fin | syn | rst | ack) != { syn, syn | ack, ack, fin | ack, rst, rst | ack } drop'",
        appliesTo: 'nftables; the combinations named are all that a TCP stack sends',
      },
      {
        text: 'Let a stateful filter drop what belongs to no connection; then no probe of this kind is answered.',
        command: 'nft add rule inet filter input ct state invalid drop',
        appliesTo: 'nftables with conntrack; nf_conntrack_tcp_loose=0 drops lone ACKs as well',
      },
      { text: `Find out whose ${source} is.`, command: `whois ${source}`, appliesTo: 'any host' },
    ],
    explainedByRules: ['port-scan'],
  };
}

/** What silence and answers say of the ports. */
function silentText({ ports, silentPorts }: FlagProbes, answered: number): string {
  if (answered === 0) return 'Nobody answered: a filter drops them, or the host does not exist.';
  if (silentPorts.length === 0) return '';
  if (silentPorts.length > ports.length / 2) return '';
  const named = silentPorts.slice(0, NAMED).join(', ') + (silentPorts.length > NAMED ? ' and more' : '');
  return `${plural(silentPorts.length, 'port')} stayed silent to probes that closed ports answer: listening, or hidden by a filter (${named}).`;
}

function evidence(capture: CaptureView, group: FlagProbes): EvidenceDraft[] {
  const listed = new Set(group.ids.slice(0, 1_000));
  return group.kinds.flatMap((kind) => {
    if (!listed.has(kind.first)) return [];
    const c = capture.connection(kind.first);
    const odd = c.marks.find((m) => m.mark === Mark.ODD_FLAGS);
    const rst = c.marks.find((m) => m.mark === Mark.RST && c.ends[m.side].ip === group.target);
    const flags = odd ? ` (flags ${flagsText(odd.detail)})` : '';
    return proofs(c.id, [
      [odd?.frame ?? c.firstFrame, odd?.time ?? c.start, `${kind.name} probe${flags}: ${PURPOSE[kind.name] ?? 'no such segment exists'}`],
      [rst?.frame ?? null, rst?.time ?? null, `RST of ${group.target}`],
    ]);
  });
}
