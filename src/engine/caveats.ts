/** What the user must know about the capture before believing a result; one sentence each. */
import type { CaptureFileFacts } from '../capture/index.ts';
import { linkTypeName } from '../capture/index.ts';
import { type Packet, Stop } from '../decode/packet.ts';
import type { CaptureQuality } from '../model/capture-view.ts';
import type { Caveat } from '../model/finding.ts';
import { ODD_FLAGS } from '../model/flags.ts';
import { sanitise } from '../model/sanitise.ts';
import { countText, plural } from '../model/wording.ts';
import type { Folded } from '../track/folded.ts';

/** Counts of packets that decoding could not use in full. */
export class PacketTally {
  cut = 0;
  /** Most octets captured of one that was cut in its headers. */
  cutAt = 0;
  malformed = 0;
  /** Of IEEE 802.11. Those of IP are counted by the decoder, which knows what became of them. */
  fragments = 0;
  /** Fragments that overlap others of their datagram. */
  overlaps = 0;
  /** First fragments that end inside the TCP header. */
  tinyFragments = 0;
  /** TCP segments put together from IP fragments. */
  reassembled = 0;
  unknownLink = 0;
  unknownLinkType = -1;
  /** SYN with FIN or RST, FIN without ACK, no flag at all: nothing that a TCP stack sends. */
  oddFlags = 0;
  icmpErrors = 0;
  timeless = 0;

  note(packet: Packet, linkType: number): void {
    switch (packet.stop) {
      case Stop.TRUNCATED:
        this.cut++;
        this.cutAt = Math.max(this.cutAt, packet.end - packet.at);
        break;
      case Stop.MALFORMED:
        this.malformed++;
        break;
      case Stop.FRAGMENT:
        if (packet.ipVersion === 0) this.fragments++;
        break;
      case Stop.OVERLAP:
        this.overlaps++;
        break;
      case Stop.UNKNOWN_LINK:
        this.unknownLink++;
        this.unknownLinkType = linkType;
        break;
      default:
        if (packet.quoted !== null) this.icmpErrors++;
    }
  }

  flags(flags: number): void {
    if (ODD_FLAGS[flags & 0x3f] === 1) this.oddFlags++;
  }
}

/** What ended reading before the capture did. */
export type ReadingEnd = '--to' | '--count' | 'interrupt' | 'frames';

/** Link types listed of a file: a host has a handful, and a hostile file 65,536. */
export const MAX_LINK_TYPES = 32;
/** Warnings per file; a file can be odd in a thousand places. */
const MAX_FILE_WARNINGS = 20;

export function captureCaveats(
  files: readonly CaptureFileFacts[],
  tally: PacketTally,
  quality: CaptureQuality | undefined,
  frames: number,
  ended: ReadingEnd | null,
): Caveat[] {
  const out: Caveat[] = [];
  const add = (code: string, count: number, text: string): void => {
    if (count > 0) out.push({ code, text, count });
  };
  for (const f of files) {
    const name = f.path === '-' ? 'standard input' : sanitise(f.path);
    if (f.damage) {
      add(
        'truncated-file',
        1,
        `${name}: ${f.damage.what} (file offset ${f.damage.fileOffset}, after packet ${f.damage.recordsBefore}); everything before that was read`,
      );
    }
    for (const w of f.warnings.slice(0, MAX_FILE_WARNINGS)) add('odd-file', 1, `${name}: ${sanitise(w)}`);
    const unlisted = f.linkTypes.length - MAX_LINK_TYPES;
    add(
      'link-types-left-out',
      Math.max(0, unlisted),
      `${name}: of its ${plural(f.linkTypes.length, 'link type')} ${countText(unlisted)} are not listed`,
    );
    add('capture-drops', f.reportedDrops, `${name}: the capturing program says that it lost ${plural(f.reportedDrops, 'packet')}`);
  }
  if (frames === 0 && files.length > 0 && files.every((f) => f.packets === 0)) add('empty-capture', 1, 'the capture holds no packet');
  if (ended === 'interrupt') {
    add('interrupted', 1, `reading was interrupted after packet ${frames}: what the capture holds behind it was not looked at`);
  } else if (ended === 'frames') {
    add('reading-ended', 1, `reading ended after packet ${frames}, the last that has a number: split the capture, as with editcap -c`);
  } else if (ended !== null) add('reading-ended', 1, `reading ended at ${ended}: what the capture may hold behind it was not looked at`);
  const s = (n: number, one: string, many: string): string => `${plural(n, 'packet')} ${n === 1 ? one : many}`;
  add(
    'unknown-link-type',
    tally.unknownLink,
    `${s(tally.unknownLink, 'has', 'have')} the link type ${linkTypeName(tally.unknownLinkType)}, which carries no IP that tcpdiag can read`,
  );
  add(
    'cut-headers',
    tally.cut,
    `${s(tally.cut, 'is', 'are')} cut inside the headers: the snap length of the capture is too small (tcpdump -s 128 is enough)`,
  );
  add('malformed', tally.malformed, s(tally.malformed, 'has a header that contradicts itself', 'have headers that contradict themselves'));
  const fragments = quality?.fragments ?? 0;
  add(
    'fragments',
    fragments,
    `${s(fragments, 'is a fragment', 'are fragments')} of packets that could not be put together: pieces are missing, or no receiver takes them`,
  );
  add(
    'overlapping-fragments',
    tally.overlaps,
    `${s(tally.overlaps, 'is an IP fragment that overlaps', 'are IP fragments that overlap')} another: no host sends such, and the whole datagram is thrown away, as Linux does`,
  );
  add(
    'tiny-fragments',
    tally.tinyFragments,
    `${s(tally.tinyFragments, 'is a first IP fragment that ends', 'are first IP fragments that end')} inside the TCP header: no host sends such, and a filter that looks at first fragments alone does not see the flags (RFC 1858)`,
  );
  add('odd-flags', tally.oddFlags, `${s(tally.oddFlags, 'has', 'have')} TCP flags that no TCP stack sends (probes or damage)`);
  add('icmp-errors', tally.icmpErrors, `${s(tally.icmpErrors, 'is an ICMP error', 'are ICMP errors')} about other packets`);
  add('no-timestamps', tally.timeless, `${s(tally.timeless, 'has', 'have')} no timestamp: whatever rests on time does not apply`);
  if (quality) {
    add('duplicate-packets', quality.copies.count, copiesText(quality));
    add(
      'one-sided',
      quality.oneSided,
      `${plural(quality.oneSided, 'connection')} ${quality.oneSided === 1 ? 'shows' : 'show'} one direction only`,
    );
  }
  return out;
}

