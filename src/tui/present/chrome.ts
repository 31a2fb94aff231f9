/** The three rows around every screen: where we are, how far the analysis is, which keys count here. */
import type { Progress, Snapshot } from '../../engine/protocol.ts';
import { type Command, type Context, KEYMAP, type KeyRow, keyCap } from '../keymap.ts';
import type { Prompt, Purpose } from '../prompt.ts';
import type { WhereProblem } from '../where-completion.ts';
import { bytes, count, dateTime, duration, plural } from './format.ts';
import { fitLine, type Line, type Span, span, spread } from './line.ts';
import { clean, cut, widthOf } from './text.ts';

const BETWEEN = ' › ';

/**
 * `Findings › CLOSE_WAIT stuck (39) › …`. When it does not fit, first the title goes, which the user typed, then the middle,
 * because both ends say where one is. `hint` stands between them where there is room.
 */
export function breadcrumbs(crumbs: readonly string[], title: string, width: number, hint = ''): Line {
  const right = cut(title, Math.floor(width / 4), 'start');
  const shown = crumbs.map((crumb) => clean(crumb));
  const length = (): number => widthOf(shown.join(BETWEEN)) + 1;
  for (let i = 1; length() > width && i < shown.length - 1; i++) shown[i] = '…';
  const spans: Span[] = [span(' ')];
  shown.forEach((crumb, i) => {
    if (i > 0) spans.push(span(BETWEEN, 'dim'));
    spans.push(span(crumb, i === shown.length - 1 ? 'heading' : 'plain'));
  });
  const room = width - length() - widthOf(right) - 2;
  // Between both, where all of it fits.
  if (hint !== '' && widthOf(hint) + 6 <= room) spans.push(span(`   ${hint}`, 'accent'));
  return spread(spans, [span(`${right} `, 'dim')], width);
}

/** For whoever sees the program for the first time. */
export function firstHint(keymap: readonly KeyRow[]): string {
  const cap = (command: Command, context: Context): string =>
    keyCap(keymap.find((row) => row.command === command && row.when.includes(context))?.keys[0] ?? '');
  return `${cap('open', 'findings')} goes deeper, ${cap('back', 'connections')} back, ${cap('help', 'findings')} all keys`;
}

const BAR_WIDTH = 12;

/** `place`: which row of how many, where that is worth saying; else the time at which the capture began. */
export function statusLine(snapshot: Snapshot, place: string | null, width: number): Line {
  const { progress, capture } = snapshot;
  const facts = `${plural(progress.packets, 'packet')} · ${plural(progress.connections, 'connection')}`;
  if (progress.phase === 'failed') return fitLine([span(' ✖ failed  ', 'critical'), span(clean(snapshot.error ?? ''))], width);
  const covered = `${duration(progress.captureSeconds)} of traffic`;
  if (progress.phase === 'reading' && progress.quietSeconds !== undefined) {
    const silence = progress.quietSeconds === 0 ? 'packets come' : `nothing for ${duration(progress.quietSeconds)}`;
    return spread([span(' ● live  ', 'accent'), span(`${facts} · ${covered}`)], [span(`${place ?? silence} `, 'dim')], width);
  }
  if (progress.phase === 'reading') {
    const share = progress.bytesTotal === null || progress.bytesTotal === 0 ? null : Math.min(1, progress.bytesRead / progress.bytesTotal);
    const done = share === null ? 0 : Math.round(share * BAR_WIDTH);
    const bar: Span[] =
      share === null
        ? [span(` reading ${bytes(progress.bytesRead)}`, 'accent')]
        : [
            span(' reading ', 'accent'),
            span('█'.repeat(done), 'accent'),
            span('░'.repeat(BAR_WIDTH - done), 'dim'),
            span(` ${String(Math.floor(share * 100)).padStart(3)} %`, 'accent'),
          ];
    return spread([...bar, span(`  ${paceText(progress)}${facts}`)], [span(`${place ?? covered} `, 'dim')], width);
  }
  const doubts = capture.caveats.length === 0 ? [] : [span(`  ▲ ${plural(capture.caveats.length, 'caveat')}`, 'warning')];
  const from = place ?? (capture.start === null ? '' : `from ${dateTime(capture.start)}`);
  const all = ` ${facts} · ${covered}`;
  // Where one is matters more than how much time there is of it.
  const told = place !== null && widthOf(all) + widthOf(place) + 2 > width ? ` ${facts}` : all;
  return spread([span(told), ...doubts], [span(`${from} `, 'dim')], width);
}

