/** The manual page, from the command tree. */
import type { Command, Option } from 'commander';
import { buildProgram } from '../../src/commands/index.ts';
import { EXAMPLES } from '../../src/commands/examples.ts';
import type { World } from '../../src/commands/world.ts';

const NOTHING = { write: () => Promise.resolve(), isTTY: false, columns: undefined };
/** Building the tree asks for nothing else. */
const WORLD = { stdout: NOTHING, stderr: NOTHING, version: '' } as unknown as World;

export function man(): string {
  const program = buildProgram(
    WORLD,
    () => undefined,
    () => undefined,
  );
  return [
    `.\\" Made by \`npm run docs\` from the command tree.`,
    '.TH TCPDIAG 1 "" "tcpdiag" "User commands"',
    '.SH NAME',
    'tcpdiag \\- what went wrong with TCP, from a packet capture',
    '.SH SYNOPSIS',
    synopsis(program),
    ...program.commands.flatMap((c) => ['.br', synopsis(c)]),
    '.SH DESCRIPTION',
    roff(program.description()),
    '.PP',
    'On a terminal it opens a screen to drill down from finding to connection to segment to packet; in a pipe it prints the report.',
    '.SH OPTIONS',
    ...options(program),
    '.SH COMMANDS',
    ...program.commands.flatMap((c) => [
      `.SS ${roff(c.name())}`,
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
    ...examples('tcpdiag'),
    '.SH SEE ALSO',
    '.BR ss (8),\n.BR tcpdump (1),\n.BR tshark (1)',
    '',
  ].join('\n');
}

const synopsis = (command: Command): string =>
  `.B ${roff(command.parent === null ? command.name() : `${command.parent.name()} ${command.name()}`)}\n${roff(command.usage())}`;

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
    ...own.flatMap((o) => ['.TP', `.B ${roff(o.flags)}`, roff(o.description)]),
    ...(names.length === 0 ? [] : ['.PP', roff(`Also, as above: ${names.join(', ')}.`)]),
  ];
}

const examples = (name: string): readonly string[] =>
  (EXAMPLES[name] ?? []).flatMap(([line, what]) => ['.PP', `${roff(what)}:`, '.PP', '.nf', `.RS\n${roff(line)}\n.RE`, '.fi']);

/** Backslashes, hyphens that are to be copied, and lines that begin like a request. */
const roff = (text: string): string =>
  text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll("'", '\\(aq').replace(/^\./gm, '\\&.');
