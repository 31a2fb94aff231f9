/**
 * The answers of a session: pages of connections, one connection as a ladder, one packet in full, one rule explained.
 * Ladders and packets are read from the capture a second time; nothing is kept per packet.
 */
import type { Detector } from '../detect/detector.ts';
import { TcpdiagError } from '../model/errors.ts';
import type { Finding } from '../model/finding.ts';
import type { ConnectionRow } from '../model/report.ts';
import { ConnectionIndex, type ConnectionSource } from './connection-index.ts';
import { explainWithExample } from './explain.ts';
import { readConversation } from './follow.ts';
import { extract, type ExtractSource } from './extract.ts';
import { composeLadder, evidenceOf, notesOf, readSegments } from './ladder.ts';
import { type FrameReader, readPacket } from './packet-detail.ts';
import { type Standing } from './kept.ts';
import { Peers } from './peers.ts';
import { missing } from './missing.ts';
import { NewFile } from './new-file.ts';
import type { Ladder, PacketDetail, QuestionName, Questions } from './protocol.ts';
import type { SecondPass } from './second-pass.ts';
import { type SocketSource, TimeMachine } from './time-machine.ts';

/** What a ladder needs of the analysis. */
export type LadderSource = Pick<QuerySource, 'connections' | 'row' | keyof FrameReader>;

export interface QuerySource extends ConnectionSource, ExtractSource {
  readonly socketSource: SocketSource;
  row(id: number): ConnectionRow;
}

/** What the session knows when a question comes. */
export interface QueryState {
  readonly findings: readonly Finding[];
  readonly analysisRevision: number;
  readonly final: boolean;
}

export type Answers = { readonly [Q in QuestionName]: (ask: Questions[Q]['ask']) => Promise<Questions[Q]['answer']> };

export class Queries implements Answers {
  readonly #source: QuerySource;
  readonly #pass: SecondPass;
  readonly #detectors: readonly Detector[];
  readonly #state: () => QueryState;
  readonly #paths: readonly string[];
  readonly #index: ConnectionIndex;
  readonly #time: TimeMachine;
  readonly #peers: Peers;
  /** The ladder shown last: its packets are what is looked at next. */
  #lastLadder: { readonly ladder: Ladder; readonly revision: number; readonly around: number | undefined } | null = null;

  /** @param paths the capture, which is never written to. */
  constructor(
    source: QuerySource,
    pass: SecondPass,
    detectors: readonly Detector[],
    state: () => QueryState,
    now: () => number,
    paths: readonly string[],
  ) {
    this.#source = source;
    this.#pass = pass;
    this.#detectors = detectors;
    this.#state = state;
    this.#paths = paths;
    this.#index = new ConnectionIndex(source, now);
    const standing = (): Standing => {
      const { analysisRevision: revision, final } = state();
      return { revision, final };
    };
    this.#time = new TimeMachine(() => source.socketSource, standing, now);
    this.#peers = new Peers(() => source.socketSource, standing, now);
  }

