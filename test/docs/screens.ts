/** The screens of the built program on fixtures/incident.pcap as docs/tui.md shows them, and one as a picture for the README. */
import { fileURLToPath } from 'node:url';
import { AT_FINDINGS, BACK, EVERY_SCREEN, type ScreenPath } from '../tui/every-screen.ts';
import { type Cell, Terminal } from '../tui/terminal.ts';

const BEGIN = '<!-- screens -->\n';
const END = '<!-- /screens -->';
/** Wide enough for the panes side by side. */
const SIZE = { columns: 120, rows: 32 };
/** A screen that did not change for so long shows all that there is to show, milliseconds. */
const STILL = 400;

/** A terminal with the program in it, at its findings. */
export async function openIncident(cli: string): Promise<Terminal> {
  const fixtures = fileURLToPath(new URL('fixtures/', `file://${process.cwd()}/`));
  const t = new Terminal('sh', ['-c', 'cd "$1" && exec "$2" "$3" incident.pcap', 'sh', fixtures, process.execPath, cli], SIZE);
  await t.until((screen) => AT_FINDINGS.test(screen) && !screen.includes('reading'));
  return t;
}

/** Goes to each screen in turn. */
export async function eachScreen(t: Terminal, look: (screen: ScreenPath) => Promise<void>): Promise<void> {
  for (const screen of EVERY_SCREEN) {
    t.type(screen.keys);
    await t.until(screen.shows);
    await look(screen);
    t.type(BACK);
    await t.until(AT_FINDINGS);
  }
}

/** Without the blanks at the ends of rows. */
const shot = (t: Terminal): string =>
  t
    .text()
    .split('\n')
    .map((row) => row.trimEnd())
    .join('\n');

/** Name of the screen → what stands in the document for it. */
export function shotsIn(page: string): ReadonlyMap<string, string> {
  const section = page.slice(page.indexOf(BEGIN), page.indexOf(END));
  return new Map(Array.from(section.matchAll(/### (.+)\n\n[^\n]*\n\n```text\n((?:.|\n)*?)\n```/g), ([, name, text]) => [name!, text!]));
}

export async function screens(page: string, cli: string): Promise<{ page: string; picture: string }> {
  const t = await openIncident(cli);
  const blocks: string[] = [];
  let picture = '';
  await eachScreen(t, async ({ name, keys }) => {
    await still(t);
    blocks.push(`### ${name}\n\n${keys === '' ? 'At the start.' : `Keys: ${spelled(keys)}`}\n\n\`\`\`text\n${shot(t)}\n\`\`\`\n`);
    if (name === 'findings') picture = svg(t.cells());
  });
  t.type('q');
  await t.exit();
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`docs/tui.md lacks ${BEGIN.trim()} or ${END}`);
  return { page: `${page.slice(0, from + BEGIN.length)}\n${blocks.join('\n')}\n${page.slice(to)}`, picture };
}

async function still(t: Terminal): Promise<void> {
  for (let before = ''; before !== t.text();) {
    before = t.text();
    await new Promise((resolve) => setTimeout(resolve, STILL));
  }
}

const spelled = (keys: string): string =>
  Array.from(keys.matchAll(/:[^\r]*\r?|\/[^\r]*\r?|\r|\t|./g), ([key]) =>
    key === '\r' ? 'Enter' : key === '\t' ? 'Tab' : key.endsWith('\r') ? `${key.slice(0, -1)} Enter` : key,
  )
    .map((key) => `\`${key}\``)
    .join(' ');

// --- the picture

const CELL = { width: 8.4, height: 18 };
const MARGIN = 12;
const INK = '#d6dae0';
const PAPER = '#14171c';
/** The 16 colours as a dark theme has them. */
const PALETTE = [
  '#14171c',
  '#f0716b',
  '#7dc383',
  '#e3b85b',
  '#6ea8fe',
  '#c792ea',
  '#56c8d8',
  '#d6dae0',
  '#6b7380',
  '#ff8a84',
  '#9ad9a0',
  '#f5d07a',
  '#9cc4ff',
  '#ddb3f8',
  '#84e0ec',
  '#ffffff',
];

function svg(rows: readonly (readonly Cell[])[]): string {
  const width = SIZE.columns * CELL.width + 2 * MARGIN;
  const height = SIZE.rows * CELL.height + 2 * MARGIN;
  const body = rows.flatMap((row, y) => runsOf(row).map((run) => drawn(run, y))).filter((part) => part !== '');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(width)} ${String(height)}" role="img" aria-label="The first screen of tcpdiag: findings, and what the first one says">`,
    '<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre}</style>',
    `<rect width="100%" height="100%" rx="8" fill="${PAPER}"/>`,
    ...body,
    '</svg>',
    '',
  ].join('\n');
}

interface Run extends Cell {
  readonly at: number;
  readonly length: number;
}

/** Neighbours of one look as one piece. */
function runsOf(row: readonly Cell[]): Run[] {
  const runs: Run[] = [];
  row.forEach((cell, x) => {
    const before = runs.at(-1);
    if (before !== undefined && lookOf(before) === lookOf(cell))
      runs[runs.length - 1] = { ...before, text: before.text + cell.text, length: before.length + 1 };
    else runs.push({ ...cell, at: x, length: 1 });
  });
  return runs;
}
const lookOf = ({ color, bold, dim, inverse }: Cell): string => JSON.stringify([color, bold, dim, inverse]);

function drawn({ text, at, length, color, bold, dim, inverse }: Run, y: number): string {
  const x = MARGIN + at * CELL.width;
  const top = MARGIN + y * CELL.height;
  const ink = color === null ? INK : (PALETTE[color] ?? INK);
  const box = inverse
    ? `<rect x="${x.toFixed(1)}" y="${top.toFixed(1)}" width="${(length * CELL.width).toFixed(1)}" height="${String(CELL.height)}" fill="${ink}"/>`
    : '';
  if (text.trim() === '') return box;
  const looks = `fill="${inverse ? PAPER : ink}"${bold ? ' font-weight="bold"' : ''}${dim ? ' opacity="0.6"' : ''}`;
  return `${box}<text x="${x.toFixed(1)}" y="${(top + 13).toFixed(1)}" textLength="${(length * CELL.width).toFixed(1)}" ${looks}>${escaped(text)}</text>`;
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
