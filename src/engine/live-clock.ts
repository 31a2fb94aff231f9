/**
 * For how long nothing has come from a capture that goes on: time passes for its connections although no packet says so. Only where
 * packets arrive when they happen; a slow pipe with an old capture stands still.
 */

/** Packets younger than this when they are read are live, seconds: tcpdump without -U keeps them back until its buffer is full. */
const LIVE_WITHIN = 10;
/** What has been captured may still be on its way, seconds; only silence beyond it counts. */
const ON_ITS_WAY = 2;

export class LiveClock {
  #packets = 0;
  #since = 0;
  #live = false;

  /** Have the last packets come as they happened? */
  get live(): boolean {
    return this.#live;
  }

  /**
   * @param packets that have come so far; `latest`: time of the last, epoch seconds
   * @param now milliseconds of a clock that only goes forward; `wall`: epoch seconds
   * @returns seconds of silence that count; 0 while packets come, and where they are not live
   */
  quiet(packets: number, latest: number, now: number, wall: number): number {
    if (packets !== this.#packets) {
      this.#packets = packets;
      this.#since = now;
      this.#live = Math.abs(wall - latest) <= LIVE_WITHIN;
    }
    return this.#live ? Math.max(0, (now - this.#since) / 1_000 - ON_ITS_WAY) : 0;
  }
}
