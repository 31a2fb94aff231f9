/** What two ends said to each other as lines: as text, or as a dump of octets. */
import type { Conversation, Turn } from '../../engine/protocol.ts';
import { endpointText } from '../../model/address.ts';
import { bytes, count, duration, plural } from './format.ts';
import { hexBytesPerRow } from './layout.ts';
import { fitLine, type Line, span, spread, type Style } from './line.ts';
import { clean, widthOf } from './text.ts';

export type Speakers = 'both' | Turn['from'];

export interface FollowOptions {
  readonly hex: boolean;
  readonly speakers: Speakers;
  readonly width: number;
}

export interface FollowLine {
  readonly line: Line;
  /** In which the turn began that the line is of. */
  readonly frame: number | null;
}

const LOOKS: Readonly<Record<Turn['from'], { readonly glyph: string; readonly style: Style }>> = {
  client: { glyph: '▶', style: 'stateOpening' },
  server: { glyph: '◀', style: 'notice' },
};
const LEAD = 2;
const TAB = '    ';

/** One row: who the ends are, what is shown of what they said. */
export function followHeader({ connection: c, skipped, shown, more }: Conversation, { hex, speakers, width }: FollowOptions): Line {
  const ends = `${endpointText(c.client.ip, c.client.port)} ▶ ${endpointText(c.server.ip, c.server.port)}`;
  const total = [c.client, c.server].reduce((sum, end) => sum + (end.sequenceBytes ?? end.payloadBytes), 0);
  const part = skipped > 0 || more ? `octets ${count(skipped + 1)} to ${count(skipped + shown)} of ${bytes(total)}` : bytes(shown);
  const mode = `${hex ? 'hex' : 'text'}, ${speakers === 'both' ? 'both directions' : `${speakers} alone`}`;
  return spread([span(` ${clean(ends)}`, 'bold')], [span(`${part} · ${mode} `, 'dim')], width);
}

export function followLines(conversation: Conversation, options: FollowOptions): FollowLine[] {
  const { speakers, width, hex } = options;
  const out: FollowLine[] = [];
  const note = (text: string, style: Style = 'dim', frame: number | null = null): void =>
    void out.push({ line: fitLine([span(text, style)], width), frame });
  if (conversation.skipped > 0) note(`  ${count(conversation.skipped)} octets before are not shown here; [ goes back to them`);
  for (const turn of conversation.turns) {
    if (speakers !== 'both' && turn.from !== speakers) continue;
    const { glyph, style } = LOOKS[turn.from];
    if (turn.missing > 0) note(`  ⋮ ${plural(turn.missing, 'octet')} of the ${turn.from} that the capture lacks`, 'warning', turn.frame);
    const after = `#${turn.frame} · +${duration(turn.at)} · ${bytes(turn.octets.length)}`;
    out.push({ line: fitLine([span(`${glyph} ${turn.from}`, style), span(`  ${after}`, 'dim')], width), frame: turn.frame });
    const rows = hex ? dump(turn.octets, width - LEAD) : textRows(turn.octets, width - LEAD);
    for (const row of rows) out.push({ line: fitLine([span('│ ', style), span(row)], width), frame: turn.frame });
  }
  if (conversation.more) note('  The conversation goes on; ] shows the next octets');
  else if (out.length === 0) note('  Nothing was said: no segment of this connection carries data.');
  return out;
}

/** Lines as the application sent them, wrapped; what is no text is a dot. */
function textRows(octets: Uint8Array, width: number): string[] {
  const text = new TextDecoder().decode(octets);
  const rows: string[] = [];
  for (const line of text.replace(/\r?\n$/, '').split(/\r?\n/)) {
    let row = '';
    let used = 0;
    for (const char of line.replaceAll('\t', TAB).replace(/[\x00-\x1f\x7f\ufffd]/g, '·')) {
      const safe = clean(char);
      const cells = widthOf(safe);
      if (used + cells > width) {
        rows.push(row);
        row = '';
        used = 0;
      }
      row += safe;
      used += cells;
    }
    rows.push(row);
  }
  return rows;
}

function dump(octets: Uint8Array, width: number): string[] {
  const perRow = hexBytesPerRow(width);
  const rows: string[] = [];
  for (let at = 0; at < octets.length; at += perRow) {
    const row = Array.from(octets.subarray(at, at + perRow));
    const hex = row.map((octet) => octet.toString(16).padStart(2, '0')).join(' ');
    const text = row.map((octet) => (octet >= 0x20 && octet < 0x7f ? String.fromCharCode(octet) : '.')).join('');
    rows.push(`${at.toString(16).padStart(6, '0')}  ${hex.padEnd(perRow * 3)} ${text}`);
  }
  return rows;
}
