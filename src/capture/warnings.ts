/** Oddities of one file, by kind: the first of each is told in full, the others are counted. Bounded by the number of kinds. */

export class Warnings {
  readonly #kinds = new Map<string, { readonly text: string; count: number }>();

  /** `kind` is a constant of the caller; `text` is asked for once per kind. */
  add(kind: string, text: () => string): void {
    const seen = this.#kinds.get(kind);
    if (seen) seen.count++;
    else this.#kinds.set(kind, { text: text(), count: 1 });
  }

  get list(): readonly string[] {
    return [...this.#kinds.values()].map(({ text, count }) => (count === 1 ? text : `${text} (and ${count - 1} more like it)`));
  }
}
