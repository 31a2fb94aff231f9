/** `docs/formats.md`: what is read, from the registries of containers, compression and link layers. */
import { FOREIGN, FORMATS, PACKED } from '../../src/capture/format.ts';
import { LINK_TYPE_NAMES, linkTypeName } from '../../src/capture/link-types.ts';
import { PACKINGS } from '../../src/capture/unpack/packing.ts';
import { LINK_LAYERS } from '../../src/decode/link/index.ts';

export function formats(): string {
  const decoded = new Set(LINK_LAYERS.map(({ linkType }) => linkType));
  const named = Object.keys(LINK_TYPE_NAMES).filter((number) => !decoded.has(Number(number)));
  return (
    [
      '<!-- Made by `npm run docs` from the registries. -->\n',
      '# What tcpdiag reads\n',
      'Everything is known by its content, never by its name. Several inputs are read as one capture in time order, whatever each of them is.\n',
      '## Containers\n',
      table(
        ['format', 'begins with', 'what of it'],
        FORMATS.map(({ name, magics, reads }) => [name, magicText(magics), reads]),
      ),
      DAMAGE,
      '## Compression\n',
      table(
        ['format', 'what of it', 'unpacked by', 'holds at most'],
        PACKINGS.map(({ name, reads, by, memory }) => [name, reads, by, memory]),
      ),
      UNPACKING,
      '## Link layers\n',
      LINKS,
      table(
        ['number', 'LINKTYPE', 'what of it'],
        LINK_LAYERS.map(({ linkType, reads }) => [String(linkType), linkTypeName(linkType), reads]),
      ),
      `Counted and called by their names: ${named.map((number) => `${linkTypeName(Number(number))} (${number})`).join(', ')}. Any other by its number.\n`,
      BESIDE_TSHARK,
      '## Not read, but recognised\n',
      `Captures of ${FOREIGN.map(([, name]) => name).join(', ')}: the message says how to convert them. ${NETWORK_MONITOR}`,
      `Compressed with ${PACKED.map(([, name]) => name).join(', ')}: the message says what to put in front of \`tcpdiag -\`. What tcpdump prints, web`,
      'pages, logs: the message says what they are.',
    ].join('\n') + '\n'
  );
}

const DAMAGE = `
**Damage** never costs what came before it: that is reported, with what is wrong and its offset, as a warning and a caveat, exit status 0.
A packet that is cut, a fraction of a second above one, a captured length above the original one, options that run past their
block, a clock that steps back: read on, with a warning. Times are unsigned, so 2106 is not the end.

Behind a record or block whose length cannot be, tcpdiag looks for the next place where 32 of them follow each other in a way that
makes sense (pcap, snoop: lengths, fractions, and times within a day of what was before; ERF: types, lengths and times; pcapng: both
lengths of each block), 16 MiB far. It says how many bytes were skipped. Where fewer are left, reading ends: guessing would invent
packets. Zeros where a pcap record should be, as file systems leave them after a crash, are no packets. A pcapng packet of an interface
that is not described, or longer than its block, is left out alone, since its block says where the next one begins.
`;

const BESIDE_TSHARK = `## Beside tshark

Of 701 public captures tshark 4.0.17 reads 695 without complaint, and tcpdiag counts the same packets in each. Of the other six, both read what stands before the damage
of three, both refuse two (pcapng 0.1 and 1.1, which never were), and one is read here alone (Frame Relay bundles, FRF.16). Of 61 files that were made
to be odd tshark reads 52: 51 with the same packets, and one that tcpdiag refuses (pcap version 9.9, as libpcap does). Of the other nine, both read what stands before
the damage of five, both refuse two that are no captures, and two are read here alone (compressed with xz; pcapng options that run past their block).
[Which, and who is right](differences.md#wireshark-tshark-4017).
`;

const UNPACKING = `
Members, frames and streams that follow each other are one capture. Input that is cut or damaged is reported up to there, with a warning; what
a decoder cannot vouch for, at most the last block, may be missing. What follows the last of them and is none is left out, with a warning that
says how much it is. gzip is unpacked by Node's own threads, small files in this one, the rest
in a thread that is never ahead by more than 4 MiB: no bomb is held in memory. What unpacks to no capture is refused after its first
bytes; compressed twice is refused. Second passes, \`check --cross-read\` and standard input take compressed captures like plain ones.
`;

const LINKS = `Behind each of them: 802.1Q, 802.1ad, 802.1ah, port extenders' tags, PPPoE, MPLS, GRE, ERSPAN, IP in IP, VXLAN, Geneve, GTP-U, Teredo, IPv6 extension
headers, AH, and fragments put together. A link type that is not here is no error: its packets are counted, and named in a warning.
`;

const NETWORK_MONITOR = `Network Monitor's files say only at
their end where their frames are, so that they cannot be read from a pipe.`;

const magicText = (magics: readonly string[]): string =>
  magics.length === 0 ? 'nothing of its own: four records that make sense' : magics.map((magic) => `\`${magic}\``).join(' ');

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line), ''].join('\n');
}
