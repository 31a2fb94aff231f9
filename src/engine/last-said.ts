/**
 * What the connections of a finding had said last, for rules that ask (`Detector.said`): after the rules have run, the capture is read
 * once more and only the frames are decoded with which the ends began to speak last. Bounded, and not done where no finding asks.
 */
import type { Detector } from '../detect/detector.ts';
import { conversation, type Conversation, type Heard, type SaidInFrame, type Turn } from '../decode/application/conversation.ts';
import { KEPT_HEAD, KEPT_TAIL } from '../decode/application/index.ts';
import type { Decoder } from '../decode/index.ts';
import { Layer, Packet } from '../decode/packet.ts';
import type { ConnectionView } from '../model/connection.ts';
import type { Cause, Finding } from '../model/finding.ts';
import type { LastSaid, SaidBefore, SaidGroup, SaidLine } from '../model/said.ts';
import { SIDE_NAMES, type SideName } from '../model/state.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import { plural } from '../model/wording.ts';
import type { SecondPass, Visit } from './second-pass.ts';

/** Connections looked at: enough to see what they have in common. The first ones, so that reading again ends early. */
const OF_A_FINDING = 200;
const IN_ALL = 2_000;
/** What a person reads, and the report stays small. */
const MAX_LINES = 50;
const MAX_GROUPS = 8;

/** Frames of one end: where its last words began, and its last payload. */
type Frames = readonly [began: number, last: number] | null;

interface Speakers {
  readonly port: number;
  readonly client: Frames;
  readonly server: Frames;
  /** The ClientHello. */
  readonly hello: number | null;
}

interface Wish {
  readonly finding: Finding;
  readonly before: SaidBefore;
  readonly ids: readonly number[];
}

/** Which connections are wanted, and which frames they need. */
export class SaidPlan {
  readonly wishes: readonly Wish[];
  /** Ascending, each once. */
  readonly frames: Int32Array;
  readonly #last = new Map<number, Speakers>();
  readonly #slowest = new Map<number, Speakers>();

  constructor(findings: readonly Finding[], detectors: readonly Detector[], connection: (id: number) => ConnectionView) {
    const asks = new Map(detectors.map(({ id, said }) => [id, said]));
    const wishes: Wish[] = [];
    let left = IN_ALL;
    for (const finding of findings) {
      const before = asks.get(finding.rule);
      if (before === undefined) continue;
      const known = this.#of(before);
      const ids = finding.connections.slice(0, OF_A_FINDING).filter((id) => known.has(id) || left-- > 0);
      for (const id of ids) if (!known.has(id)) known.set(id, before === 'answer' ? slowest(connection(id)) : last(connection(id)));
      wishes.push({ finding, before, ids });
    }
    this.wishes = wishes;
    const frames = new Set(
      [...this.#last.values(), ...this.#slowest.values()].flatMap(({ client, server, hello }) => [
        ...(client ?? []),
        ...(server ?? []),
        ...(hello === null ? [] : [hello]),
      ]),
    );
    this.frames = Int32Array.from(frames).sort();
  }

  of(id: number, before: SaidBefore): Speakers | undefined {
    return this.#of(before).get(id);
  }

  #of(before: SaidBefore): Map<number, Speakers> {
    return before === 'answer' ? this.#slowest : this.#last;
  }
}

function last({ client, server, helloFrame }: ConnectionView): Speakers {
  const frames = (end: typeof client): Frames =>
    end.lastTurnFrame === null || end.lastDataFrame === null ? null : [end.lastTurnFrame, end.lastDataFrame];
  return { port: server.port, client: frames(client), server: frames(server), hello: helloFrame };
}

/** The request that waited longest, and the beginning of its answer. */
function slowest(c: ConnectionView): Speakers {
  const long = c.turns?.long ?? null;
  if (long === null) return last(c);
  return {
    port: c.server.port,
    client: [long.requestFrame, long.requestFrame],
    server: [long.answerFrame, long.answerFrame],
    hello: c.helloFrame,
  };
}

/** The wanted octets by frame. Of a file that has changed meanwhile, what is not there any more is missing. */
export async function readSaid({ frames }: SaidPlan, pass: SecondPass, first: Decoder): Promise<ReadonlyMap<number, Heard>> {
  const heard = new Map<number, Heard>();
  if (frames.length === 0) return heard;
  let seconds = 0;
  const decoder = first.again(() => seconds);
  const { sawFragments } = first;
  const packet = new Packet();
  let next = 0;
  const hear: Visit = (record, frame) => {
    const wanted = frame === frames[next];
    if (!wanted && !sawFragments) return true;
    seconds = record.seconds + record.nanos / NANOS_PER_SECOND;
    decoder.decode(packet, record.linkType, record.view, record.at, record.capLen, record.origLen);
    if (!wanted) return true;
    if (packet.layer === Layer.TCP) heard.set(frame, heardIn(packet, frame));
    return ++next < frames.length;
  };
  await pass.run(hear, sawFragments ? {} : { wanted: () => frames[next] ?? 0 });
  return heard;
}