  readonly connections: Answers['connections'] = (ask) => {
    const { findings, analysisRevision: revision, final } = this.#state();
    return Promise.resolve(this.#index.page(ask, { findings, revision, final }));
  };

  readonly ladder: Answers['ladder'] = ({ connection, around }) => this.#ladder(connection, around);

  readonly packet: Answers['packet'] = async ({ frame }) => {
    const { packets } = this.#source;
    if (!Number.isSafeInteger(frame) || frame < 1 || frame > packets) throw missing('frame', frame, 1, packets);
    const detail = await readPacket(this.#pass, this.#source, frame);
    if (!detail) throw missing('frame', frame, 1, packets);
    return detail.connection === null ? detail : { ...detail, notes: [...detail.notes, ...(await this.#notes(detail, detail.connection))] };
  };

  readonly connection: Answers['connection'] = async ({ connection }) => Promise.resolve(rowOf(this.#source, connection));

  readonly chart: Answers['chart'] = async (ask) => Promise.resolve(this.#time.chart(ask));

  readonly sockets: Answers['sockets'] = async (ask) => Promise.resolve(this.#time.sockets(ask));

  readonly moment: Answers['moment'] = async (ask) => Promise.resolve(this.#time.moment(ask));

  readonly peers: Answers['peers'] = async (ask) => Promise.resolve(this.#peers.page(ask));

  readonly follow: Answers['follow'] = async ({ connection, skip }) =>
    readConversation(this.#pass, this.#source, rowOf(this.#source, connection), skip);

  readonly explain: Answers['explain'] = ({ rule }) => explainWithExample(this.#detectors, rule);

  readonly extract: Answers['extract'] = async ({ path, ...options }) => {
    if (!this.#state().final) throw new TcpdiagError('the capture is still being read; packets can be taken out of it once it has been.');
    const file = await NewFile.open(path, this.#paths);
    try {
      const extracted = await extract(this.#source, this.#pass, options, (bytes) => file.write(bytes));
      await file.complete();
      return extracted;
    } finally {
      await file.discard();
    }
  };

  async #ladder(connection: number, around: number | undefined): Promise<Ladder> {
    const row = rowOf(this.#source, connection);
    const { analysisRevision: revision, findings } = this.#state();
    const last = this.#lastLadder;
    if (
      last?.revision === revision &&
      last.around === around &&
      last.ladder.connection.id === connection &&
      last.ladder.connection.lastFrame === row.lastFrame
    )
      return last.ladder;
    const ladder = await readLadder(this.#source, this.#pass, connection, findings, around);
    this.#lastLadder = { ladder, revision, around };
    return ladder;
  }

  /** What the ladder says of this frame, and which findings it proves. */
  async #notes({ frame }: PacketDetail, connection: number): Promise<readonly string[]> {
    const shown = this.#lastLadder?.ladder;
    const row = shown?.connection.id === connection ? shown.rows.find((r) => r.frame === frame) : undefined;
    const notes = row?.frame === frame ? row.notes : await this.#segmentNotes(connection, frame);
    const proofs = evidenceOf(connection, this.#state().findings).filter((e) => e.frame === frame);
    return [...notes, ...proofs.map(({ finding, note }) => `proves ${finding}: ${note}`)];
  }

  async #segmentNotes(connection: number, frame: number): Promise<readonly string[]> {
    const [segments] = await readSegments(this.#pass, this.#source, [this.#source.row(connection)], { until: frame });
    const step = segments && [...segments.head, ...segments.tail].findLast((s) => s.frame === frame);
    return step ? notesOf(step) : [];
  }
}

/** @throws UsageError naming the connections that exist */
export async function readLadder(
  source: LadderSource,
  pass: SecondPass,
  id: number,
  findings: readonly Finding[],
  around?: number,
): Promise<Ladder> {
  const row = rowOf(source, id);
  const [segments] = await readSegments(pass, source, [row], { around });
  if (segments === undefined) throw new Error('a connection that was asked for was not read');
  return composeLadder(row, segments, findings);
}

/** Ladders of several connections, by id; one pass for all of them. @param kept segments at either end of each */
export async function readLadders(
  source: LadderSource,
  pass: SecondPass,
  ids: readonly number[],
  findings: readonly Finding[],
  kept: number,
): Promise<ReadonlyMap<number, Ladder>> {
  if (ids.length === 0) return new Map();
  const rows = ids.map((id) => rowOf(source, id));
  const all = await readSegments(pass, source, rows, { kept });
  return new Map(rows.flatMap((row, i) => (all[i] === undefined ? [] : [[row.id, composeLadder(row, all[i], findings)] as const])));
}

function rowOf(source: LadderSource, id: number): ConnectionRow {
  const { connections } = source;
  if (!Number.isSafeInteger(id) || id < 0 || id >= connections) throw missing('connection', id, 0, connections - 1);
  return source.row(id);
}
