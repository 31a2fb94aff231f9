/** One packet taken apart for people: what each field is called, what it says, and which bytes hold it. */

/** `offset` counts from the start of the frame. */
export interface PacketField {
  readonly name: string;
  readonly value: string;
  readonly offset: number;
  readonly length: number;
}

/** One header, or what is behind the last one. `length` covers captured bytes only. */
export interface PacketLayer {
  readonly name: string;
  readonly summary: string;
  readonly offset: number;
  readonly length: number;
  readonly fields: readonly PacketField[];
}