/** Connections without rows: memory had run out, and they are counts alone. */
export function foldedCaveats({ total, attempts, open, resumed, perhapsResumed }: Folded, rows: number): Caveat[] {
  if (total + resumed === 0) return [];
  const kinds = [
    ...(attempts > 0 ? [`${countText(attempts)} attempts that came to nothing`] : []),
    ...(open > 0 ? [`${countText(open)} that were not closed yet`] : []),
  ];
  const which = kinds.length === 0 ? '' : ` (${kinds.join(', ')})`;
  const again =
    resumed === 0
      ? ''
      : `; ${countText(resumed)} of all went on after they had been folded: each is counted once, and its row begins in the middle`;
  const twice =
    perhapsResumed === 0
      ? ''
      : `; up to ${countText(perhapsResumed)} of all may be counted twice: they look like connections that began before the capture, and may be attempts that went on after they had been folded`;
  const text =
    `${countText(total)} of ${plural(total + rows, 'connection')} were folded into counts, because memory had run out${which}: ` +
    `they are counted by service, outcome and time, but have no rows, and what follows for them alone was not looked at${again}${twice}; --max-memory sets the limit`;
  return [{ code: 'folded-connections', text, count: total }];
}

/** How many, and by what they were told: where they were seen. */
function copiesText({ copies, tcpPackets }: CaptureQuality): string {
  const n = copies.count;
  const share = Math.round((100 * n) / tcpPackets);
  const where = [
    ...(copies.otherInterface > 0 ? [`on ${copies.interfaces} interfaces${indexesText(copies.interfaceIndexes)}`] : []),
    ...(copies.otherEncapsulation > 0 ? ['with other tags or tunnels around them'] : []),
    ...(copies.otherTtl > 0 ? [`before and behind ${plural(copies.hops, 'router')}`] : []),
    ...(copies.samePoint > 0 ? [`${copies.samePoint === n ? '' : `${copies.samePoint} `}twice at the same point`] : []),
  ];
  const what = n === 1 ? 'is a copy of another' : 'are copies of others';
  return `${plural(n, 'TCP packet')} (${share < 1 ? 'under 1' : share} %) ${what}, captured ${where.join(', ')}, up to ${milliseconds(copies.longestSeconds)} apart: each segment is counted once`;
}

/** Index numbers by which the capturing host knows its interfaces; a few, a node of containers has thousands. */
function indexesText(indexes: readonly number[]): string {
  if (indexes.length === 0) return '';
  const shown = indexes.slice(0, 8).join(', ');
  return ` (index ${shown}${indexes.length > 8 ? ', …' : ''})`;
}

const milliseconds = (seconds: number): string => `${Number((seconds * 1000).toPrecision(2))} ms`;
