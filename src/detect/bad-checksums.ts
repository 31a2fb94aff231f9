/** Checksums that are wrong in the capture: damage on the path, or sums that were right on the wire. */
import type { CaptureView } from '../model/capture-view.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import type { BadSegment, BadSender, ChecksumFacts } from '../model/recording.ts';
import { countText, plural } from '../model/wording.ts';
import { captureDraft, framesFilter } from './capture-finding.ts';
import { defineDetector, type Draft, type EvidenceDraft, found } from './detector.ts';

const EXAMPLES = 8;
/** A sender has "all" its checksums wrong: so many of them, and at least so many. */
const NEARLY_ALL = 0.9;
const ENOUGH = 3;
/** Senders named. */
const NAMED = 3;

export const badChecksums = defineDetector({
  id: 'bad-checksums',
  title: 'Wrong checksums',
  severity: 'info',
  category: 'capture',
  params: {},
  docs: {
    what: 'TCP or IPv4 header checksums do not fit the octets that were captured.',
    why: 'A receiver drops such a segment without a word, and its sender repeats it: damage looks like loss. Ethernet has a checksum of its own, so what arrives with a wrong TCP checksum was damaged inside a device (memory of a switch, router or host, a faulty address translation), not on a cable.',
    how: 'Checksums are verified in segments that were captured whole: all of the first 4,096 frames, then one in 64 without payload and one in 256 with payload. A sum over the pseudo-header alone (with or without the length), or 0, is not a wrong one: the network card was yet to fill it in, or receive offload left it. Each wrong segment is followed: octets that were acknowledged had arrived right, so the sum is wrong in the capture only; octets that were sent again, not acknowledged before, were dropped by the receiver.',
    never:
      'Checksums that offload leaves to the card: the sum of the pseudo-header, or 0, as an IPv4 header checksum too. Segments that are cut, put together from IP fragments, or have IPv4 options or IPv6 extension headers.',
    limits:
      'It is a sample: of a long capture with few damaged segments it may meet none. Segments that carry nothing (a bare ACK, a RST) leave no trace of what became of them. The states take every segment as arrived, also one that its receiver drops: a repeat of its octets puts them right, but a forged RST with a wrong checksum does not.',
    references: [
      'RFC 1071',
      'RFC 9293 §3.1 (checksum)',
      'J. Stone, C. Partridge: When the CRC and TCP Checksum Disagree (SIGCOMM 2000)',
      'Linux: Documentation/networking/checksum-offloads.rst',
    ],
  },
  detect: (capture) => {
    const { tcpPackets, recording } = capture.quality;
    const { checksums } = recording;
    if (tcpPackets === 0) return { verdict: 'not-applicable', because: 'the capture holds no TCP segment' };
    if (checksums.bad > 0) return found([draft(capture, checksums)]);
    if (checksums.verified === 0 && checksums.cut > 0)
      return { verdict: 'inconclusive', because: 'no segment was captured whole, and a checksum covers the whole segment' };
    if (checksums.cut > 0 && checksums.verifiedPayload === 0)
      return { verdict: 'inconclusive', because: 'segments with payload are cut, so only those without could be verified; they are right' };
    return { verdict: 'clear' };
  },
});

/** What most of what is known says. */
type Origin = 'damaged' | 'not-on-wire' | 'both' | 'sender' | 'unknown';

function originOf(sums: ChecksumFacts, whole: readonly BadSender[]): Origin {
  const { taken, repeated } = sums;
  if (repeated > 0 && taken > 0) return taken > NEARLY_ALL * (taken + repeated) ? 'not-on-wire' : 'both';
  if (repeated > 0) return 'damaged';
  if (taken > 0) return 'not-on-wire';
  return whole.length > 0 && whole.length === sums.senders.length ? 'sender' : 'unknown';
}

