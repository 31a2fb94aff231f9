/**
 * What the next segments will need from memory, fetched before they are due.
 *
 * In a flood nearly every segment waits for a slot of the table of tuples that no cache holds: 150 ns each time, a fifth of all. Slots that
 * are looked at one right after the other are waited for together.
 *
 * And how many connections there will be, by how many there were in so much of the capture.
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
  readonly #hashes: Int32Array;
  /** Connections when this was asked last. */
  #connections = 0;
  /** Segments whose slot had a connection, of whatever tuple. What nobody kept would not be looked at. */
  taken = 0;

  /** @param ahead segments at a time; a processor has about 16 waits for memory under way */
  constructor(tables: Tables, ahead: number) {
    this.#tables = tables;
    this.#places = new Int32Array(ahead);
    this.#hashes = new Int32Array(ahead);
  }

  /** So much of the capture was read, 0 to 1. */
  expect(share: number): void {
    this.#tables.packer.expect(share);
  }

  /** To be called once in `ahead` records. @param view with the frames that `reader` tells of */
  look(reader: Ahead, view: DataView): void {
    const { flows, cores } = this.#tables;
    const opened = cores.length - this.#connections;
    this.#connections = cores.length;
    if (opened < OPENED * this.#places.length || !flows.isLarge || reader.ahead === undefined) return;
    this.fetch(view, this.#places, reader.ahead(this.#places));
  }

  /**
   * Looks at the slots of `n` frames, if they are segments over Ethernet and IPv4 without tags and options, as those of floods are. No branch hangs on
   * an address: where it is guessed wrong, waits do not overlap. So the ports of a host that asks itself may stand in the wrong order.
   */
  fetch(view: DataView, places: Int32Array, n: number): void {
    const { flows } = this.#tables;
    const hashes = this.#hashes;
    let m = 0;
    for (let i = 0; i < n; i++) {
      const at = places[i]!;
      if (at + LEAST > view.byteLength || (view.getInt32(at + 11) & 0xffffff) !== IPV4) continue;
      const src = view.getInt32(at + LINK + 12);
      const dst = view.getInt32(at + LINK + 16);
      const ports = view.getInt32(at + LINK + 20);
      const swaps = -Number(src > dst);
      const x = (src ^ dst) & swaps;
      const y = (ports ^ ((ports << 16) | (ports >>> 16))) & swaps;
      hashes[m++] = hash(src ^ x, dst ^ x, ports ^ y, 0);
    }
    let taken = 0;
    for (let i = 0; i < m; i++) taken += Number(flows.isTaken(hashes[i]!));
    this.taken += taken;
  }
}
