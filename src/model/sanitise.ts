/**
 * Makes text that came from outside (packets, file names, comments) safe to show: no byte of it may steer a terminal,
 * hide itself, or reverse the line it stands in. What is replaced stays visible as an escape, so nothing is silently lost.
 */

const PLAIN = /^[\x20-\x7e]*$/;
/**
 * By Unicode's own properties, so that new characters of these kinds are caught as well: C0, DEL and C1; formats (bidi embeddings,
 * overrides and isolates of CVE-2021-42574, zero-width characters, the BOM, tags); whatever shows as nothing (variation
 * selectors, fillers); line and paragraph separators; lone surrogates.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Visible, single-line, at most `limit` characters. */
export function sanitise(text: string, limit = 1_000): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  if (PLAIN.test(cut)) return cut;
  return cut.replace(UNSAFE, (c) => {
    const code = c.codePointAt(0) ?? 0;
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** A file's name as one word of a command that we print, for a POSIX shell; `FILE` where the name cannot be shown as it is. */
export function shellWord(name: string): string {
  if (name === '-' || sanitise(name) !== name) return 'FILE';
  const word = name.startsWith('-') ? `./${name}` : name; // no option
  return shellQuoted(word);
}

/** The same word to a POSIX shell, whatever it means to a program; to be made safe to show by whoever shows it. */
export const shellQuoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`);
