/** An old frame beside the new one: octets are copied or mapped one by one, and what nobody asks for stays zero. Never beyond what was captured. */
import type { AddressMap } from './addresses.ts';
import { mend, type Sum } from './sums.ts';

const MAC = 6;

export class Rewriting {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly out: Uint8Array;
  readonly map: AddressMap;
  /** Checksums, outermost first. */
  readonly sums: Sum[] = [];

  constructor(bytes: Uint8Array, map: AddressMap) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.out = new Uint8Array(bytes.length);
    this.map = map;
  }

  /** 0 where nothing was captured. */
  u8(at: number): number {
    return this.bytes[at] ?? 0;
  }

  u16(at: number): number {
    return (this.u8(at) << 8) | this.u8(at + 1);
  }

  /** Latin-1. */
  text(at: number, length: number): string {
    return length > 0 ? String.fromCharCode(...this.bytes.subarray(at, at + length)) : '';
  }

  copy(at: number, length: number): void {
    const end = Math.min(at + length, this.out.length);
    if (at < end) this.out.set(this.bytes.subarray(at, end), at);
  }

  put(at: number, value: number): void {
    if (at < this.out.length) this.out[at] = value;
  }

  /** An IP address of 4 or 16 octets; of one that was cut off nothing stays. */
  ip(at: number, octets: 4 | 16): void {
    if (at + octets <= this.bytes.length) this.out.set(this.map.ip(this.bytes.subarray(at, at + octets)), at);
  }

  mac(at: number): void {
    if (at + MAC <= this.bytes.length) this.out.set(this.map.mac(this.bytes.subarray(at, at + MAC)), at);
  }

  /** Innermost first: an outer checksum may be over an inner one. */
  mendSums(): void {
    for (const sum of this.sums.reverse()) mend(this.bytes, this.out, sum);
  }
}
