/** `docs/reports.md`: the incident document, with one of a fixture. */
import { incidentOf } from '../../src/commands/incident.ts';
import { withChecksums } from '../../src/commands/checksum.ts';
import { analyse } from '../../src/engine/analyse.ts';
import { FORMATS_BY_EXTENSION } from '../../src/report/index.ts';
import { markdownReport } from '../../src/report/markdown.ts';

const FIXTURE = 'zero_window.pcap';

/** @param root with a slash at its end */
export async function reports(root: string): Promise<string> {
  const names = [...FORMATS_BY_EXTENSION].map(
    ([extension, formats]) => `| \`.${extension}\` | ${formats.map((f) => `\`${f}\``).join(', or ')} |`,
  );
  return `${ABOUT}| the file ends in | the format |\n|---|---|\n${names.join('\n')}\n${REST}${quoted(await example(root))}`;
}

async function example(root: string): Promise<string> {
  const path = `${root}fixtures/${FIXTURE}`;
  const analysis = await analyse([path], {}, { keep: true });
  const { capture, ...report } = await withChecksums(analysis.report, [path]);
  const files = capture.files.map((file) => ({ ...file, path: FIXTURE }));
  const document = await incidentOf(analysis, { ...report, capture: { ...capture, files } }, ['report', FIXTURE, '-o', 'incident.md']);
  analysis.close();
  return [...markdownReport(document)].join('');
}

/** A document in a document: its commands are the example's, not this page's. */
const quoted = (markdown: string): string => markdown.trimEnd().replace(/^/gm, '> ').replace(/ +$/gm, '') + '\n';

const ABOUT = `<!-- Made by \`npm run docs\` from the program. -->

# The incident document

\`\`\`sh
tcpdiag report capture.pcap -o incident.html   # one page, for a browser, a mail, a printer
tcpdiag report capture.pcap -o incident.md     # for an issue, a merge request, a wiki, a postmortem
tcpdump -w - | tcpdiag report - -f markdown    # from a pipe, once it ends
\`\`\`

Both say the same, in the same order:

1. **The findings at a glance**: what, whose fault, and which finding follows from which.
2. **What happened when**, in UTC and since the first packet. The page draws it: findings as bars, the sockets of all hosts by state, SYNs, completed
   handshakes, RSTs and retransmissions a second.
3. **Each finding**, consequences below their cause: fault and the fact that decided it, the frames that prove it (with several files: by file), a
   display filter, what the connections said last, what to check, what to do with the commands for it. With it goes an **exemplary connection**, segment by
   segment: the one of which most frames are cited, in Markdown as a Mermaid diagram, on the page as a ladder whose life lines have the colour of the states.
4. **Connections in numbers** (page only): how long connecting took, how long connections lasted, how much they carried. Every connection is counted.
5. **The capture**: files with their SHA-256, where it was taken and what shows it, what to know before believing it.
6. **What was checked**: rules that could not tell and why, rules that found nothing.
7. **How it was made**: the version, and the command, quoted for a shell.

## Which format a result gets

\`-f\` decides, and \`--json\` does. Where neither is given, the name after \`-o\` does, in all commands; any other name, and standard output, get the
command's standard format. A name that asks for a format which the command does not have is refused, and nothing is written.

`;

const REST = `
## What it costs, and its bounds

The capture is read once more for the connections that are drawn, all of them in one pass, and once for its SHA-256. From a pipe the sum is made
while it is read, and the connections come from the temporary copy (at most 1 GiB; beyond that the document has no drawings, and says so). A pipe that is not
read to its end, for \`-c\` or \`--to\`, has no SHA-256, which it says as well.

30 findings are told in full, the others by their titles; 8 frames of each (\`report -f json\` has up to 50); 12 connections are drawn, 16 lines of each in
Markdown and 32 on the page: what proves something or changes a state is never left out before anything else is, and each gap says how many segments
are in it. Sockets are counted at 160 moments.

## What can be pasted where

**Markdown** is GitHub's, GitLab's and what Confluence takes from the clipboard: a paragraph is one line, nothing is nested, there is no HTML. No word
of a capture means anything in it: what is more than letters, digits and plain punctuation is code, so that a host name is no link, \`@everyone\` mentions
nobody, and \`#1\` closes no issue. GitLab draws long diagrams when asked to; Confluence shows them as code.

**The page** holds no script and loads nothing. A Content Security Policy in its head allows its own style sheet, by hash, and nothing else. It is light or
dark as the reader's system is; on paper what is folded is open; every drawing has a title, a description, and the same as a table.

\`--no-payload\` leaves out what applications said, and names from packets. Addresses are part of a finding; a document shows them.

## An example

Made from \`fixtures/${FIXTURE}\`, a receiver that stopped reading:

`;
