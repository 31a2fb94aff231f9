/** Columns in order, where the engine's own sort, which compares, takes too long: a flood has a million of everything. */

/** So few are put in order one by one. */
const FEW = 32;
const DIGIT_BITS = 8;
const DIGITS = 1 << DIGIT_BITS;
/** The sign as the lowest of two values of the highest digit. */
const SIGN = 1 << 31;

/** Sorts a column of int32 in place, digit by digit from the highest; returns it. */
export function sortInts(values: Int32Array): Int32Array {
  sortRange(values, 0, values.length, 32 - DIGIT_BITS);
  return values;
}

/** A range in which all have the same digits above `shift`: swaps each value to where those of its digit belong ("American flag sort"). */
function sortRange(values: Int32Array, from: number, to: number, shift: number): void {
  if (to - from <= FEW) {
    insert(values, from, to);
    return;
  }
  const next = new Int32Array(DIGITS + 1);
  for (let i = from; i < to; i++) {
    const digit = (((values[i]! ^ SIGN) >>> shift) & (DIGITS - 1)) + 1;
    next[digit] = next[digit]! + 1;
  }
  next[0] = from;
  for (let digit = 1; digit <= DIGITS; digit++) next[digit] = next[digit]! + next[digit - 1]!;
  const ends = next.slice(1);
  for (let own = 0; own < DIGITS; own++) {
    for (let at = next[own]!; at < ends[own]!; at = next[own]!) {
      let value = values[at]!;
      for (let digit = ((value ^ SIGN) >>> shift) & (DIGITS - 1); digit !== own; digit = ((value ^ SIGN) >>> shift) & (DIGITS - 1)) {
        const there = next[digit]!;
        next[digit] = there + 1;
        const other = values[there]!;
        values[there] = value;
        value = other;
      }
      values[at] = value;
      next[own] = at + 1;
    }
  }
  if (shift === 0) return;
  for (let digit = 0, begin = from; digit < DIGITS; begin = ends[digit++]!)
    if (ends[digit]! - begin > 1) sortRange(values, begin, ends[digit]!, shift - DIGIT_BITS);
}

function insert(values: Int32Array, from: number, to: number): void {
  for (let i = from + 1; i < to; i++) {
    const value = values[i]!;
    let at = i;
    for (; at > from && values[at - 1]! > value; at--) values[at] = values[at - 1]!;
    values[at] = value;
  }
}

/** Sorts a column of times in place, which connections mostly are already; returns it. */
export function sortTimes(times: Float64Array): Float64Array {
  for (let i = 1; i < times.length; i++) if (times[i - 1]! > times[i]!) return times.sort();
  return times;
}
