/**
 * Takes packets out of a capture: reads it once more and writes those of a `Selection` as pcap or pcapng, octet for octet and to the
 * nanosecond as they were read, with the interfaces and link types that they have, and the proofs marked by comments.
 *
 * With a connection come the ICMP errors that quote it and the fragments of its segments. What was written in the capture beside its
 * packets (other people's comments, names, secrets) does not.
 */
import type { CaptureFileFacts } from '../capture/index.ts';
import { captureWriter, type CaptureFormat, type EpochTime } from '../capture/write/index.ts';
import { Layer, Packet } from '../decode/packet.ts';
import { UsageError } from '../model/errors.ts';
import type { Finding } from '../model/finding.ts';
import { sanitise } from '../model/sanitise.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import { TOOL_NAME, TOOL_VERSION } from '../model/version.ts';
import { plural } from '../model/wording.ts';
import { Disguise, withoutNames } from './anonymize/disguise.ts';
import { fragmentFrames } from './fragment-frames.ts';
import type { FrameReader } from './packet-detail.ts';
import type { SecondPass } from './second-pass.ts';
import { select, type Selectable, type Selection, type Wanted } from './selection.ts';

/** What the analysis must have left behind. */
export interface ExtractSource extends FrameReader, Selectable {
  /** Records that were analysed. */
  readonly packets: number;
  readonly files: readonly CaptureFileFacts[];
  /** The end of what was observed, which may be later than the last packet. */
  readonly observedUntil: EpochTime;
  /** The connection that an ICMP error quotes; -1: none. */
  connectionQuoted(quoted: Packet, frame: number): number;
}

export interface ExtractOptions {
  readonly wanted: Wanted;
  readonly format: CaptureFormat;
  /** So many frames before and after each proof of the finding are taken as well, whoever's they are. */
  readonly context?: number;
  /** Without addresses, names and payloads: the key by which addresses are mapped (anonymize/addresses.ts). */
  readonly anonymize?: Uint8Array;
}

export interface Extracted {
  readonly packets: number;
  /** Octets of the file. */
  readonly bytes: number;
  /** Connections with packets in it. */
  readonly connections: number;
  /** Packets that are not the finding's own, but of those by whom its rule judged. */
  readonly neighbours: number;
  /** Of its last packet. */
  readonly lastTime: EpochTime;
  /** A pcap file does not say when its capture ended, and this one ended later than its last packet, which is what findings may rest on. */
  readonly endLost: boolean;
  /** Frames of which nothing is left, because their link layer is not one that can be anonymised. */
  readonly blank: number;
}

/** @throws UsageError where nothing is chosen or the format cannot hold it */
export async function extract(
  source: ExtractSource,
  pass: SecondPass,
  { wanted, format, context = 0, anonymize }: ExtractOptions,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<Extracted> {
  const selection = select(source, wanted);
  const choice = new Choice(source, selection);
  const around = new Around(selection.frames, context);
  const pieces = source.decoder.sawFragments ? await fragmentFrames(pass, source.decoder, source.packets, chosen(source, selection)) : null;
  const disguise = anonymize === undefined ? null : new Disguise(anonymize);
  const comments = commentsOf(selection.findings, disguise);
  const writer = captureWriter(
    format,
    disguise === null ? source.files : withoutNames(source.files),
    `${TOOL_NAME} ${TOOL_VERSION}`,
    disguise === null ? `${titleOf(selection)}, extracted by ${TOOL_NAME} from ${namesOf(source.files)}` : `anonymised by ${TOOL_NAME}`,
  );

  const packet = new Packet();
  let seconds = 0;
  const decoder = source.decoder.again(() => seconds);
  let packets = 0;
  let bytes = 0;
  const lastTime = { seconds: 0, nanos: 0 };
  const flush = async (): Promise<void> => {
    const piece = writer.take();
    bytes += piece.length;
    if (piece.length > 0) await write(piece);
  };
  await pass.run(
    (record, frame, file) => {
      if (frame > source.packets) return false;
      seconds = record.seconds + record.nanos / NANOS_PER_SECOND;
      decoder.decode(packet, record.linkType, record.view, record.at, record.capLen, record.origLen);
      if (!choice.has(packet, frame) && !around.has(frame) && pieces?.has(frame) !== true) return true;
      writer.packet(disguise === null ? record : disguise.of(record), file, comments.get(frame) ?? null);
      packets++;
      lastTime.seconds = record.seconds;
      lastTime.nanos = record.nanos;
      return frame < source.packets;
    },
    { rest: flush },
  );
  if (packets === 0) throw new UsageError(`no packet of the capture belongs to ${selection.title}; nothing was written.`);
  const end = source.observedUntil;
  writer.end(end);
  await flush();
  const later = end.seconds > lastTime.seconds || (end.seconds === lastTime.seconds && end.nanos > lastTime.nanos);
  return {
    packets,
    bytes,
    connections: choice.seen,
    neighbours: choice.neighbours,
    lastTime,
    endLost: format === 'pcap' && later,
    blank: disguise?.blank ?? 0,
  };
}

/** Does a packet belong to the selection, as far as its headers tell? */
class Choice {
  readonly #source: ExtractSource;
  readonly #selection: Selection;
  readonly #seen: Uint8Array;
  /** Connections that had a packet so far. */
  seen = 0;
  /** Packets of neighbours so far. */
  neighbours = 0;

  constructor(source: ExtractSource, selection: Selection) {
    this.#source = source;
    this.#selection = selection;
    this.#seen = new Uint8Array(selection.connections.length);
  }

  has(packet: Packet, frame: number): boolean {
    const id = this.#connectionOf(packet, frame);
    const { connections, others, neighbours } = this.#selection;
    const own = (id >= 0 && connections[id] === 1) || others?.(packet, id >= 0) === true;
    const taken = own || neighbours?.(packet, id) === true;
    if (taken && !own) this.neighbours++;
    if (taken && id >= 0 && this.#seen[id] === 0) {
      this.seen++;
      this.#seen[id] = 1;
    }
    return taken;
  }

  #connectionOf(packet: Packet, frame: number): number {
    if (packet.layer === Layer.TCP) return this.#source.connectionOf(packet, frame);
    return packet.layer === Layer.ICMP && packet.quoted !== null ? this.#source.connectionQuoted(packet.quoted, frame) : -1;
  }
}

