/** What the snap length cut from sampled segments: the TCP options, or the payload. */
import { type Packet, Stop } from '../decode/packet.ts';

/** Connections kept: as many as a finding lists. */
const MAX_IDS = 1_000;

export type CutsState = Pick<SegmentCuts, 'looked' | 'options' | 'payload' | 'octets'>;

export class SegmentCuts {
  looked = 0;
  options = 0;
  payload = 0;
  /** Most octets captured of a frame that ends in the options. */
  octets = 0;
  readonly ids = new Set<number>();

  /** The connections have new ids: `ids` by the old ones, -1 of those that are no more. */
  renumber(ids: Int32Array): void {
    const kept = [...this.ids].map((id) => ids[id]!).filter((id) => id >= 0);
    this.ids.clear();
    for (const id of kept) this.ids.add(id);
  }

  /** What is counted of all segments, for another process. */
  get state(): CutsState {
    const { looked, options, payload, octets } = this;
    return { looked, options, payload, octets };
  }
  restore(state: CutsState): void {
    Object.assign(this, state);
  }

  /** Adds those of a capture that follows. */
  join({ looked, options, payload, octets }: CutsState): void {
    this.looked += looked;
    this.options += options;
    this.payload += payload;
    this.octets = Math.max(this.octets, octets);
  }

  /** Takes these connections, of all shards. */
  become(ids: readonly number[]): void {
    this.ids.clear();
    for (const id of [...ids].sort((a, b) => a - b).slice(0, MAX_IDS)) this.ids.add(id);
  }

  /** A segment of connection `id`; below 0: of another shard. */
  note(k: Packet, id: number): void {
    if (k.stop !== Stop.NONE) return;
    this.looked++;
    const payloadAt = k.transportAt + k.headerLength;
    if (payloadAt > k.end) {
      this.options++;
      if (k.end - k.at > this.octets) this.octets = k.end - k.at;
      if (id >= 0 && this.ids.size < MAX_IDS) this.ids.add(id);
    } else if (payloadAt + k.payloadLength > k.end) this.payload++;
  }
}
