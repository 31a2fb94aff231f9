/** Turns any number of changes into at most one drawing per frame; the first after a pause is drawn at once, so that keys feel direct. */

/** 30 frames a second: more than anybody reads, and Ink needs 10 to 20 ms for each. */
export const FRAME_MILLISECONDS = 33;

export class FramePacer {
  #last = -Infinity;
  #waiting: (() => void) | null = null;
  readonly #now: () => number;
  readonly #later: (run: () => void, milliseconds: number) => void;

  constructor(now: () => number, later: (run: () => void, milliseconds: number) => void) {
    this.#now = now;
    this.#later = later;
  }

  readonly schedule = (draw: () => void): void => {
    const waits = this.#waiting !== null;
    this.#waiting = draw;
    if (waits) return;
    // Zero milliseconds still lets the rest of a burst of keys come in first.
    this.#later(
      () => {
        const run = this.#waiting;
        this.#waiting = null;
        this.#last = this.#now();
        run?.();
      },
      Math.max(0, this.#last + FRAME_MILLISECONDS - this.#now()),
    );
  };
}
