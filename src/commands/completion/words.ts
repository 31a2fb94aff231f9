/**
 * What may stand where on the command line, read off the command tree, so that completion knows every command and option that
 * the program has. What a shell does with it is in the file of that shell.
 */
import type { Command, Option } from 'commander';
import type { Detector } from '../../detect/detector.ts';
import { SEVERITIES } from '../../model/finding.ts';
import { PROFILES } from '../../model/profiles.ts';
import { BARE_WORDS, FIELDS } from '../../model/where/fields.ts';

/** What an option takes, or an argument is: a path, one of a few words, one of a long list, or what no list knows. */
export type Value =
  | { readonly kind: 'file' }
  | { readonly kind: 'words'; readonly words: readonly string[] }
  /** `several`: with commas between them. `unfinished`: a value follows, as after `field:`, not a space. */
  | { readonly kind: 'long'; readonly name: keyof Words['lists']; readonly several: boolean; readonly unfinished: boolean }
  | { readonly kind: 'free' };

export interface OptionWords {
  readonly short: string | null;
  readonly long: string;
  readonly description: string;
  /** null: the option stands alone. */
  readonly value: Value | null;
}

export interface CommandWords {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionWords[];
  /** null: it takes none. */
  readonly argument: Value | null;
}

export interface Words {
  /** What stands before a command, or without one. */
  readonly root: CommandWords;
  readonly commands: readonly CommandWords[];
  /** Lists too long to be repeated with every command: a script holds each once. */
  readonly lists: { readonly rules: readonly string[]; readonly settings: readonly string[]; readonly fields: readonly string[] };
}

const long = (name: keyof Words['lists'], how: { readonly several?: true; readonly unfinished?: true } = {}): Value => ({
  kind: 'long',
  name,
  several: how.several === true,
  unfinished: how.unfinished === true,
});

/** By the word that stands for the value in the help: `--only <rules>`. */
const VALUES: Readonly<Record<string, Value>> = {
  file: { kind: 'file' },
  capture: { kind: 'file' },
  rule: long('rules'),
  rules: long('rules', { several: true }),
  finding: long('rules'),
  'rule.param=value': long('settings', { unfinished: true }),
  expr: long('fields', { unfinished: true }),
  severity: { kind: 'words', words: SEVERITIES },
  name: { kind: 'words', words: PROFILES.map((p) => p.name) },
};

export function wordsOf(program: Command, rules: readonly Detector[]): Words {
  const help = program.createHelp();
  const names = program.commands.map((c) => c.name());
  const of = (command: Command): CommandWords => ({
    name: command.name(),
    description: command.description(),
    options: help.visibleOptions(command).map(optionWords),
    argument: argumentOf(command),
  });
  return {
    root: of(program),
    // `help` is visible and no command of ours: its argument is the name of one.
    commands: help
      .visibleCommands(program)
      .map((c) => (c.name() === 'help' ? { ...of(c), options: [], argument: { kind: 'words', words: names } } : of(c))),
    lists: {
      rules: rules.map((r) => r.id),
      settings: rules.flatMap((r) => Object.keys(r.params).map((param) => `${r.id}.${param}=`)),
      fields: [...FIELDS.map((f) => `${f.name}:`), ...BARE_WORDS],
    },
  };
}

function optionWords(option: Option): OptionWords {
  const placeholder = /[<[]([^>\]]+?)(?:\.\.\.)?[>\]]/.exec(option.flags)?.[1];
  return {
    short: option.short ?? null,
    long: option.long ?? option.flags,
    description: option.description,
    value: placeholder === undefined ? null : valueOf(option.argChoices, placeholder),
  };
}

function argumentOf(command: Command): Value | null {
  const [first] = command.registeredArguments;
  return first === undefined ? null : valueOf(first.argChoices, first.name());
}

function valueOf(choices: readonly string[] | undefined, placeholder: string): Value {
  if (choices !== undefined) return { kind: 'words', words: choices };
  return Object.hasOwn(VALUES, placeholder) ? (VALUES[placeholder] ?? { kind: 'free' }) : { kind: 'free' };
}
