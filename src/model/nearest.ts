/** The word that was probably meant. */

/** Edit distance with transpositions of neighbours (optimal string alignment): `raed` is one slip away from `read`. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (before[j - 2] ?? 0) + 1);
      row.push(best);
    }
    before = above;
    above = row;
  }
  return above[b.length] ?? 0;
}

/** Longer words are nobody's slip, and the distance costs their product. */
const MAX_WORD = 200;
/** Folders with more names than this are not searched to the end. */
const MAX_CANDIDATES = 5_000;

/** Shorter beginnings fit too much by accident. */
const MIN_BEGINNING = 3;

/**
 * The candidate closest to `word`, if a third of its letters or fewer would have to change (at least 1, or 2 from five letters on);
 * else the only one that begins with it.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > MAX_WORD) return undefined;
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(word.length < 5 ? 1 : 2, Math.floor(word.length / 3)) + 1;
  const begun: string[] = [];
  let looked = 0;
  for (const candidate of candidates) {
    if (++looked > MAX_CANDIDATES) break;
    if (candidate === word) continue;
    if (word.length >= MIN_BEGINNING && candidate.toLowerCase().startsWith(wanted)) begun.push(candidate);
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best ?? (begun.length === 1 ? begun[0] : undefined);
}

/** `; did you mean "…"?`, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>, what = ''): string {
  const found = nearest(word, candidates);
  return found === undefined ? '' : `; did you mean ${what}"${found}"?`;
}
