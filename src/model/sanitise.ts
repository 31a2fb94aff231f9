/**
 * Makes text that came from outside (packets, file names, comments) safe to show: no byte of it may steer a terminal,
 * hide itself, or reverse the line it stands in. What is replaced stays visible as an escape, so nothing is silently lost.
 */

// C0, DEL, C1; bidi embeddings, overrides and isolates (CVE-2021-42574); zero-width characters and the BOM; line and paragraph
// separators; lone surrogates.
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/gu;

/** Visible, single-line, at most `limit` characters. */
export function sanitise(text: string, limit = 1_000): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return cut.replace(UNSAFE, (c) => {
    const code = c.codePointAt(0) ?? 0;
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}
