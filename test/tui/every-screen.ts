/**
 * Every screen, and the keys that lead to it from the findings: what the pseudo-terminal tests walk through, and what docs/tui.md shows.
 * A new screen is a line here. `shows` holds for the made-up incident (demo.ts) and for fixtures/incident.pcap.
 */
export interface ScreenPath {
  readonly name: string;
  /** As typed, from the findings with the cursor on the first. */
  readonly keys: string;
  /** On the screen once it is there. */
  readonly shows: RegExp;
  /** In its last row and in no other; without it the hint `q quit`. */
  readonly last?: RegExp;
}

export const EVERY_SCREEN: readonly ScreenPath[] = [
  { name: 'findings', keys: '', shows: /▸ ✖ CRIT/ },
  { name: 'finding', keys: 'd', shows: /AT FAULT(.|\n)*Esc back/ },
  { name: 'explanation', keys: 'o', shows: /› rule [a-z-]+(.|\n)*IN THIS CAPTURE/ },
  { name: 'connections', keys: 'c', shows: /All connections(.|\n)*CLIENT IS(.|\n)*▸ / },
  { name: 'connections of a finding', keys: 'd\r', shows: /row 1\/\d+(.|\n)*CLIENT IS(.|\n)*▸ / },
  { name: 'connection', keys: 'c\r', shows: /SERVER IS(.|\n)*▸(.|\n)*segment / },
  { name: 'packet', keys: 'c\r\r', shows: /› #\d+(.|\n)*Sequence number/ },
  { name: 'time machine', keys: 't', shows: /› Time machine(.|\n)*┻(.|\n)*\[all hosts\](.|\n)*▸ / },
  { name: 'hosts and services', keys: 'v', shows: /› Hosts and services(.|\n)*\[clients and services\](.|\n)*▸ / },
  { name: 'capture', keys: 'i', shows: /› Capture(.|\n)*\n {2}CAPTURE/ },
  { name: 'conversation', keys: ':follow 0\r', shows: /› conversation(.|\n)*text, both directions(.|\n)*(│ |Nothing was said)/ },
  { name: 'write menu', keys: 'w', shows: /── Write ─(.|\n)*view +this screen/, last: /Esc close/ },
  { name: 'filter being typed', keys: 'c/clo', shows: /close-wait +either end(.|\n)* \/clo/, last: /^ \/clo/ },
  { name: 'copy menu', keys: 'cy', shows: /── Copy ─(.|\n)*5-tuple +tcp /, last: /Esc close/ },
  { name: 'command line', keys: ':se', shows: /set +\[no\]NAME: (.|\n)* :se/, last: /^ :se/ },
  { name: 'help', keys: '?', shows: /Keys in the findings/ },
];

/** Back to the findings from wherever `keys` led: more often than any screen is deep. Esc would make Alt-something of the next key. */
export const BACK = '\x15' + '\x7f'.repeat(6);
export const AT_FINDINGS = /^ Findings {2}[^›\n]*\n(.|\n)*▸ ✖ CRIT/;
