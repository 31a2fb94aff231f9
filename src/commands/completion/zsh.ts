/** Completion for zsh, with descriptions. */
import type { CommandWords, OptionWords, Value, Words } from './words.ts';

export function zsh({ root, commands, lists }: Words): string {
  return `#compdef tcpdiag
# zsh completion for tcpdiag: tcpdiag completion zsh > "\${fpath[1]}/_tcpdiag", or eval "$(tcpdiag completion zsh)"
${Object.entries(lists)
  .map(([name, words]) => `_tcpdiag_${name}=(${words.join(' ')})`)
  .join('\n')}

_tcpdiag() {
  local command= i
  for ((i = 2; i < CURRENT; i++)); do
    case $words[i] in
    ${commands.map((c) => c.name).join(' | ')}) command=$words[i]; break ;;
    esac
  done
  case $command in
${commands.map((c) => `  ${c.name}) _arguments -s ${specs(c)} ;;`).join('\n')}
  *) _arguments -s ${root.options.map(spec).join(' ')} '1: :_tcpdiag_first' '*:capture:_files' ;;
  esac
}

# A first word is a command or a capture.
_tcpdiag_first() {
  local -a commands=(
${commands.map((c) => `    ${quoted(`${escaped(c.name)}:${escaped(c.description)}`)}`).join('\n')}
  )
  _describe -t commands command commands
  _files
}

if [[ $funcstack[1] == _tcpdiag ]]; then _tcpdiag "$@"; else compdef _tcpdiag tcpdiag; fi
`;
}

const specs = ({ options, argument }: CommandWords): string =>
  [
    ...options.map(spec),
    ...(argument === null ? [] : [quoted(`*:${argument.kind === 'file' ? 'capture' : 'word'}${action(argument)}`)]),
  ].join(' ');

/** `'(-f --format)'{-f,--format}'[description]:format:action'` */
function spec({ short, long, description, value }: OptionWords): string {
  const text = `[${escaped(description)}]${value === null ? '' : `:${long.replace(/^-+/, '')}${action(value)}`}`;
  return short === null ? quoted(long + text) : `'(${short} ${long})'{${short},${long}}${quoted(text)}`;
}

function action(value: Value): string {
  switch (value.kind) {
    case 'file':
      return ':_files';
    case 'words':
      return `:(${value.words.join(' ')})`;
    case 'long':
      return `:${value.several ? '_sequence ' : ''}compadd ${value.unfinished ? '-S "" ' : ''}- $_tcpdiag_${value.name}`;
    default:
      return ': ';
  }
}

/** What `_arguments` and `_describe` take for their own marks. */
const escaped = (text: string): string => text.replace(/[\\[\]:]/g, '\\$&');

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
