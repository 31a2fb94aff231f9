/** Where values lie on a drawing, and the round values that are written beside it. */

const NICE_SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400];

/** 1, 2 or 5 times a power of ten, not less than `value`. */
function niceAbove(value: number): number {
  const decade = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * decade >= value * (1 - 1e-9)) ?? 10) * decade;
}

/** From 0 on in steps of a round number, at most `most` of them beside 0; the last is not below `value`. */
export function countTicks(value: number, most = 4): readonly number[] {
  const step = Math.max(1, niceAbove(Math.max(1, value) / most));
  return Array.from({ length: Math.ceil(Math.max(1, value) / step) + 1 }, (_, i) => i * step);
}

/** Seconds from 0 on that lie within `duration`, at most about `most` of them. */
export function timeTicks(duration: number, most = 8): readonly number[] {
  if (!(duration > 0)) return [0];
  const wanted = duration / most;
  const step = wanted < 1 ? niceAbove(wanted) : (NICE_SECONDS.find((s) => s >= wanted) ?? Math.ceil(wanted / 86_400) * 86_400);
  return Array.from({ length: Math.floor(duration / step + 1e-9) + 1 }, (_, i) => i * step);
}

/** Text of a monospaced face is this wide for each character, in shares of its size. */
const MONO = 0.602;
/** And ours of the system, about; capitals are wider. */
const SANS = 0.56;

export const monoChars = (width: number, size: number): number => Math.floor(width / (size * MONO));
export const sansChars = (width: number, size: number): number => Math.floor(width / (size * SANS));

export const cut = (text: string, chars: number): string => (text.length <= chars ? text : `${text.slice(0, Math.max(1, chars - 1))}…`);
