/** The first RST of each connection that has one, read off the log once: most rules need no more of most of them. */
import { Mark, type RstFacts } from '../model/connection.ts';
import type { Side } from '../model/state.ts';
import type { ConnId } from '../model/units.ts';
import type { Tables } from '../track/tables.ts';
import { eventKind, EventKind, eventSide, markDetail, markKind } from '../track/events.ts';
import { rstFacts } from '../track/reset.ts';

const RST = markKind(Mark.RST);

/** What is noted of a connection: it has a RST in its log; its first one is the server's; nothing else is marked in it. */
const HAS = 1;
const BY_SERVER = 2;
const ALONE = 4;

/** @param alone nothing else is marked on the connection */
export type RstTest = (rst: RstFacts, side: Side, alone: boolean) => boolean;

export class FirstResets {
  readonly #ids: readonly ConnId[];
  readonly #details: Int32Array;
  readonly #notes: Uint8Array;

  constructor({ events }: Tables, ids: readonly ConnId[]) {
    this.#ids = ids;
    this.#details = new Int32Array(ids.length);
    this.#notes = new Uint8Array(ids.length);
    for (const [i, id] of ids.entries()) {
      let marks = 0;
      let note = 0;
      for (let ref = events.first(id); ref !== 0; ref = events.next(ref)) {
        const code = events.code(ref);
        const kind = eventKind(code);
        if (kind < EventKind.FIRST_MARK) continue;
        marks++;
        if (kind !== RST || note !== 0) continue;
        note = HAS | (eventSide(code) === 1 ? BY_SERVER : 0);
        this.#details[i] = markDetail(code);
      }
      this.#notes[i] = note === 0 ? 0 : note | (marks === 1 ? ALONE : 0);
    }
  }

  /** Ids of the connections whose first RST passes. */
  like(test: RstTest): ConnId[] {
    return this.#ids.filter((_, i) => {
      const note = this.#notes[i]!;
      return note !== 0 && test(rstFacts(this.#details[i]!), (note & BY_SERVER) === 0 ? 0 : 1, (note & ALONE) !== 0);
    });
  }
}
