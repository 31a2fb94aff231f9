/** The manual page, from the command tree. */
import type { Command, Option } from 'commander';
import { buildProgram } from '../../src/commands/index.ts';
import { EXAMPLES } from '../../src/commands/examples.ts';
import { TOOL_NAME, TOOL_VERSION } from '../../src/model/version.ts';
import type { World } from '../../src/commands/world.ts';

const NOTHING = { write: () => Promise.resolve(), isTTY: false, columns: undefined };
/** Building the tree asks for nothing else. */
const WORLD = { stdout: NOTHING, stderr: NOTHING, version: '' } as unknown as World;

/** Of the version: mandoc wants one, and a page that is made must not depend on the day. */
const DATE = '2026-11-20';
/** Characters of an input line, as mandoc likes it. */
const LINE = 78;

export function man(): string {
  const program = buildProgram(
    WORLD,
    () => undefined,
    () => undefined,
  );
  return [
    `.\\" Made by \`npm run docs\` from the command tree.`,
    `.TH TCPDIAG 1 ${DATE} "${TOOL_NAME} ${TOOL_VERSION}" "User commands"`,
    '.SH NAME',
    'tcpdiag \\- what went wrong with TCP, from a packet capture',
    '.SH SYNOPSIS',
    synopsis(program),
    ...program.commands.flatMap((c) => ['.br', synopsis(c)]),
    '.SH DESCRIPTION',
    roff(program.description()),
    '.PP',
    roff('On a terminal it opens a screen to drill down from finding to connection to segment to packet; in a pipe it prints the report.'),
    '.SH OPTIONS',
    ...options(program),
    '.SH COMMANDS',
    ...program.commands.flatMap((c) => [
      `.SS ${escaped(c.name())}`,
      synopsis(c),
      '.PP',
      roff(c.description()),
      ...options(c),
      ...examples(c.name()),
    ]),
    '.SH EXIT STATUS',
    ...[
      ['0', 'done'],
      ['1', 'a finding at or above --fail-on, or with it a difference of states --diff'],
      ['2', 'could not analyse: usage, unreadable, not a capture'],
      ['70', 'a fault of tcpdiag itself'],
      ['128 + n', 'ended by signal n'],
    ].flatMap(([status = '', what = '']) => ['.TP', `.B ${status}`, roff(what)]),
    '.SH ENVIRONMENT',
    '.TP\n.B NO_COLOR',
    'no colours, when it is set and not empty',
    '.SH FILES',
    '.TP\n.B tcpdiag.config.json',
    'in the working directory: names, proxies, thresholds, rules',
    '.SH EXAMPLES',
    ...examples('tcpdiag').slice(1), // a heading has its paragraph already
    '.SH SEE ALSO',
    '.BR ss (8),\n.BR tcpdump (1),\n.BR tshark (1)',
    '',
  ].join('\n');
}

const synopsis = (command: Command): string =>
  `.B ${escaped(command.parent === null ? command.name() : `${command.parent.name()} ${command.name()}`)}\n${roff(command.usage())}`;

/** A command's options; of those that the program takes too, word for word, the names alone. */
function options(command: Command): readonly string[] {
  const visible = (c: Command) => c.createHelp().visibleOptions(c);
  const { parent } = command;
  const shared = (o: Option) => parent !== null && visible(parent).some((p) => p.flags === o.flags && p.description === o.description);
  const own = visible(command).filter((o) => !shared(o));
  const names = visible(command)
    .filter(shared)
    .map((o) => o.long ?? o.flags);
  return [
    ...own.flatMap((o) => ['.TP', `.B ${escaped(o.flags)}`, roff(o.description)]),
    ...(names.length === 0 ? [] : ['.PP', roff(`Also, as above: ${names.join(', ')}.`)]),
  ];
}

const examples = (name: string): readonly string[] =>
  (EXAMPLES[name] ?? []).flatMap(([line, what]) => ['.PP', `${roff(what)}:`, '.PP', '.nf', `.RS\n${escaped(line)}\n.RE`, '.fi']);

/** Text that is filled. */
const roff = (text: string): string =>
  escaped(text)
    .split('\n')
    .map((line) => folded(line))
    .join('\n')
    .replace(/^\./gm, '\\&.');

/** A line that stays one: backslashes, hyphens that are to be copied, quotes, and what begins like a request. */
const escaped = (text: string): string =>
  text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll("'", '\\(aq').replace(/^\./gm, '\\&.');

function folded(line: string): string {
  const lines = [''];
  for (const word of line.split(' ')) {
    const last = lines.at(-1)!;
    if (last !== '' && last.length + 1 + word.length > LINE) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.join('\n');
}
