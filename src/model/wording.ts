/**
 * How a count and a duration are written, wherever they are written: in a rule's sentences, in a report, on a screen.
 * Independent of the locale, because reports are compared and pasted.
 */

/** `1,234,567` */
export const countText = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ',');

/** `1 connection`, `39 connections`. */
export const plural = (n: number, one: string, many = `${one}s`): string => `${countText(n)} ${n === 1 ? one : many}`;

/** 1st, 2nd, 3rd, 4th, 11th, 21st. */
export function ordinalText(n: number): string {
  const teen = n % 100 >= 11 && n % 100 <= 13;
  const suffix = teen ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${countText(n)}${suffix}`;
}

/** `876 ns`, `123 µs`, `4.2 ms`, `21.4 s`, `5 min 12 s`, `3 h 04 min`, `2 d 3 h`. */
export function durationText(seconds: number): string {
  if (seconds < 0) return `-${durationText(-seconds)}`;
  if (seconds === 0) return '0 s';
  if (seconds < 0.000_000_999_5) return `${String(Math.round(seconds * 1e9))} ns`;
  if (seconds < 0.000_999_5) return `${String(Math.round(seconds * 1e6))} µs`;
  if (seconds < 0.999_5) return `${String(Number((seconds * 1e3).toPrecision(3)))} ms`;
  if (seconds < 59.95) return `${String(Number(seconds.toPrecision(3)))} s`;
  const whole = Math.round(seconds);
  if (whole < 3_600) return `${String(Math.floor(whole / 60))} min ${String(whole % 60).padStart(2, '0')} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 1_440) return `${String(Math.floor(minutes / 60))} h ${String(minutes % 60).padStart(2, '0')} min`;
  const hours = Math.round(seconds / 3_600);
  return `${String(Math.floor(hours / 24))} d ${String(hours % 24)} h`;
}
