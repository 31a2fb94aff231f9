/**
 * zeek-cut as its manual describes it (zeek-cut(1), zeek-aux): columns by name in the order that was asked for, all of them where none was,
 * several logs with different layouts one behind the other, times in UTC where `-u` asks for it. What it knows of a log stands in the header
 * block, which is refused where it is not whole. A column that a log does not have is an empty cell.
 */
export function zeekCut(text: string, columns: readonly string[] = [], { utc = false } = {}): readonly (readonly string[])[] {
  const out: (readonly string[])[] = [];
  let separator = '\t';
  let unset = '-';
  let fields: readonly string[] | null = null;
  let types: readonly string[] | null = null;
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new Error('the last line does not end');
  for (const line of lines) {
    if (fields !== null && types === null && !line.startsWith('#types')) throw new Error('missing #types line');
    if (line.startsWith('#separator ')) {
      const [, code] = /^#separator \\x([0-9a-f]{2})$/.exec(line) ?? [];
      if (code === undefined) throw new Error('invalid #separator line');
      separator = String.fromCharCode(parseInt(code, 16));
      [fields, types] = [null, null];
      continue;
    }
    const [first = '', ...rest] = line.split(separator);
    if (first === '#unset_field') unset = rest[0]!;
    else if (first === '#fields') fields = rest;
    else if (first === '#types') types = rest;
    else if (!line.startsWith('#')) {
      if (fields === null || types === null) throw new Error('a row before its header');
      const cells = [first, ...rest];
      if (cells.length !== fields.length) throw new Error('not as many cells as fields');
      const wanted = columns.length === 0 ? fields : columns;
      out.push(wanted.map((name) => cell(fields!.indexOf(name), cells, types!)));
    }
  }
  return out;

  function cell(at: number, cells: readonly string[], types: readonly string[]): string {
    const value = at < 0 ? '' : cells[at]!;
    return utc && types[at] === 'time' && value !== unset ? new Date(Math.trunc(Number(value)) * 1000).toISOString().slice(0, 19) : value;
  }
}
