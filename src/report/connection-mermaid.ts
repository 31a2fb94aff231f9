/**
 * `connection <id> -f mermaid`: a sequence diagram as GitHub and GitLab render it in a fenced block. Every segment is a message, every
 * change of state a note beside its end.
 */
import { endpointText } from '../model/address.ts';
import { sanitise } from '../model/sanitise.ts';
import { causeText, type ConnectionDetail, type LadderItem, ladderItems, omittedText, silenceText } from './connection-detail.ts';
import { clause, faultText, plural, SEVERITY_MARK } from './narrate.ts';
import { segmentForms } from './segment-words.ts';

/** Items kept at either end: GitHub refuses diagrams of more than 50,000 characters (mermaid's maxTextSize), and nobody reads one. */
const KEPT = 80;
/** No note or message is longer; characters. */
const MAX_TEXT = 120;

/** These of its items, for a document that says everything else itself. */
export function* sequenceDiagram(detail: ConnectionDetail, items: readonly LadderItem[]): Generator<string> {
  yield* heading(detail);
  for (const item of items) yield* itemLines(item);
}

function* heading({ ladder: { connection: c } }: ConnectionDetail): Generator<string> {
  yield 'sequenceDiagram\n';
  yield `    participant client as ${text(`client ${endpointText(c.client.ip, c.client.port)}`)}\n`;
  yield `    participant server as ${text(`server ${endpointText(c.server.ip, c.server.port)}`)}\n`;
  yield note('over client,server', `connection ${String(c.id)}: ${c.outcome}`);
}

export function* connectionMermaid(detail: ConnectionDetail): Generator<string> {
  yield* heading(detail);
  for (const f of detail.findings) {
    yield note(
      'over client,server',
      `${SEVERITY_MARK[f.severity].glyph} ${f.title}`,
      `at fault: ${faultText({ ...f, faultBecause: null })}`,
    );
  }
  const items = ladderItems(detail);
  const hidden = items.slice(KEPT, -KEPT);
  for (const item of items.slice(0, KEPT)) yield* itemLines(item);
  if (items.length <= KEPT) return;
  if (hidden.length > 0) {
    const segments = hidden.reduce((sum, item) => sum + segmentsOf(item), 0);
    const changes = hidden.reduce((sum, item) => sum + changesOf(item), 0);
    yield note('over client,server', omittedText(segments), ...(changes === 0 ? [] : [`with ${plural(changes, 'change')} of state`]));
  }
  for (const item of items.slice(Math.max(KEPT, items.length - KEPT))) yield* itemLines(item);
}

const segmentsOf = (item: LadderItem): number =>
  item.kind === 'omitted' ? item.segments : item.kind === 'row' && item.row.frame !== null ? 1 : 0;
const changesOf = (item: LadderItem): number => (item.kind === 'silence' ? 0 : item.changes.length);

function* itemLines(item: LadderItem): Generator<string> {
  if (item.kind === 'silence') {
    yield note('over client,server', silenceText(item.seconds, item.last));
    return;
  }
  if (item.kind === 'omitted') yield note('over client,server', omittedText(item.segments));
  else if (item.row.frame !== null) {
    const { row } = item;
    const [flags, numbers] = segmentForms(row, Number.POSITIVE_INFINITY)[1] ?? [row.flags, ''];
    const notes = row.notes.length === 0 ? '' : ` (${row.notes.join(', ')})`;
    const [from, to] = row.from === 'client' ? ['client', 'server'] : ['server', 'client'];
    yield `    ${from}->>${to}: ${text(`${String(row.frame)} +${row.at.toFixed(6)} ${flags}${numbers}${notes}`)}\n`;
    for (const proof of item.proofs) yield note(`${row.from === 'client' ? 'left' : 'right'} of ${row.from}`, `★ ${proof}`);
  }
  for (const t of item.changes)
    yield note(`${t.endpoint === 'client' ? 'left' : 'right'} of ${t.endpoint}`, `${t.from} → ${t.to}`, causeText(t));
}

const note = (where: string, ...lines: string[]): string => `    Note ${where}: ${lines.map((line) => text(clause(line))).join('<br/>')}\n`;

/**
 * What means something to mermaid or to the HTML behind it, as mermaid's own entities: `;` and `#` end a statement or begin an entity,
 * `%%` is a comment.
 */
const text = (words: string): string => sanitise(words, MAX_TEXT).replace(/[#;<>"&%{}\\`]/g, (c) => `#${String(c.charCodeAt(0))};`);