/** The same question for another reading, in which nothing is counted. */
function chosen(source: ExtractSource, selection: Selection): (packet: Packet, frame: number) => boolean {
  const choice = new Choice(source, selection);
  return (packet, frame) => choice.has(packet, frame);
}

/** Frames that lie within so many of a mark. The marks are ascending, and so are the frames that are asked for. */
class Around {
  readonly #marks: readonly number[];
  readonly #context: number;
  #next = 0;

  constructor(marks: readonly number[], context: number) {
    this.#marks = marks;
    this.#context = context;
  }

  has(frame: number): boolean {
    while (this.#next < this.#marks.length && this.#marks[this.#next]! + this.#context < frame) this.#next++;
    const mark = this.#marks[this.#next];
    return mark !== undefined && mark - this.#context <= frame;
  }
}

/** What each proof proves, by frame, with the frame's number before it was taken out; in disguise without the words, which may hold names. */
function commentsOf(findings: readonly Finding[], disguise: Disguise | null): ReadonlyMap<number, string> {
  const comments = new Map<number, string>();
  for (const finding of findings)
    for (const { frame, file, fileFrame, note } of finding.evidence) {
      const place = fileFrame === undefined ? '' : `, ${String(fileFrame)} of file ${String((file ?? 0) + 1)}`;
      const said = comments.get(frame);
      const proof = disguise === null ? `proves ${finding.id}: ${sanitise(note)}` : `proves ${disguise.idOf(finding)}`;
      comments.set(frame, said === undefined ? `frame ${String(frame)}${place} ${proof}` : `${said}; ${proof}`);
    }
  return comments;
}

/** Of a finding with neighbours also how Wireshark tells them apart. */
function titleOf({ title, neighbours, findings }: Selection): string {
  const [finding] = findings;
  return neighbours === null || finding === undefined ? title : `${title} (${finding.displayFilter}) and whom its rule compared it with`;
}

/** Files named in the comment of a capture. */
const NAMED = 3;

function namesOf(files: readonly CaptureFileFacts[]): string {
  const names = files.map(({ path }) => (path === '-' ? 'standard input' : (path.split(/[\\/]/).at(-1) ?? path)));
  return `${names.slice(0, NAMED).join(', ')}${names.length > NAMED ? ', …' : ''}`;
}

/** `1,204 packets of 39 connections (1,195 packets for comparison only)`. */
export function extractedText({ packets, connections, neighbours }: Extracted): string {
  const compared = neighbours === 0 ? '' : ` (${plural(neighbours, 'packet')} for comparison only)`;
  return `${plural(packets, 'packet')}${connections === 0 ? '' : ` of ${plural(connections, 'connection')}`}${compared}`;
}
