/**
 * Frames that hold the fragments of datagrams: a datagram belongs to the frame that completed it, and its pieces came before. Found in
 * a pass of its own, because what a piece belongs to is known only later.
 */
import type { Decoder } from '../decode/index.ts';
import { Packet } from '../decode/packet.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import type { SecondPass } from './second-pass.ts';

/** Datagrams in progress whose frames are remembered; the decoder itself holds fewer. */
const DATAGRAMS = 256;
/** Frames of one datagram: 8,192 fragments of eight octets, and a copy of each. */
const FRAMES = 16_384;

/** A set of frame numbers, one bit each. */
class FrameSet {
  #bits = new Uint8Array(1024);

  has(frame: number): boolean {
    return ((this.#bits[frame >>> 3] ?? 0) & (1 << (frame & 7))) !== 0;
  }

  add(frame: number): void {
    const at = frame >>> 3;
    if (at >= this.#bits.length) {
      const larger = new Uint8Array(Math.max(at + 1, 2 * this.#bits.length));
      larger.set(this.#bits);
      this.#bits = larger;
    }
    this.#bits[at] = this.#bits[at]! | (1 << (frame & 7));
  }
}

/** Frames up to `last` that hold a fragment of a datagram which `wants` its packet. */
export async function fragmentFrames(
  pass: SecondPass,
  first: Decoder,
  last: number,
  wants: (packet: Packet, frame: number) => boolean,
): Promise<Pick<FrameSet, 'has'>> {
  const wanted = new FrameSet();
  const pieces = new Map<number, number[]>();
  let seconds = 0;
  const decoder = first.again(() => seconds);
  const { reassembly } = decoder;
  const packet = new Packet();
  let before = 0;
  await pass.run((record, frame) => {
    if (frame > last) return false;
    seconds = record.seconds + record.nanos / NANOS_PER_SECOND;
    decoder.decode(packet, record.linkType, record.view, record.at, record.capLen, record.origLen);
    if (reassembly.placed === before) return true;
    before = reassembly.placed;
    const frames = pieces.get(reassembly.latest) ?? [];
    if (frames.length === 0) {
      const [oldest] = pieces.keys();
      if (pieces.size >= DATAGRAMS && oldest !== undefined) pieces.delete(oldest);
      pieces.set(reassembly.latest, frames);
    }
    if (frames.length < FRAMES) frames.push(frame);
    if (packet.fragments > 1 && wants(packet, frame)) {
      for (const piece of frames) wanted.add(piece);
      pieces.delete(reassembly.latest);
    }
    return true;
  });
  return wanted;
}
