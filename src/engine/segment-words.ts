/**
 * What the segments of one connection say, for its ladder: one line where an end begins to speak, and where a message of a known
 * protocol begins within its turn.
 */
import { describe, recognise } from '../decode/application/index.ts';
import type { Packet } from '../decode/packet.ts';
import type { Words } from '../model/said.ts';
import { Side } from '../model/state.ts';
import { heardIn } from './last-said.ts';

export class SegmentWords {
  readonly #port: number;
  #speaker: Side | null = null;
  /** The protocol that either end was recognised to speak. */
  #known: string | null = null;
  #last = '';

  constructor(port: number) {
    this.#port = port;
  }

  /** The next segment that is not a repeat; null: it goes on, or carries nothing. */
  words(packet: Packet, side: Side, frame: number): Words | null {
    if (packet.payloadLength === 0) return null;
    const speech = { ...heardIn(packet, frame), fromServer: side === Side.SERVER, port: this.#port };
    const begins = this.#speaker !== side;
    this.#speaker = side;
    const recognised = recognise(speech);
    if (recognised !== null) this.#known ??= recognised.protocol;
    if (!begins && recognised?.protocol !== this.#known) return null;
    const { protocol, text } = recognised ?? describe(speech, this.#known);
    // One record of many says no more than the first.
    if (!begins && text === this.#last) return null;
    this.#last = text;
    return { protocol, text };
  }
}
