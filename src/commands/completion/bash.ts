/** Completion for bash 4 and later; needs nothing of the bash-completion package. */
import type { CommandWords, OptionWords, Value, Words } from './words.ts';

export function bash({ root, commands, lists }: Words): string {
  return `# bash completion for tcpdiag: eval "$(tcpdiag completion bash)"
${Object.entries(lists)
  .map(([name, words]) => `_tcpdiag_${name}='${words.join(' ')}'`)
  .join('\n')}

_tcpdiag() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command='' i
  # --option=value reaches us as three words.
  if [[ $cur == = ]]; then
    cur=''
  elif [[ $prev == = ]]; then
    prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
    ${commands.map((c) => c.name).join(' | ')}) command=\${COMP_WORDS[i]}; break ;;
    esac
  done
  case $command in
${[...commands, root].map((c) => branch(c, c === root ? commands : [])).join('\n')}
  esac
}

_tcpdiag_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }

# The last of words that commas separate.
_tcpdiag_several() {
  local before=''
  [[ $cur != *,* ]] || before=\${cur%,*},
  mapfile -t COMPREPLY < <(compgen -P "$before" -W "$1" -- "\${cur##*,}")
  compopt -o nospace
}

_tcpdiag_files() {
  mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  compopt -o filenames
}

complete -F _tcpdiag tcpdiag
`;
}

function branch(command: CommandWords, commands: readonly CommandWords[]): string {
  const valued = command.options.filter((o) => o.value !== null);
  const cases = valued.map((o) => `    ${[o.short, o.long].filter((f) => f !== null).join(' | ')}) ${offer(o.value)} ;;`);
  const flags = command.options.flatMap(flagsOf).join(' ');
  const argument = commands.length === 0 ? offer(command.argument) : `_tcpdiag_files; ${appended(commands)}`;
  return `  ${commands.length === 0 ? command.name : '*'})
    case $prev in
${cases.join('\n')}
    *) if [[ $cur == -* ]]; then _tcpdiag_words '${flags}'; else ${argument}; fi ;;
    esac ;;`;
}

const flagsOf = ({ short, long }: OptionWords): readonly string[] => (short === null ? [long] : [short, long]);

/** A first word is a command or a capture. */
const appended = (commands: readonly CommandWords[]): string =>
  `mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -W '${commands.map((c) => c.name).join(' ')}' -- "$cur")`;

function offer(value: Value | null): string {
  switch (value?.kind) {
    case 'file':
      return '_tcpdiag_files';
    case 'words':
      return `_tcpdiag_words '${value.words.join(' ')}'`;
    case 'long':
      return `${value.several ? '_tcpdiag_several' : '_tcpdiag_words'} "$_tcpdiag_${value.name}"${value.unfinished ? '; compopt -o nospace' : ''}`;
    default:
      return 'COMPREPLY=()';
  }
}