/** Copies: the record is gone with the next chunk. */
export function heardIn({ view, payloadAt, payloadLength, end }: Packet, frame: number): Heard {
  const octets = new Uint8Array(view.buffer, view.byteOffset + payloadAt, Math.max(0, Math.min(payloadLength, end - payloadAt)));
  const whole = octets.length === payloadLength;
  return {
    frame,
    head: octets.slice(0, KEPT_HEAD),
    tail: whole ? octets.slice(Math.max(0, octets.length - KEPT_TAIL)) : new Uint8Array(0),
    length: payloadLength,
  };
}

/** The findings with what was said, and with the open transaction among the causes. */
export function withLastSaid(findings: readonly Finding[], plan: SaidPlan, heard: ReadonlyMap<number, Heard>): readonly Finding[] {
  const wishes = new Map(plan.wishes.map((wish) => [wish.finding.id, wish]));
  return findings.map((finding) => {
    const wish = wishes.get(finding.id);
    if (wish === undefined) return finding;
    const talks = wish.ids.flatMap((id) => {
      const speakers = plan.of(id, wish.before);
      return speakers === undefined ? [] : [{ id, ...talkOf(speakers, heard) }];
    });
    const lastSaid = summary(talks, wish.before === 'answer' ? 'slowest' : 'last');
    if (!lastSaid.groups.some(({ protocol }) => protocol !== NOTHING.protocol)) return finding;
    return { ...finding, causes: wish.before === 'silence' ? withTransaction(finding.causes, lastSaid) : finding.causes, lastSaid };
  });
}

function talkOf({ client, server, port, hello }: Speakers, heard: ReadonlyMap<number, Heard>): Conversation {
  return conversation(turnOf(client, heard), turnOf(server, heard), port, hello === null ? null : (heard.get(hello) ?? null));
}

function turnOf(frames: Frames, heard: ReadonlyMap<number, Heard>): Turn | null {
  if (frames === null) return null;
  const began = heard.get(frames[0]) ?? heard.get(frames[1]);
  return began === undefined ? null : { began, last: heard.get(frames[1]) ?? began };
}

interface Talk extends Conversation {
  readonly id: number;
}

const NOTHING = { protocol: 'none', text: 'nothing' } as const;

function summary(talks: readonly Talk[], which: LastSaid['which']): LastSaid {
  const lines: SaidLine[] = [];
  for (const talk of talks)
    for (const side of SIDE_NAMES) {
      const said = talk[side];
      if (said === null || lines.length >= MAX_LINES) continue;
      lines.push({ connection: talk.id, side, frame: said.frame, protocol: said.protocol, text: said.text });
    }
  return {
    which,
    connections: talks.length,
    inTransaction: talks.filter(({ transaction }) => transaction !== null).length,
    inTransactionProven: talks.filter(({ transaction }) => transaction === 'proven').length,
    groups: SIDE_NAMES.flatMap((side) => groupsOf(talks, side)),
    lines,
  };
}

/** Same words, then same words but for numbers. */
function groupsOf(talks: readonly Talk[], side: SideName): SaidGroup[] {
  const shapes = new Map<string, { said: Pick<SaidInFrame, 'protocol' | 'text'>; shape: string; count: number }>();
  for (const talk of talks) {
    const said = talk[side] ?? NOTHING;
    const shape = shapeOf(said);
    const key = `${said.protocol}\0${shape}`;
    const known = shapes.get(key);
    if (known === undefined) shapes.set(key, { said, shape, count: 1 });
    else {
      known.count++;
      if (known.said.text !== said.text) known.said = { protocol: said.protocol, text: shape };
    }
  }
  const all = [...shapes.values()].sort((a, b) => b.count - a.count);
  return all.slice(0, MAX_GROUPS).map(({ said: { protocol, text }, count }) => ({ side, protocol, text, count }));
}

const shapeOf = ({ protocol, text }: Pick<SaidInFrame, 'protocol' | 'text'>): string => {
  if (protocol === 'binary') return 'octets that are no text';
  // A status and an error are told apart by their numbers.
  return /^(HTTP\/\d|error )/.test(text) ? text : text.replace(/\d+/g, '*');
};

/** A transaction that stays open before the silence is a cause; the surer, the more of the connections have one. */
function withTransaction(causes: readonly Cause[], said: LastSaid): readonly Cause[] {
  const { connections, inTransaction, inTransactionProven, groups } = said;
  if (inTransaction === 0) return causes;
  const most = inTransaction * 2 >= connections;
  const words = groups.find(({ side, protocol }) => side === 'client' && protocol !== NOTHING.protocol);
  const quoted = words === undefined ? '' : `; ${String(words.count)} of ${plural(connections, 'client')} had last sent \`${words.text}\``;
  const proof =
    inTransactionProven === 0 ? 'by the last statement' : `by the server's own status in ${plural(inTransactionProven, 'case')}`;
  const cause: Cause = {
    text: 'A transaction was left open: the application began one and neither committed it nor rolled it back before it fell silent, for instance because it waits for something else or lost the connection out of sight',
    likelihood: most ? (inTransactionProven * 2 >= inTransaction ? 'high' : 'medium') : 'low',
    because: `a transaction was open on ${String(inTransaction)} of ${plural(connections, 'connection')} (${proof})${quoted}`,
  };
  return cause.likelihood === 'high' ? [cause, ...causes] : [...causes, cause];
}
