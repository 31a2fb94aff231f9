/** The option lists of pcapng blocks: code, length, value, padding to 32 bits, ended by code 0 or by the block. */

/** draft-ietf-opsawg-pcapng: the options that say something about time, loss, direction or names. */
export const IfOption = { NAME: 2, TSRESOL: 9, TSOFFSET: 14 } as const;
export const PacketOption = { FLAGS: 2, DROPCOUNT: 4 } as const;
export const StatsOption = { ENDTIME: 3, IFDROP: 5, OSDROP: 7 } as const;
/** Records of a name resolution block, which are laid out like options. */
export const NameRecord = { IPV4: 1, IPV6: 2 } as const;

const END_OF_OPTIONS = 0;
const OPTION_HEADER = 4;

export const padded = (length: number): number => Math.ceil(length / 4) * 4;

/**
 * Calls `found` for each option from `at` up to `end`. False when one runs past the block; those before it were good and are kept.
 * The end marker is optional: many writers leave it out.
 */
export function readOptions(
  view: DataView,
  at: number,
  end: number,
  little: boolean,
  found: (code: number, at: number, length: number) => void,
): boolean {
  while (end - at >= OPTION_HEADER) {
    const code = view.getUint16(at, little);
    const length = view.getUint16(at + 2, little);
    if (code === END_OF_OPTIONS) return true;
    if (length > end - at - OPTION_HEADER) return false;
    found(code, at + OPTION_HEADER, length);
    at += OPTION_HEADER + padded(length);
  }
  return true;
}

export const uint64 = (view: DataView, at: number, little: boolean): number => Number(view.getBigUint64(at, little));
export const int64 = (view: DataView, at: number, little: boolean): number => Number(view.getBigInt64(at, little));
