/** How what is known of a capture changes where the capture lies behind others: moved.ts moves all that was tracked. */

/** Where a capture lies behind others. */
export interface Move {
  /** Frames before its first. */
  readonly frames: number;
  /** From the first record of all to the first of this one. */
  readonly nanos: number;
  /** What an address is there; an IPv4 address is its own number. */
  readonly address: (address: number, ipv6: boolean) => number;
  readonly encapsulation: (id: number) => number;
}

/** A frame that may be none (0). */
export const movedFrame = (frame: number, { frames }: Move): number => (frame === 0 ? 0 : frame + frames);
/** A word of Core.META. */
export const movedMeta = (meta: number, { encapsulation }: Move): number => (encapsulation(meta >>> 1) << 1) | (meta & 1);
