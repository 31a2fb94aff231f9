/** What each command's help, and the manual page, show as examples. Each runs in a test. */
export type Example = readonly [command: string, what: string];

/** By command; `tcpdiag` is the program without one. */
export const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  tcpdiag: [
    ['tcpdiag capture.pcap', 'what is wrong, and whose fault it is'],
    ['tcpdump -i eth0 -s 128 -w - tcp | tcpdiag -', 'live from a pipe'],
    ['tcpdiag rotated-*.pcap.gz', 'several files are one capture, in time order'],
    ["tcpdiag capture.pcap --where 'server.port:3306 close-wait'", 'only these connections and what concerns them'],
  ],
  report: [
    ['tcpdiag report capture.pcap', 'as text'],
    ['tcpdiag report capture.pcap -o incident.html', 'a page to send around; .md for an issue or a wiki'],
    ['tcpdiag report capture.pcap -f json -o report.json', 'for programs'],
    ['tcpdiag report capture.pcap --shard 1/4 -f partial -o 1.partial', 'a quarter of the connections, for tcpdiag merge'],
    ['tcpdiag report capture.pcap --fail-on warning -q >/dev/null', 'exit 1 when something is at least that bad'],
  ],
  merge: [
    ['tcpdiag merge one.partial two.partial', 'the report of what two processes have tracked'],
    ['tcpdiag merge one.partial two.partial -o incident.html', 'as a page to send around'],
  ],
  connections: [
    ['tcpdiag connections capture.pcap', 'one row each'],
    ["tcpdiag connections capture.pcap --where 'duration>10 rst' -f csv", 'the long ones that were reset, for a spreadsheet'],
    ['tcpdiag connections capture.pcap -f zeek -o conn.log', "as Zeek's conn.log"],
  ],
  connection: [
    ['tcpdiag connection capture.pcap 17', 'the eighteenth connection of the capture'],
    ['tcpdiag connection capture.pcap 17 -f mermaid', 'its sequence diagram for a ticket'],
  ],
  states: [
    ['tcpdiag states capture.pcap --at +12.5', 'the sockets 12.5 s after the first packet'],
    ['tcpdiag states capture.pcap --every 1s', 'how many there were in each state, every second'],
    ['tcpdiag states capture.pcap --diff ss.txt', 'beside what ss -tan printed on one of the hosts'],
  ],
  extract: [
    ['tcpdiag extract capture.pcap --finding 1 -w finding.pcapng', 'the packets of the first finding, its proofs marked by comments'],
    ["tcpdiag extract capture.pcap --where 'server.port:6379' -w - | tcpdiag report -", 'those of a service, passed on'],
    ['tcpdiag extract capture.pcap --anonymize -w shareable.pcapng', 'the whole capture, without its addresses and payloads'],
  ],
  correlate: [['tcpdiag correlate client.pcap server.pcap', 'is it the path, or a host?']],
  compare: [
    ['tcpdiag compare before.pcap after.pcap', 'what got better and what got worse'],
    [
      'tcpdiag compare before.pcap after.pcap --fail-on warning -q -o comparison.md',
      'in CI: exit 1 when a warning appeared, or something rose to one',
    ],
  ],
  check: [
    ['tcpdiag check capture.pcap', 'can this capture be believed?'],
    ['tcpdiag check capture.pcap --cross-read', 'and does pcap-parser read the same records?'],
  ],
  rules: [['tcpdiag rules', 'every rule and its thresholds']],
  explain: [['tcpdiag explain close-wait-stuck', 'how it decides, and what it cannot know']],
  config: [
    ['tcpdiag config', 'what counts, and where it is from'],
    ['tcpdiag config --set close-wait-stuck.minSeconds=30 -f json', 'the same with a word of the command line, for programs'],
  ],
  completion: [
    ['eval "$(tcpdiag completion bash)"', 'in ~/.bashrc'],
    ['tcpdiag completion zsh', 'into a file _tcpdiag in a folder of $fpath'],
    ['tcpdiag completion fish', 'into ~/.config/fish/completions/tcpdiag.fish'],
  ],
};

export function exampleText(command: string): string {
  const examples = EXAMPLES[command] ?? [];
  return examples.length === 0 ? '' : `\nExamples:\n${examples.map(([line, what]) => `  # ${what}\n  ${line}`).join('\n')}\n`;
}
