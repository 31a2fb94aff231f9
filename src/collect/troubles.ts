/** Connections with loss, closed windows, probes or fragments, straight from the columns: the few that rules about the path look at. */
import type { Troubles } from '../model/capture-view.ts';
import { Mark } from '../model/connection.ts';
import type { ConnId } from '../model/units.ts';
import { Side } from '../model/state.ts';
import type { PackedRecords } from '../track/packed-records.ts';
import type { Tables } from '../track/tables.ts';
import { eventKind, markKind } from '../track/events.ts';
import { Core, Half, HALF_STRIDE, Trait, Trouble, TROUBLE_HALF } from '../track/layout.ts';

const PATH_MTU = markKind(Mark.PATH_MTU);
const FRAGMENTED = markKind(Mark.FRAGMENTED);

/** Fills the lists while the census walks over all connections; only those with a trouble record are looked into. */
export class TroubleTally {
  readonly lists = {
    resent: [] as ConnId[],
    overtaken: [] as ConnId[],
    closedWindow: [] as ConnId[],
    keptAlive: [] as ConnId[],
    unanswered: [] as ConnId[],
    largeInVain: [] as ConnId[],
    tooBig: [] as ConnId[],
    fragmented: [] as ConnId[],
  } satisfies Troubles;
  readonly #tables: Tables;
  readonly #inFragments: boolean;

  /** @param inFragments whether any segment came in IP fragments. */
  constructor(tables: Tables, inFragments: boolean) {
    this.#tables = tables;
    this.#inFragments = inFragments;
  }

  /** @param core the page with the connection's core record, at `c`. */
  noteMarks(id: ConnId, core: Int32Array, c: number): void {
    if (this.#inFragments && hasMark(this.#tables, id, FRAGMENTED)) this.lists.fragmented.push(id);
    if ((core[c + Core.STATE]! & Trait.ICMP_ERROR) !== 0 && hasMark(this.#tables, id, PATH_MTU)) this.lists.tooBig.push(id);
  }

  /** @param pair reference to the connection's pair record. @param trouble Pair.TROUBLE */
  note(id: ConnId, pair: number, trouble: number): void {
    if (trouble === 0) return;
    const { lists } = this;
    const { pairs } = this.#tables;
    const words = this.#tables.troubles.page(trouble - 1);
    const t = this.#tables.troubles.offset(trouble - 1);
    const u = t + TROUBLE_HALF;
    if (words[t + Trouble.FIRST_FRAME]! > 0 || words[u + Trouble.FIRST_FRAME]! > 0) lists.resent.push(id);
    if (words[t + Trouble.OUT_OF_ORDER]! > 0 || words[u + Trouble.OUT_OF_ORDER]! > 0) lists.overtaken.push(id);
    if (words[t + Trouble.ZERO_EPISODES]! > 0 || words[u + Trouble.ZERO_EPISODES]! > 0) lists.closedWindow.push(id);
    if (words[t + Trouble.KEEP_ALIVES]! > 0 || words[u + Trouble.KEEP_ALIVES]! > 0) lists.keptAlive.push(id);
    const probesInVain = words[t + Trouble.KEEP_ALIVES_IN_VAIN]! > 0 || words[u + Trouble.KEEP_ALIVES_IN_VAIN]! > 0;
    if (probesInVain || inVain(pairs, pair, Side.CLIENT, words, t) || inVain(pairs, pair, Side.SERVER, words, u)) lists.unanswered.push(id);
    if (words[t + Trouble.LONGEST_FULL_RUN]! > 1 || words[u + Trouble.LONGEST_FULL_RUN]! > 1) lists.largeInVain.push(id);
  }
}

/** What was repeated last is not acknowledged. */
const inVain = (pairs: PackedRecords, pair: number, side: Side, words: Int32Array, t: number): boolean =>
  words[t + Trouble.VAIN_RUN]! > 0 && pairs.word(pair, side * HALF_STRIDE + Half.UNA) === words[t + Trouble.LAST_UNA];

function hasMark({ events }: Tables, id: ConnId, kind: number): boolean {
  for (let ref = events.first(id); ref !== 0; ref = events.next(ref)) if (eventKind(events.code(ref)) === kind) return true;
  return false;
}
