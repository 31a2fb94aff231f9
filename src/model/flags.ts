/** TCP control bits (RFC 9293 §3.1; AE: draft-ietf-tcpm-accurate-ecn), as in byte 13 of the header; AE is bit 0 of byte 12. */
export const Flag = { FIN: 0x01, SYN: 0x02, RST: 0x04, PSH: 0x08, ACK: 0x10, URG: 0x20, ECE: 0x40, CWR: 0x80, AE: 0x100 } as const;

/**
 * Per combination of FIN, SYN, RST, PSH, ACK and URG (the low six bits): 1 when no TCP stack sends it, which is SYN with FIN or
 * RST, FIN without ACK, and no flag at all (RFC 9293 §3.10: everything but SYN and RST carries an ACK). A table, because every
 * segment asks.
 */
export const ODD_FLAGS = Uint8Array.from({ length: 64 }, (_, flags) => {
  const syn = (flags & Flag.SYN) !== 0;
  const fin = (flags & Flag.FIN) !== 0;
  return flags === 0 || (syn && (flags & (Flag.FIN | Flag.RST)) !== 0) || (fin && (flags & Flag.ACK) === 0) ? 1 : 0;
});

const LETTERS: readonly (readonly [number, string])[] = [
  [Flag.FIN, 'F'],
  [Flag.SYN, 'S'],
  [Flag.RST, 'R'],
  [Flag.PSH, 'P'],
  [Flag.URG, 'U'],
  [Flag.ECE, 'E'],
  [Flag.CWR, 'W'],
  [Flag.AE, 'e'],
  [Flag.ACK, '.'],
];

/** As tcpdump prints them: `S`, `S.`, `P.`, `F.`, `R`, `.`; `none` for a NULL probe. */
export function flagsText(flags: number): string {
  let out = '';
  for (const [bit, letter] of LETTERS) if ((flags & bit) !== 0) out += letter;
  return out === '' ? 'none' : out;
}
