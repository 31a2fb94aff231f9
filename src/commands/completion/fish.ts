/** Completion for fish, with descriptions. */
import type { CommandWords, OptionWords, Value, Words } from './words.ts';

export function fish({ root, commands, lists }: Words): string {
  const names = commands.map((c) => c.name).join(' ');
  const alone = `not __fish_seen_subcommand_from ${names}`;
  return `# fish completion for tcpdiag: tcpdiag completion fish > ~/.config/fish/completions/tcpdiag.fish
complete -c tcpdiag -e
${Object.entries(lists)
  .map(([name, words]) => `set -g _tcpdiag_${name} ${words.join(' ')}`)
  .join('\n')}
${commands.map((c) => `complete -c tcpdiag -n ${quoted(alone)} -a ${c.name} -d ${quoted(c.description)}`).join('\n')}
${lines(root, alone)}
${commands.map((c) => lines(c, `__fish_seen_subcommand_from ${c.name}`)).join('\n')}
`;
}

function lines({ options, argument }: CommandWords, when: string): string {
  const out = options.map((option) => line(option, when));
  if (argument !== null && argument.kind !== 'file') out.push(`complete -c tcpdiag -n ${quoted(when)} -f -a ${quoted(wordsIn(argument))}`);
  return out.join('\n');
}

function line({ short, long, description, value }: OptionWords, when: string): string {
  const flags = `${short === null ? '' : `-s ${short.slice(1)} `}-l ${long.slice(2)}`;
  const head = `complete -c tcpdiag -n ${quoted(when)} ${flags} -d ${quoted(description)}`;
  if (value === null) return head;
  if (value.kind === 'file') return `${head} -r -F`;
  return value.kind === 'free' ? `${head} -x` : `${head} -x -a ${quoted(wordsIn(value))}`;
}

function wordsIn(value: Value): string {
  if (value.kind === 'words') return value.words.join(' ');
  if (value.kind !== 'long') return '';
  return value.several ? `(__fish_append , $_tcpdiag_${value.name})` : `$_tcpdiag_${value.name}`;
}

const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
