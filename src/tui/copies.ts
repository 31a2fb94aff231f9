/**
 * What can be copied from a screen: filters, addresses, commands and the view itself, each as it will be pasted. Every word in a
 * command that came from a capture or from the user's file names is quoted for a shell.
 */
import type { ConnectionSummary } from '../engine/protocol.ts';
import { parseEndpoint } from '../model/address.ts';
import type { Finding } from '../model/finding.ts';
import { markdownOf } from './markdown.ts';
import type { MenuItem } from './menu.ts';
import { itemsOf, selectedFinding, topView, type TuiState } from './navigation.ts';

export function copiesOf(state: TuiState, paths: readonly string[]): MenuItem[] {
  return [...aboutView(state, paths), { key: 'v', label: 'view as Markdown', text: markdownOf(state) }];
}

function aboutView(state: TuiState, paths: readonly string[]): MenuItem[] {
  const view = topView(state);
  switch (view.kind) {
    case 'findings': {
      const finding = selectedFinding(state, view);
      return finding === undefined ? [] : ofFinding(finding, paths);
    }
    case 'finding':
      return ofFinding(view.finding, paths);
    case 'connections': {
      const row = view.pages.row(view.cursor);
      return row === undefined ? [] : ofConnection(row, null, paths);
    }
    case 'ladder': {
      const connection = view.data.value?.connection;
      if (connection === undefined) return [];
      const item = itemsOf(view)[view.cursor];
      const ends = { id: connection.id, client: connection.client, server: connection.server, encapsulation: connection.encapsulation };
      return ofEnds(ends, item?.kind === 'row' ? item.row.frame : null, paths);
    }
    case 'packet':
      return ofFrame(view.frame, paths);
    default:
      return [];
  }
}

function ofFinding(finding: Finding, paths: readonly string[]): MenuItem[] {
  const { host, port, peer, peerPort } = finding.subject;
  const { filterTcpdump } = finding.metrics;
  const service = port ?? peerPort;
  const terms = [
    'tcp',
    ...(host === undefined ? [] : [`host ${host}`]),
    ...(peer === undefined ? [] : [`host ${peer}`]),
    ...(service === undefined ? [] : [`port ${String(service)}`]),
  ];
  return [
    { key: 'd', label: 'display filter', text: finding.displayFilter },
    // What a rule has worked out to drop says more than the addresses.
    ...(typeof filterTcpdump === 'string' ? [{ key: 'f', label: 'filter of the attack', text: filterTcpdump }] : []),
    ...(terms.length > 1 ? [{ key: 't', label: 'tcpdump filter', text: alsoTagged(terms.join(' and ')) }] : []),
    { key: 'i', label: "finding's id", text: finding.id },
    ...wireshark(finding.displayFilter, finding.evidence[0]?.frame ?? null, paths),
  ];
}

interface End {
  readonly ip: string;
  readonly port: number;
}
interface Ends {
  readonly id: number;
  readonly client: End;
  readonly server: End;
  /** null: not known here. */
  readonly encapsulation: readonly string[] | null;
}

function ofConnection(row: ConnectionSummary, frame: number | null, paths: readonly string[]): MenuItem[] {
  const client = parseEndpoint(row.client);
  const server = parseEndpoint(row.server);
  if (client === null || server === null) return [];
  const end = (text: string, port: number): End => ({ ip: text.slice(0, text.lastIndexOf(':')).replace(/^\[|\]$/g, ''), port });
  return ofEnds(
    { id: row.id, client: end(row.client, client.port), server: end(row.server, server.port), encapsulation: null },
    frame,
    paths,
  );
}

function ofEnds({ id, client, server, encapsulation }: Ends, frame: number | null, paths: readonly string[]): MenuItem[] {
  const family = client.ip.includes(':') ? 'ipv6' : 'ip';
  const display = `${family}.addr==${client.ip} && ${family}.addr==${server.ip} && tcp.port==${String(client.port)} && tcp.port==${String(server.port)}`;
  const capture = `tcp and host ${client.ip} and host ${server.ip} and port ${String(client.port)} and port ${String(server.port)}`;
  const tunnelled = encapsulation?.some((layer) => !layer.startsWith('vlan')) === true;
  return [
    { key: 'd', label: 'display filter', text: display },
    // What is inside a tunnel, tcpdump finds only by octets at offsets.
    ...(tunnelled ? [] : [{ key: 't', label: 'tcpdump filter', text: encapsulation?.length === 0 ? capture : alsoTagged(capture) }]),
    { key: '5', label: '5-tuple', text: `tcp ${client.ip} ${String(client.port)} ${server.ip} ${String(server.port)}` },
    { key: 'c', label: 'tcpdiag command', text: ['tcpdiag connection', String(id), ...paths.map(quoted)].join(' ') },
    ...wireshark(display, frame, paths),
  ];
}

const ofFrame = (frame: number, paths: readonly string[]): MenuItem[] =>
  // With several files our numbers go through all of them, and Wireshark's begin anew.
  paths.length === 1
    ? [{ key: 'd', label: 'display filter', text: `frame.number==${String(frame)}` }, ...wireshark(null, frame, paths)]
    : [];

/** Behind a VLAN tag tcpdump's primitives look elsewhere, and `vlan` moves all that follow it. */
const alsoTagged = (filter: string): string => `(${filter}) or (vlan and ${filter})`;

/** The command line that opens the capture there; none for standard input, and for several files the filter alone. */
function wireshark(filter: string | null, frame: number | null, paths: readonly string[]): MenuItem[] {
  const [path] = paths;
  if (path === undefined || path === '-' || paths.length > 1) return [];
  const words = [
    'wireshark -r',
    quoted(path),
    ...(filter === null ? [] : ['-Y', quoted(filter)]),
    ...(frame === null ? [] : ['-g', String(frame)]),
  ];
  return [{ key: 'w', label: 'Wireshark command', text: words.join(' ') }];
}

/** As one word of a POSIX shell; a leading `-` would be an option. */
export function quoted(word: string): string {
  const safe = word.startsWith('-') ? `./${word}` : word;
  return /^[\w./:@%+=-]+$/.test(safe) ? safe : `'${safe.replaceAll("'", "'\\''")}'`;
}
