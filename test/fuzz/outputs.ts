/** What every output promises whatever was in the capture: a complaint per broken promise, none where all is well. */
import { UNPRINTABLE } from '../support/hostile.ts';
import { htmlComplaints } from '../support/html.ts';
import { markdownComplaints } from '../support/markdown.ts';

/** Colours of our own (report/layout.ts): nothing else of ECMA-48 is ever written. */
const OUR_COLOURS = /\u001b\[(?:0|1|2|31|33|34|36)(?:;(?:1|2|31|33|34|36))*m/g;
/** Words that only a mistake of ours puts into a sentence. Payloads of the fixtures have none of them. */
const SLIPS = /\bNaN\b|\bundefined\b|\[object |\bInfinity\b/;

export function complaintsAbout(format: string, output: string): string[] {
  const lines = format === 'csv' ? output.replaceAll('\r\n', '\n') : output;
  const plain = format === 'text' || format === 'table' ? lines.replace(OUR_COLOURS, '') : lines;
  const zeek = format === 'zeek' ? plain.replaceAll('\t', ' ') : plain;
  return [...unprintable(zeek), ...slips(plain), ...(SHAPES[format]?.(lines) ?? [])].map((what) => `${format}: ${what}`);
}

function unprintable(text: string): string[] {
  const found = UNPRINTABLE.exec(text);
  return found === null ? [] : [`unescaped ${JSON.stringify(found[0])} in ${JSON.stringify(around(text, found.index))}`];
}

function slips(text: string): string[] {
  const found = SLIPS.exec(text);
  return found === null ? [] : [`says ${JSON.stringify(around(text, found.index))}`];
}

const around = (text: string, at: number): string => text.slice(Math.max(0, at - 40), at + 40);

const SHAPES: Readonly<Record<string, (output: string) => string[]>> = {
  json: (output) => jsonComplaints(output),
  ndjson: (output) => output.trimEnd().split('\n').flatMap(jsonComplaints),
  csv: csvComplaints,
  zeek: zeekComplaints,
  mermaid: mermaidComplaints,
  markdown: markdownComplaints,
  html: htmlComplaints,
};

/** Also what a string of it means, since `jq -r` writes that. */
function jsonComplaints(text: string): string[] {
  if (text === '') return [];
  try {
    const wrong: string[] = [];
    JSON.parse(text, (_key, value: unknown) => {
      if (typeof value === 'string') wrong.push(...unprintable(value.replaceAll('\n', '\u0000')));
      return value;
    });
    return wrong;
  } catch (error) {
    return [`is no JSON: ${String(error)}`];
  }
}

/** RFC 4180, and no cell that a spreadsheet would run. */
function csvComplaints(output: string): string[] {
  const rows = csvRows(output);
  const width = rows[0]?.length ?? 0;
  const ragged = rows.findIndex((r) => r.length !== width);
  const formula = rows.flat().find((cell) => /^[=+@\t\r]|^-(?![\d.]+(?:e[+-]?\d+)?$)/.test(cell));
  return [
    ...(ragged < 0 ? [] : [`row ${String(ragged)} has ${String(rows[ragged]!.length)} cells of ${String(width)}`]),
    ...(formula === undefined ? [] : [`a cell that is a formula: ${formula}`]),
  ];
}

export function csvRows(output: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, bare = '', end] of output.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n|$)/g)) {
    row.push(quoted === undefined ? bare : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
  }
  return rows;
}

/** Zeek's own: as many fields as the header names, printable ASCII and tabs. */
function zeekComplaints(output: string): string[] {
  const lines = output.trimEnd().split('\n');
  const fields = lines.find((l) => l.startsWith('#fields'))?.split('\t').length ?? 0;
  const wrong = lines.find((l) => !l.startsWith('#') && l.split('\t').length !== fields - 1);
  return [
    ...(wrong === undefined ? [] : [`a row of another width: ${wrong}`]),
    ...(/[^\t\n\u0020-\u007e]/.test(output) ? ['more than ASCII'] : []),
  ];
}

/** Statements that we write, and in their texts nothing that ends one, begins a comment, a directive or markup. */
function mermaidComplaints(output: string): string[] {
  return output
    .split('\n')
    .filter((line) => line !== '' && line !== 'sequenceDiagram')
    .flatMap((line) => {
      const [, text] = /^ {4}(?:participant \w+ as |Note (?:over|left of|right of) [\w,]+: |\w+->>\w+: )(.*)$/.exec(line) ?? [];
      if (text === undefined) return [`not one of our statements: ${line}`];
      const bare = text.replaceAll('<br/>', '').replace(/#\d+;/g, '');
      return /[#;<>"&{}\\`]|%%/.test(bare) ? [`unescaped: ${line}`] : [];
    });
}
