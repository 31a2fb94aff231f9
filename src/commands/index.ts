/**
 * The command line as a whole: words in, exit status out. Every way to fail ends here, as at most three lines on stderr.
 *
 * commander only takes the words apart. A first word that is no command is a capture (the default command), so a mistyped
 * command is noticed where files are looked up (inputs.ts). Options may stand before or after the command.
 */
import { Command, CommanderError } from 'commander';
import { UsageError } from '../model/errors.ts';
import { sanitise } from '../model/sanitise.ts';
import { DEFAULT_WIDTH } from '../report/layout.ts';
import { say } from './say.ts';
import { check, declareCheck } from './check.ts';
import { compare, declareCompare } from './compare.ts';
import { completion, declareCompletion } from './completion/index.ts';
import { connection, declareConnection } from './connection.ts';
import { connections, declareConnections } from './connections.ts';
import { correlate, declareCorrelate } from './correlate.ts';
import { declareDiagnose, diagnose } from './diagnose.ts';
import { exampleText } from './examples.ts';
import { declareExtract, extract } from './extract.ts';
import { failureOf } from './failure.ts';
import { didYouMean } from '../model/nearest.ts';
import type { Flags } from './options.ts';
import { writeResult } from './output.ts';
import { declareMerge, merge } from './merge.ts';
import { declareReport, report } from './report.ts';
import { declareExplain, declareRules, explain, rules } from './rules.ts';
import { declareConfig, showConfig } from './show-config.ts';
import { declareStates, states } from './states.ts';
import type { World } from './world.ts';

/** @param argv the words after the program's name. Never rejects. */
export async function run(argv: readonly string[], world: World): Promise<number> {
  let printed = '';
  let exitCode = 0;
  const program = buildProgram(
    world,
    (text) => (printed += text),
    (code) => (exitCode = code),
    argv,
  );
  try {
    try {
      await program.parseAsync(argv, { from: 'user' });
    } catch (error) {
      // --help and --version end parsing with an exception of their own.
      if (!(error instanceof CommanderError) || error.exitCode !== 0) throw namingTheCommand(error, argv, program);
    }
    if (printed !== '') await writeResult(world, [printed], undefined);
    return exitCode;
  } catch (error) {
    const failure = failureOf(error, { version: world.version, verbose: argv.includes('-v') || argv.includes('--verbose') });
    for (const line of failure.lines) await say(world, line);
    return failure.exitCode;
  }
}

/** `help nosuch` ends in commander's help-has-been-printed, which is no sentence. */
function namingTheCommand(error: unknown, argv: readonly string[], program: Command): unknown {
  if (!(error instanceof CommanderError) || error.code !== 'commander.help') return error;
  const word = argv[argv.indexOf('help') + 1] ?? '';
  const names = program.commands.map((c) => c.name());
  const near = didYouMean(word, names);
  return new UsageError(`there is no command "${sanitise(word, 200)}"${near === '' ? `; there are ${names.join(', ')}.` : near}`);
}

/** The tree of commands and options. @param print takes help and version @param finish takes the exit status of the command that ran @param argv for documents, which say how they were made */
export function buildProgram(
  world: World,
  print: (text: string) => void,
  finish: (exitCode: number) => void,
  argv: readonly string[] = [],
): Command {
  const program = new Command('tcpdiag');
  program
    .exitOverride()
    .configureOutput({
      writeOut: print,
      writeErr: print, // only help goes this way; errors are said by `run`
      outputError: () => undefined,
      getOutHelpWidth: () => world.stdout.columns ?? DEFAULT_WIDTH,
      getErrHelpWidth: () => world.stdout.columns ?? DEFAULT_WIDTH,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    // Choices stand in the descriptions already.
    .configureHelp({ optionDescription: (o) => o.description, argumentDescription: (a) => a.description })
    .version(world.version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .enablePositionalOptions()
    .allowExcessArguments(false);

  const captureCommands: readonly (readonly [
    string,
    (c: Command) => Command,
    (w: World, words: readonly string[], f: Flags) => Promise<number>,
  ])[] = [
    ['report', declareReport, (w, words, flags) => report(w, words, flags, { argv })],
    ['merge', declareMerge, (w, words, flags) => merge(w, words, flags, { argv })],
    ['connections', declareConnections, connections],
    ['connection', declareConnection, connection],
    ['states', declareStates, states],
    ['extract', declareExtract, extract],
    ['compare', declareCompare, compare],
    ['correlate', declareCorrelate, correlate],
    ['check', declareCheck, check],
  ];
  for (const [name, declare, perform] of captureCommands) {
    const command = declare(program.command(name));
    command.action(async (words: string[]) => finish(await perform(world, words, flagsOf(command))));
  }
  const listing = declareRules(program.command('rules'));
  listing.action(async () => finish(await rules(world, flagsOf(listing))));
  const explaining = declareExplain(program.command('explain'));
  explaining.action(async (id: string) => finish(await explain(world, id, flagsOf(explaining))));

  const configuring = declareConfig(program.command('config'));
  configuring.action(async () => finish(await showConfig(world, flagsOf(configuring))));

  const completing = declareCompletion(program.command('completion'));
  completing.action(async (shell: string) => finish(await completion(world, shell, program, flagsOf(completing))));

  declareDiagnose(program);
  for (const command of [program, ...program.commands]) command.addHelpText('after', exampleText(command.name()));
  const names = program.commands.map((c) => c.name());
  program.action(async (words: string[]) => finish(await diagnose(world, words, flagsOf(program), { argv, commands: names })));
  return program;
}

/** A command's options, and those that stood before its name. What the command knows nothing of is refused, not ignored. */
function flagsOf(command: Command): Flags {
  const flags: Record<string, unknown> = { ...command.opts() };
  const { parent } = command;
  for (const option of parent?.options ?? []) {
    const key = option.attributeName();
    if (parent?.getOptionValueSource(key) !== 'cli' || key === 'version') continue;
    if (!command.options.some((o) => o.attributeName() === key))
      throw new UsageError(`${option.long ?? option.flags} does not apply to ${command.name()}.`);
    if (command.getOptionValueSource(key) !== 'cli') flags[key] = parent.getOptionValue(key);
  }
  return flags;
}
