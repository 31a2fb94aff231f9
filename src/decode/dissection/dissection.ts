/**
 * One frame being taken apart: where reading stands, and the layers found so far.
 *
 * The counterpart of `Walk` for people: the same numbers for the next header, the same lengths, but every field becomes
 * text with the place of its bytes. A field whose bytes were not captured is left out.
 */
import type { PacketField, PacketLayer } from '../../model/dissection.ts';

export class Dissection {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly layers: PacketLayer[] = [];
  /** The next header. */
  at = 0;
  /** Behind the last captured byte. */
  readonly end: number;
  /** Behind the last byte that belongs to the packet according to the headers so far. */
  limit: number;
  ipVersion = 0;
  /** Inside the packet that an ICMP error quotes. */
  quoted = false;
  /** The last header ended early: what follows is unknown and no payload. */
  broken = false;

  constructor(bytes: Uint8Array, capLen: number, origLen: number) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = Math.min(capLen, bytes.byteLength);
    this.limit = Math.max(origLen, this.end);
  }

  /** Behind the last byte that belongs to the packet and was captured. */
  get bound(): number {
    return Math.min(this.end, this.limit);
  }

  /** The next `size` octets belong to the packet and were captured. */
  has(size: number): boolean {
    return this.at + size <= this.bound;
  }

  layer(name: string): Layer {
    return new Layer(this, this.quoted ? `${name} (quoted)` : name);
  }
}

/** One layer under construction; offsets count from its first byte. */
export class Layer {
  readonly #frame: Dissection;
  readonly #name: string;
  readonly #start: number;
  readonly #fields: PacketField[] = [];

  constructor(frame: Dissection, name: string) {
    this.#frame = frame;
    this.#name = name;
    this.#start = frame.at;
  }

  /** `value` is called with the field's place in the frame, and only when all of it can be read. */
  field(name: string, offset: number, length: number, value: (at: number) => string): this {
    const at = this.#start + offset;
    const { end, limit } = this.#frame;
    if (at + length <= Math.min(end, limit)) this.#fields.push({ name, value: value(at), offset: at, length });
    return this;
  }

  /** Ends a header of `size` octets, moves behind it, and says whether all of it was there. */
  close(summary: string, size: number): boolean {
    const frame = this.#frame;
    const behind = Math.min(this.#start + size, frame.end, frame.limit);
    const there = behind - this.#start;
    const complaint = there < size ? this.#complaint(there, size) : '';
    frame.layers.push({
      name: this.#name,
      summary: [summary, complaint].filter((part) => part !== '').join(', '),
      offset: this.#start,
      length: there,
      fields: this.#fields,
    });
    frame.at = behind;
    frame.broken = there < size;
    return !frame.broken;
  }

  #complaint(there: number, size: number): string {
    if (this.#frame.quoted) return `${there} of ${size} bytes quoted`;
    if (this.#start + size > this.#frame.limit) return `malformed: ${size} bytes of header in ${there}`;
    return `cut: ${there} of ${size} bytes captured`;
  }
}

export const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, '0')}`;
export const plural = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`;
/** `TCP (6)`; the bare number where it has no name. */
export const named = (names: Readonly<Record<number, string>>, value: number, text = String(value)): string => {
  const name = names[value];
  return name === undefined ? text : `${name} (${text})`;
};
export const macText = (bytes: Uint8Array, at: number, length = 6): string =>
  Array.from(bytes.subarray(at, at + length), (octet) => octet.toString(16).padStart(2, '0')).join(':');
