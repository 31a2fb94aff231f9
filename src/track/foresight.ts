/**
 * What the next segments will need from memory, fetched before they are due.
 *
 * In a flood nearly every segment waits for a slot of the table of tuples that no cache holds: 150 ns each time, a fifth of all. Slots that
 * are looked at one right after the other are waited for together.
 */
import { hash } from './hash.ts';
import type { Tables } from './tables.ts';

/** A flood: where such a part of the segments opened connections. */
const OPENED = 1 / 4;

/** Ethertype, version, header length. */
const IPV4 = 0x080045;
const LINK = 14;
/** Up to the ports. */
const LEAST = LINK + 20 + 4;

/** Who knows where in their buffer the frames behind the newest one seem to begin (capture/reader.ts). */
interface Ahead {
  ahead?(places: Int32Array): number;
}

export class Foresight {
  readonly #tables: Tables;
  readonly #places: Int32Array;
  /** Connections when this was asked last. */
  #connections = 0;
  /** Segments whose slot had a connection, of whatever tuple. What nobody kept would not be looked at. */
  taken = 0;

  /** @param ahead segments at a time; a processor has about 16 waits for memory under way */
  constructor(tables: Tables, ahead: number) {
    this.#tables = tables;
    this.#places = new Int32Array(ahead);
  }

  /** To be called once in `ahead` records. @param view with the frames that `reader` tells of */
  look(reader: Ahead, view: DataView): void {
    const { flows, cores } = this.#tables;
    const opened = cores.length - this.#connections;
    this.#connections = cores.length;
    if (opened < OPENED * this.#places.length || !flows.isLarge || reader.ahead === undefined) return;
    this.fetch(view, this.#places, reader.ahead(this.#places));
  }

  /** Looks at the slots of `n` frames, if they are segments over Ethernet and IPv4 without tags and options, as those of floods are. */
  fetch(view: DataView, places: Int32Array, n: number): void {
    const { flows } = this.#tables;
    for (let i = 0; i < n; i++) {
      const at = places[i]!;
      if (at + LEAST > view.byteLength || (view.getInt32(at + 11) & 0xffffff) !== IPV4) continue;
      const src = view.getInt32(at + LINK + 12);
      const dst = view.getInt32(at + LINK + 16);
      const from = view.getUint16(at + LINK + 20);
      const to = view.getUint16(at + LINK + 22);
      const fromB = src > dst || (src === dst && from > to);
      const h = fromB ? hash(dst, src, (to << 16) | from, 0) : hash(src, dst, (from << 16) | to, 0);
      if (flows.isTaken(h)) this.taken++;
    }
  }
}
