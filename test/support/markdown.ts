/**
 * Reads our Markdown as strictly as it is written: fences and code spans by CommonMark's rules (§4.5, §6.1), the cells of tables by GFM's;
 * outside of them nothing may stand that means something to any reader, but for the few things that a document of ours is made of.
 */

/** Bold labels and sentences, entities, and the marks of headings, lists and tables, each only where we write it. */
const OURS = [/^#{1,4} (?:\d+\. )?/, /^- /, /^\| .* \|$/, /\*\*[A-Z\d][A-Za-z\d:,' -]*\.?\*\*/g, /&(?:amp|lt|gt|#124);/g];

export function markdownComplaints(markdown: string): string[] {
  const { text, open } = withoutFences(markdown);
  return [...(open ? ['a fence that is not closed'] : []), ...text.split('\n').flatMap(lineComplaints)];
}

function withoutFences(markdown: string): { readonly text: string; readonly open: boolean } {
  let fence: string | null = null;
  const kept: string[] = [];
  for (const line of markdown.split('\n')) {
    const ticks = /^ {0,3}(`{3,})([^`]*)$/.exec(line);
    if (fence === null && ticks) fence = ticks[1]!;
    else if (fence !== null && ticks?.[2]!.trim() === '' && ticks[1]!.length >= fence.length) fence = null;
    else if (fence === null) kept.push(line);
  }
  return { text: kept.join('\n'), open: fence !== null };
}

function lineComplaints(line: string): string[] {
  if (/^\|(?: (?:---|--:) \|)+$/.test(line)) return [];
  const cells = /^\| .* \|$/.test(line) ? cellsOf(line) : [line.replace(OURS[0]!, '').replace(OURS[1]!, '')];
  return cells.flatMap((cell) => {
    const outside = OURS.slice(3).reduce((text, ours) => text.replace(ours, ' '), spansOf(cell).outside);
    const alive = /[`*_[\]{}<>&|~$#@\\^]|:\/\/|www\.|\p{L}\.\p{L}{2}|^ {0,3}(?:[-+=]+|\d+[.)])(?:\s|$)/u.exec(outside);
    return alive === null ? [] : [`${JSON.stringify(alive[0])} is not text in ${JSON.stringify(line.slice(0, 200))}`];
  });
}

/** GFM splits a row at every pipe that has no backslash before it, wherever it stands. */
export const cellsOf = (row: string): string[] =>
  row
    .trim()
    .slice(1, -1)
    .split(/(?<!\\)\|/);

/** A run of backticks is closed by the next run of the same length; without one it is text. */
function spansOf(text: string): { readonly outside: string; readonly inside: readonly string[] } {
  const inside: string[] = [];
  let outside = '';
  for (let at = 0; at < text.length;) {
    const run = /^`+/.exec(text.slice(at))?.[0] ?? '';
    const end = run === '' ? -1 : closing(text, at + run.length, run.length);
    if (end >= 0) {
      inside.push(text.slice(at + run.length, end));
      outside += ' ';
      at = end + run.length;
    } else {
      outside += run === '' ? text[at]! : run;
      at += Math.max(1, run.length);
    }
  }
  return { outside, inside };
}

function closing(text: string, from: number, length: number): number {
  for (const { 0: run, index } of text.slice(from).matchAll(/`+/g)) if (run.length === length) return from + index;
  return -1;
}

/** Of spans and entities: what a reader sees. */
export function plainText(markdown: string): string {
  let text = '';
  for (let rest = markdown; rest !== '';) {
    const run = /^`+/.exec(rest)?.[0] ?? '';
    if (run === '') {
      const entity = /^&#124;/.exec(rest)?.[0] ?? '';
      text += entity === '' ? rest[0]! : '|';
      rest = rest.slice(Math.max(1, entity.length));
      continue;
    }
    const end = closing(rest, run.length, run.length);
    const inner = rest.slice(run.length, end);
    text += /^ .*[^ ].* $/.test(inner) ? inner.slice(1, -1) : inner;
    rest = rest.slice(end + run.length);
  }
  return text;
}
