/**
 * Which connections are compared where there are too many: one in so many, and the same in both captures, whatever happens to addresses on the
 * way. Chosen by the client's initial sequence number; of a connection whose beginning a capture lacks by its addresses and ports.
 */
import type { Packet } from '../../decode/packet.ts';
import { Flag } from '../../model/flags.ts';

/** uint32 of which any bits are as good as any others; never 0. @param packet the first segment of its connection */
export function sampleKey(packet: Packet): number {
  const syn = (packet.flags & Flag.SYN) !== 0;
  const acks = (packet.flags & Flag.ACK) !== 0;
  const key = syn
    ? mixed(acks ? packet.ack - 1 : packet.seq)
    : mixed(endHash(packet, packet.srcAt, packet.srcPort) ^ endHash(packet, packet.dstAt, packet.dstPort));
  return key === 0 ? 0x80000000 : key;
}

/** Is it among one in `oneIn`, a power of two? */
export const isSampled = (key: number, oneIn: number): boolean => (key & (oneIn - 1)) === 0;

/** The keys of all connections of a capture, by id. */
export class SampleKeys {
  #keys = new Uint32Array(1_024);

  /** @param packet a segment of the connection; the first one counts */
  of(connection: number, packet: Packet): number {
    if (connection >= this.#keys.length) {
      const grown = new Uint32Array(Math.max(connection + 1, 2 * this.#keys.length));
      grown.set(this.#keys);
      this.#keys = grown;
    }
    return (this.#keys[connection] ||= sampleKey(packet));
  }

  /** 0: no segment of it was seen. */
  known(connection: number): number {
    return this.#keys[connection] ?? 0;
  }
}

/** FNV-1a. */
function endHash({ view, ipVersion }: Packet, at: number, port: number): number {
  let hash = Math.imul(0x811c9dc5 ^ port, 0x01000193);
  for (let i = 0; i < (ipVersion === 6 ? 16 : 4); i++) hash = Math.imul(hash ^ view.getUint8(at + i), 0x01000193);
  return hash;
}

/** The finalizer of MurmurHash3: low bits of initial sequence numbers alone may be a clock. */
function mixed(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
