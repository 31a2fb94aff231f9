/**
 * Bytes from a terminal in raw mode into keys. Pure: the caller owns the stream and the clock.
 *
 * Ink's own decoder is not used: it takes a split escape sequence for text, a burst of keys for one, and the mouse wheel for
 * typing. Here a sequence may arrive in pieces; what is incomplete stays `pending` until more comes or the caller flushes.
 * Sequences: ECMA-48 CSI, xterm ctlseqs (function keys, SGR mouse, bracketed paste).
 */
export type Key =
  | { readonly kind: 'key'; readonly name: string }
  | { readonly kind: 'paste'; readonly text: string }
  /** The left button; both from 0. */
  | { readonly kind: 'click'; readonly column: number; readonly row: number };

const key = (name: string): Key => ({ kind: 'key', name });

/** Longest paste that is kept, characters: it can only be meant for the filter line. */
const PASTE_LIMIT = 200;
/** A CSI sequence longer than this is noise, characters. */
const SEQUENCE_LIMIT = 64;

const CONTROL: Readonly<Record<string, string>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\x7f': 'backspace',
  '\b': 'backspace',
  '\x00': '',
};
const FINAL: Readonly<Record<string, string>> = { A: 'up', B: 'down', C: 'right', D: 'left', H: 'home', F: 'end', Z: 'shift-tab', M: '' };
/** `CSI n ~` */
const TILDE: Readonly<Record<string, string>> = { 1: 'home', 3: 'delete', 4: 'end', 5: 'pageup', 6: 'pagedown', 7: 'home', 8: 'end' };
/** SGR mouse buttons 64 and 65 are the wheel (xterm ctlseqs, "Extended coordinates"). */
const WHEEL: Readonly<Record<string, string>> = { 64: 'wheelup', 65: 'wheeldown' };

const PASTE_END = '\x1b[201~';

export class KeyDecoder {
  #buffer = '';
  #paste: string | null = null;

  /** `escape`: a lone ESC, a key or the start of a sequence; `sequence`: in the middle of one. */
  get pending(): 'none' | 'escape' | 'sequence' {
    if (this.#paste !== null) return 'none';
    if (this.#buffer === '') return 'none';
    return this.#buffer === '\x1b' ? 'escape' : 'sequence';
  }

  push(text: string): Key[] {
    this.#buffer += text;
    const keys: Key[] = [];
    while (this.#buffer !== '') {
      const before = this.#buffer.length;
      const found = this.#paste === null ? this.#next() : this.#pasteEnd();
      if (found) keys.push(found);
      if (this.#buffer.length === before) break;
    }
    return keys;
  }

  /** Nothing followed in time: a lone ESC was the key; half a sequence was noise. */
  flush(): Key[] {
    const was = this.pending;
    if (was !== 'none') this.#buffer = '';
    return was === 'escape' ? [key('escape')] : [];
  }

  /** Takes one key off the buffer; null: the taken bytes mean nothing, or nothing was taken because more must come. */
  #next(): Key | null {
    const first = this.#buffer[0] ?? '';
    if (first !== '\x1b') {
      const char = String.fromCodePoint(this.#buffer.codePointAt(0) ?? 0);
      this.#buffer = this.#buffer.slice(char.length);
      return plain(char);
    }
    const second = this.#buffer[1];
    if (second === undefined) return null;
    if (second === '[') return this.#csi();
    if (second === 'O') {
      const third = this.#buffer[2];
      if (third === undefined) return null;
      this.#buffer = this.#buffer.slice(3);
      return named(FINAL[third]);
    }
    if (second === '\x1b') {
      this.#buffer = this.#buffer.slice(1);
      return key('escape');
    }
    // Alt with a key: we give it no meaning, and above all not that of Esc followed by the key.
    this.#buffer = this.#buffer.slice(2);
    return null;
  }

  #csi(): Key | null {
    // Parameter bytes 0x30-0x3f, intermediate bytes 0x20-0x2f, one final byte 0x40-0x7e (ECMA-48 §5.4).
    const match = /^\x1b\[([\x30-\x3f]*)([\x20-\x2f]*)([\x40-\x7e])/.exec(this.#buffer);
    if (!match) {
      const broken = /^\x1b\[[\x20-\x3f]*[^\x20-\x7e]/.test(this.#buffer);
      if (broken || this.#buffer.length > SEQUENCE_LIMIT) this.#buffer = this.#buffer.slice(2).replace(/^[\x20-\x3f]+/, '');
      return null;
    }
    const [whole, parameters = '', , final = ''] = match;
    this.#buffer = this.#buffer.slice(whole.length);
    if (final === '~') {
      if (parameters === '200') this.#paste = '';
      return named(TILDE[parameters.split(';')[0] ?? '']);
    }
    if (parameters.startsWith('<')) return final === 'M' ? mouse(parameters.slice(1).split(';')) : null;
    // X10 mouse: three more bytes that are coordinates, not keys.
    if (final === 'M' && parameters === '') this.#buffer = this.#buffer.slice(3);
    return named(FINAL[final]);
  }

  #pasteEnd(): Key | null {
    const at = this.#buffer.indexOf(PASTE_END);
    if (at < 0) {
      // Keep what may be the beginning of the end marker.
      const keep = Math.min(this.#buffer.length, PASTE_END.length - 1);
      this.#paste = ((this.#paste ?? '') + this.#buffer.slice(0, this.#buffer.length - keep)).slice(0, PASTE_LIMIT);
      this.#buffer = this.#buffer.slice(this.#buffer.length - keep);
      return null;
    }
    const text = ((this.#paste ?? '') + this.#buffer.slice(0, at)).slice(0, PASTE_LIMIT);
    this.#buffer = this.#buffer.slice(at + PASTE_END.length);
    this.#paste = null;
    return { kind: 'paste', text };
  }
}

const named = (name: string | undefined): Key | null => (name === undefined || name === '' ? null : key(name));

/** SGR: button, column, row; both from 1. Button 0 is the left one, without modifiers. */
function mouse([button = '', column = '', row = '']: readonly string[]): Key | null {
  if (button !== '0') return named(WHEEL[button]);
  const at = { column: Number(column) - 1, row: Number(row) - 1 };
  return at.column >= 0 && at.row >= 0 ? { kind: 'click', ...at } : null;
}

function plain(char: string): Key | null {
  const special = CONTROL[char];
  if (special !== undefined) return named(special);
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x20) return key(`ctrl-${String.fromCharCode(code + 0x60)}`);
  if (code >= 0x80 && code < 0xa0) return null;
  return key(char);
}
