/**
 * Text for the clipboard of whoever looks at the terminal, near or behind ssh: OSC 52 (xterm ctlseqs, "Manipulate Selection Data").
 * tmux passes it on only in its own wrapping, or takes it itself; GNU screen in pieces of its own.
 */

/** xterm takes 100,000 characters of base64 and others less; octets of text that still fit into 74,994, the smallest known. */
const MAX_OCTETS = 56_000;
/** GNU screen drops a device control string longer than 768 octets. */
const SCREEN_PIECE = 700;

/** null: too much for a terminal. */
export function clipboardSequence(
  text: string,
  env: { readonly TMUX?: string | undefined; readonly STY?: string | undefined },
): string | null {
  const octets = new TextEncoder().encode(text);
  if (octets.length > MAX_OCTETS) return null;
  const osc = `\x1b]52;c;${base64(octets)}\x07`;
  // Both ways: with `set-clipboard on` tmux takes the plain one, with `allow-passthrough on` it passes the wrapped one.
  if (env.TMUX !== undefined && env.TMUX !== '') return `${osc}\x1bPtmux;${osc.replaceAll('\x1b', '\x1b\x1b')}\x1b\\`;
  if (env.STY !== undefined && env.STY !== '')
    return pieces(osc, SCREEN_PIECE)
      .map((piece) => `\x1bP${piece}\x1b\\`)
      .join('');
  return osc;
}

const base64 = (octets: Uint8Array): string => btoa(Array.from(octets, (octet) => String.fromCharCode(octet)).join(''));

const pieces = (text: string, size: number): string[] =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size));
