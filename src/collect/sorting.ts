/** Columns in order, where the engine's own sort, which compares, takes too long: a flood has a million of everything. */

/** Fewer are left to the engine's sort. */
const FEW = 1 << 12;
const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;
/** The sign as the lowest of two values of the highest digit. */
const SIGN = 1 << 31;

/**
 * Sorts a column of int32 in place, digit by digit from the lowest; returns it.
 * @param room of the same length, for what is put in order; what is in it does not matter
 */
export function sortInts(values: Int32Array, room?: Int32Array): Int32Array {
  if (values.length < FEW) return values.sort();
  let from: Int32Array = values;
  let to: Int32Array = room ?? new Int32Array(values.length);
  for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
    place(from, to, shift);
    [from, to] = [to, from];
  }
  values.set(from); // three digits: it lies in the other column
  return values;
}

/** One digit: what has the same one keeps its order. */
function place(from: Int32Array, to: Int32Array, shift: number): void {
  const next = new Int32Array(DIGITS + 1);
  const { length } = from;
  for (let i = 0; i < length; i++) {
    const digit = (((from[i]! ^ SIGN) >>> shift) & (DIGITS - 1)) + 1;
    next[digit] = next[digit]! + 1;
  }
  for (let digit = 1; digit < DIGITS; digit++) next[digit] = next[digit]! + next[digit - 1]!;
  for (let i = 0; i < length; i++) {
    const value = from[i]!;
    const digit = ((value ^ SIGN) >>> shift) & (DIGITS - 1);
    to[next[digit]!] = value;
    next[digit] = next[digit]! + 1;
  }
}

/** Sorts a column of times in place, which connections mostly are already; returns it. */
export function sortTimes(times: Float64Array): Float64Array {
  for (let i = 1; i < times.length; i++) if (times[i - 1]! > times[i]!) return times.sort();
  return times;
}
