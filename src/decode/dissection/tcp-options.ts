/** TCP options in words, one field each. */
import { FAST_OPEN_EXPERIMENT, OptionKind } from '../transport/tcp-options.ts';
import { type Dissection, hex, type Layer, plural } from './dissection.ts';

/** RFC 8684 §8.2 "MPTCP Option Subtypes". */
const MPTCP_SUBTYPES: readonly string[] = [
  'MP_CAPABLE',
  'MP_JOIN',
  'DSS',
  'ADD_ADDR',
  'REMOVE_ADDR',
  'MP_PRIO',
  'MP_FAIL',
  'MP_FASTCLOSE',
  'MP_TCPRST',
];

/** Adds the options that stand between octet 20 and `size` of the header. Stops where a length makes no sense. */
export function optionFields(d: Dissection, layer: Layer, size: number): void {
  const end = Math.min(d.at + size, d.end, d.limit);
  let offset = 20;
  while (d.at + offset < end) {
    const kind = d.view.getUint8(d.at + offset);
    if (kind === OptionKind.NOP || kind === OptionKind.END) {
      layer.field(kind === OptionKind.NOP ? 'Option: no operation' : 'Option: end of list', offset, 1, () => '');
      if (kind === OptionKind.END) return;
      offset++;
      continue;
    }
    const length = d.at + offset + 1 < end ? d.view.getUint8(d.at + offset + 1) : 0;
    if (length < 2 || d.at + offset + length > end) {
      const rest = end - d.at - offset;
      layer.field('Option: unreadable', offset, rest, () => `kind ${kind}, length ${length}, ${plural(rest, 'byte')} left`);
      return;
    }
    const [name, text] = optionText(d.view, d.at + offset, kind, length);
    layer.field(`Option: ${name}`, offset, length, () => text);
    offset += length;
  }
}

function optionText(view: DataView, at: number, kind: number, length: number): readonly [string, string] {
  switch (kind) {
    case OptionKind.MSS:
      if (length === 4) return ['maximum segment size', plural(view.getUint16(at + 2), 'byte')];
      break;
    case OptionKind.WINDOW_SCALE:
      if (length === 3) return ['window scale', `${view.getUint8(at + 2)} (multiply by ${2 ** view.getUint8(at + 2)})`];
      break;
    case OptionKind.SACK_PERMITTED:
      if (length === 2) return ['SACK permitted', ''];
      break;
    case OptionKind.SACK:
      if (length >= 10 && (length - 2) % 8 === 0) return ['SACK', sackText(view, at + 2, (length - 2) / 8)];
      break;
    case OptionKind.TIMESTAMPS:
      if (length === 10) return ['timestamps', `value ${view.getUint32(at + 2)}, echo reply ${view.getUint32(at + 6)}`];
      break;
    case OptionKind.MD5:
      return ['MD5 signature (RFC 2385)', plural(length - 2, 'byte')];
    case OptionKind.AUTHENTICATION:
      return ['authentication (RFC 5925)', plural(length - 2, 'byte')];
    case OptionKind.USER_TIMEOUT:
      if (length === 4) return ['user timeout', userTimeout(view.getUint16(at + 2))];
      break;
    case OptionKind.MPTCP:
      if (length >= 3) return ['multipath TCP', MPTCP_SUBTYPES[view.getUint8(at + 2) >>> 4] ?? `subtype ${view.getUint8(at + 2) >>> 4}`];
      break;
    case OptionKind.FAST_OPEN:
      return ['Fast Open', cookieText(length - 2)];
    case OptionKind.EXPERIMENT:
      if (length >= 4 && view.getUint16(at + 2) === FAST_OPEN_EXPERIMENT) return ['Fast Open (experimental)', cookieText(length - 4)];
      if (length >= 4) return ['experiment', `identifier ${hex(view.getUint16(at + 2), 4)}, ${plural(length - 4, 'byte')}`];
      break;
    default:
      return [`kind ${kind}`, plural(length - 2, 'byte')];
  }
  return [`kind ${kind}`, `wrong length ${length}`];
}

const cookieText = (length: number): string => (length === 0 ? 'cookie request' : `cookie of ${plural(length, 'byte')}`);

function sackText(view: DataView, at: number, blocks: number): string {
  return Array.from({ length: blocks }, (_, i) => `${view.getUint32(at + i * 8)}–${view.getUint32(at + i * 8 + 4)}`).join(', ');
}

/** RFC 5482 §3: a granularity bit (minutes), then the value. */
const userTimeout = (value: number): string => plural(value & 0x7fff, (value & 0x8000) !== 0 ? 'minute' : 'second');