function draft(capture: CaptureView, sums: ChecksumFacts): Draft {
  const whole = sums.senders.filter((s) => s.bad >= ENOUGH && s.bad >= NEARLY_ALL * (s.bad + s.good));
  const origin = originOf(sums, whole);
  const connections = [...new Set(sums.segments.map((s) => s.connection))].sort((a, b) => a - b);
  const left = sums.partial + sums.empty;
  const offload =
    left === 0
      ? ''
      : ` Another ${countText(left)} ${left === 1 ? 'was' : 'were'} yet to be filled in: left to a network card by the capturing host, and not counted.`;
  return captureDraft(capture, {
    confidence: origin === 'unknown' ? 'medium' : 'high',
    title: titleOf(sums, origin, whole),
    summary: `Of ${plural(sums.verified, 'segment')} verified, ${countText(sums.bad)} ${sums.bad === 1 ? 'has' : 'have'} a wrong checksum${ipText(sums)}${fromText(sums, whole)}. ${fateText(sums, origin)}${offload}`,
    count: sums.bad,
    connections,
    evidence: evidenceOf(sums.segments),
    displayFilter: framesFilter(sums.segments.map((s) => s.frame)),
    metrics: {
      verified: sums.verified,
      wrong: sums.bad,
      wrongIpHeader: sums.badIp,
      droppedAndRepeated: sums.repeated,
      acknowledged: sums.taken,
      fateUnknown: sums.unknown,
      notFilledIn: left,
      ipHeaderNotFilledIn: sums.emptyIp,
    },
    causes: causesOf(sums, origin, whole),
    remedies: remediesOf(origin),
    doubtsOf: (rule) =>
      rule === 'packet-loss' && sums.repeated > 0
        ? `Of ${plural(sums.verified, 'segment')} whose checksum was verified, ${plural(sums.repeated, 'segment was', 'segments were')} damaged on the way and dropped by the receiver: part of this loss is damage, not congestion.`
        : null,
  });
}

function titleOf(sums: ChecksumFacts, origin: Origin, whole: readonly BadSender[]): string {
  const segments = plural(sums.bad, 'segment');
  switch (origin) {
    case 'damaged':
      return `${plural(sums.repeated, 'segment')} arrived with a wrong checksum and had to be sent again`;
    case 'not-on-wire':
      return sums.bad === 1
        ? 'The checksum of 1 segment is wrong in the capture only: its octets were acknowledged'
        : `The checksums of ${segments} are wrong in the capture only: their octets were acknowledged`;
    case 'both':
      return `${segments} with a wrong checksum: ${countText(sums.repeated)} sent again, ${countText(sums.taken)} acknowledged all the same`;
    case 'sender':
      return `The checksums of ${namesOf(whole)} are wrong throughout: filled in later, or the capture was rewritten`;
    case 'unknown':
      return `${segments} with a wrong checksum`;
  }
}

const namesOf = (senders: readonly BadSender[]): string =>
  `${senders
    .slice(0, NAMED)
    .map((s) => s.ip)
    .join(', ')}${senders.length > NAMED ? ` and ${plural(senders.length - NAMED, 'other')}` : ''}`;

const ipText = (sums: ChecksumFacts): string => (sums.badIp === 0 ? '' : ` (${countText(sums.badIp)} in the IPv4 header)`);

function fromText(sums: ChecksumFacts, whole: readonly BadSender[]): string {
  if (sums.senders.length === 0) return '';
  if (whole.length === sums.senders.length) return `: ${sums.bad === 1 ? 'the one' : 'nearly all'} of ${namesOf(whole)}`;
  return `, from ${namesOf(sums.senders)}`;
}

