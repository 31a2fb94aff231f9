import { type ConnId, type ConnIds, connIds } from '../model/units.ts';

/** Ids in a column that grows: of a flood there are a million, of which an array takes twice as much, and three times while it grows. */
export class IdList {
  #column = new Int32Array(0);
  #length = 0;

  add(id: ConnId): void {
    if (this.#length === this.#column.length) {
      const larger = new Int32Array(Math.max(64, 2 * this.#length));
      larger.set(this.#column);
      this.#column = larger;
    }
    this.#column[this.#length++] = id;
  }

  get length(): number {
    return this.#length;
  }

  /** A view, no copy. */
  get ids(): ConnIds {
    return connIds(this.#column.subarray(0, this.#length));
  }
}