/** Faster than a person can read a change of it, seconds: no rate yet. */
const FIRST_RATE = 0.3;

/** `54.2 MB/s · 3 s left · `, once it can be told. */
function paceText({ bytesRead, bytesTotal, elapsedSeconds = 0 }: Progress): string {
  if (elapsedSeconds < FIRST_RATE || bytesRead === 0) return '';
  const perSecond = bytesRead / elapsedSeconds;
  const left = bytesTotal === null || bytesTotal < bytesRead ? '' : `${wait((bytesTotal - bytesRead) / perSecond)} left · `;
  return `${bytes(perSecond)}/s · ${left}`;
}
const wait = (seconds: number): string => (seconds < 60 ? `${Math.ceil(seconds)} s` : duration(seconds));

/** The hints that fit; help and quit always do. */
export function hints(context: Context, width: number, keymap: readonly KeyRow[] = KEYMAP): Line {
  const rows = keymap.filter((row) => row.hint !== undefined && row.when.includes(context));
  const cells = rows.map((row) => ({
    cap: keyCap(row.keys[0] ?? ''),
    text: row.hint ?? '',
    always: row.command === 'help' || row.command === 'quit' || row.command === 'back',
  }));
  const size = (cell: { cap: string; text: string }): number => widthOf(cell.cap) + widthOf(cell.text) + 3;
  let room = width - 1 - cells.filter((cell) => cell.always).reduce((sum, cell) => sum + size(cell), 0);
  const spans: Span[] = [span(' ')];
  for (const cell of cells) {
    if (!cell.always) {
      if (size(cell) > room) continue;
      room -= size(cell);
    }
    spans.push(span(cell.cap, 'bold'), span(` ${cell.text}  `, 'dim'));
  }
  return fitLine(spans, width);
}

/** The filter that is in force, as a reminder with the way out. */
export const filterLine = (text: string, matches: number, width: number): Line =>
  fitLine([span(' /', 'accent'), span(clean(text), 'bold'), span(`  ${plural(matches, 'match', 'matches')} · Esc clears`, 'dim')], width);

const LEADS: Readonly<Record<Purpose, string>> = { filter: ' /', search: ' /', command: ' :', file: ' file: ' };

/**
 * The line that is typed into, the cursor as a block. `problem`: the place that means nothing is marked, once the cursor has left
 * it, and the sentence stands behind the line.
 */
export function promptLine(prompt: Prompt, problem: WhereProblem | null, behind: string, width: number): Line {
  const lead = LEADS[prompt.purpose];
  const room = width - lead.length - 2;
  const before = clean(prompt.before);
  const typing = problem === null || problem.at + problem.length >= prompt.before.length;
  const text: Span[] =
    problem === null || prompt.after !== '' || widthOf(before) > room
      ? [span(cut(before, Math.max(1, room), 'start'), 'bold')]
      : [
          span(clean(prompt.before.slice(0, problem.at)), 'bold'),
          span(clean(prompt.before.slice(problem.at, problem.at + problem.length)), typing ? 'bold' : 'mistake'),
          span(clean(prompt.before.slice(problem.at + problem.length)), 'bold'),
        ];
  const [under = ' '] = Array.from(clean(prompt.after));
  const rest = Array.from(clean(prompt.after)).slice(1).join('');
  return fitLine(
    [
      span(lead, 'accent'),
      ...text,
      span(under, 'highlight'),
      span(rest, 'bold'),
      span(`  ${problem?.problem ?? behind}`, problem === null || typing ? 'dim' : 'warning'),
    ],
    width,
  );
}

export const position = (cursor: number, total: number): string => (total === 0 ? '0' : `${count(cursor + 1)}/${count(total)}`);