function fateText(sums: ChecksumFacts, origin: Origin): string {
  const parts = [
    sums.repeated > 0
      ? `${countText(sums.repeated)} of them carried octets that their sender had to send again: the receiver dropped the segment. That is damage on the path before the capture point, or a forged segment`
      : '',
    sums.taken > 0 ? `of ${countText(sums.taken)} the octets were acknowledged: on the wire they were right` : '',
    sums.unknown > 0 ? `what became of ${countText(sums.unknown)} cannot be told` : '',
  ].filter((s) => s !== '');
  const text = parts.join('; ');
  const end = origin === 'not-on-wire' || origin === 'sender' ? ' The network is not to blame.' : '';
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.${end}`;
}

const NOTES: Readonly<Record<BadSegment['fate'], string>> = {
  repeated: 'its octets were sent again later',
  taken: 'its octets were acknowledged: right on the wire',
  unknown: 'nothing tells what became of it',
};

/** First those that were dropped: they prove most. */
function evidenceOf(segments: readonly BadSegment[]): EvidenceDraft[] {
  const order: readonly BadSegment['fate'][] = ['repeated', 'taken', 'unknown'];
  return order
    .flatMap((fate) => segments.filter((s) => s.fate === fate))
    .slice(0, EXAMPLES)
    .sort((a, b) => a.frame - b.frame)
    .map(({ connection, frame, time, fate, ipHeader }) => {
      return { connection, frame, time, note: `wrong ${ipHeader ? 'IPv4 header' : 'TCP'} checksum; ${NOTES[fate]}` };
    });
}

function causesOf(sums: ChecksumFacts, origin: Origin, whole: readonly BadSender[]): Cause[] {
  const damage: Cause = {
    text: 'A device before the capture point damages segments in its memory, or rewrites them without setting the checksum right (address translation, MSS clamping)',
    likelihood: sums.repeated > 0 ? 'high' : 'low',
    because:
      sums.repeated > 0
        ? `${plural(sums.repeated, 'segment')} had to be sent again; a cable that damages frames shows in the FCS, before they get here`
        : 'no repeat of their octets was seen',
  };
  const rewritten: Cause = {
    text: 'The sum was filled in behind the capture point (checksum offload), or the capture was rewritten afterwards (addresses made anonymous, tcprewrite, editcap)',
    likelihood: sums.taken > 0 || origin === 'sender' ? 'high' : 'low',
    because:
      sums.taken > 0
        ? `${plural(sums.taken, 'segment was', 'segments were')} acknowledged`
        : whole.length > 0
          ? `all segments of ${namesOf(whole)} have wrong sums, and connections do not live so`
          : 'no acknowledgment of their octets was seen',
  };
  const forged: Cause = {
    text: 'Crafted by a tool that does not care for checksums, or gets them wrong on purpose: the receiver ignores such a segment, a box on the way may not',
    likelihood: origin === 'unknown' ? 'medium' : 'low',
    because: `${countText(sums.unknown)} of them ${sums.unknown === 1 ? 'leaves' : 'leave'} no trace at the receiver`,
  };
  const all = origin === 'not-on-wire' || origin === 'sender' ? [rewritten, damage] : [damage, rewritten];
  return sums.unknown > 0 ? [...all, forged] : all;
}

function remediesOf(origin: Origin): Remedy[] {
  const count: Remedy = {
    text: 'See whether the receiver drops segments for their checksum: these counters rise if the damage is real.',
    command: 'nstat -az TcpInCsumErrors IpExtInCsumErrors',
    appliesTo: 'Linux 3.10 and newer, at the receivers',
  };
  if (origin === 'not-on-wire' || origin === 'sender')
    return [
      {
        text: 'Nothing is wrong on the wire. Have Wireshark and Zeek ignore the sums of this capture, or they leave these segments out.',
        command: 'tshark -o tcp.check_checksum:FALSE -r FILE; zeek -C -r FILE',
        appliesTo: 'other tools',
      },
      count,
    ];
  return [
    count,
    {
      text: 'Capture on both sides of each device on the way: behind the one that does it, the sum is wrong. Then replace it, or switch its checksum offload off.',
      command: 'tcpdump -vvr FILE | grep incorrect',
      appliesTo: 'the devices between sender and capture point',
    },
  ];
}
