import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Key, KeyDecoder } from '../../src/tui/keys.ts';

const ESC = '\x1b';
/** What arrives, piece by piece; then nothing more for a while. */
function decode(...pieces: string[]): string[] {
  const decoder = new KeyDecoder();
  const keys: Key[] = pieces.flatMap((piece) => decoder.push(piece));
  keys.push(...decoder.flush());
  return keys.map((key) =>
    key.kind === 'key' ? key.name : key.kind === 'paste' ? `paste:${key.text}` : `click:${String(key.column)},${String(key.row)}`,
  );
}

test.each([
  ['letters', ['j'], ['j']],
  ['a burst in one piece', ['jjjk'], ['j', 'j', 'j', 'k']],
  ['arrows', [`${ESC}[A${ESC}[B${ESC}[C${ESC}[D`], ['up', 'down', 'right', 'left']],
  ['arrows in application mode', [`${ESC}OA${ESC}OB`], ['up', 'down']],
  ['Home and End of xterm and of the Linux console', [`${ESC}[H${ESC}[F${ESC}[1~${ESC}[4~`], ['home', 'end', 'home', 'end']],
  ['page keys', [`${ESC}[5~${ESC}[6~`], ['pageup', 'pagedown']],
  ['an arrow split after ESC', [ESC, '[B'], ['down']],
  ['an arrow split after ESC [', [`${ESC}[`, 'B'], ['down']],
  ['a page key in single bytes', [ESC, '[', '5', '~'], ['pageup']],
  ['Esc alone', [ESC], ['escape']],
  ['Esc twice', [ESC + ESC], ['escape', 'escape']],
  ['half a sequence that never ends', [`${ESC}[`], []],
  ['an arrow with modifiers', [`${ESC}[1;5B`], ['down']],
  ['Enter, Tab, both Backspaces', ['\r\t\x7f\b'], ['enter', 'tab', 'backspace', 'backspace']],
  ['control keys', ['\x03\x04\x15\x1a\x0c'], ['ctrl-c', 'ctrl-d', 'ctrl-u', 'ctrl-z', 'ctrl-l']],
  ['the wheel (SGR), and a click', [`${ESC}[<64;10;5M${ESC}[<65;10;5M${ESC}[<0;3;4M${ESC}[<0;3;4m`], ['wheelup', 'wheeldown', 'click:2,3']],
  ['the mouse of X10: coordinates are no keys', [`${ESC}[M qjk`], ['k']],
  ['Alt with a letter is neither Esc nor the letter', [`${ESC}q`], []],
  ['function keys and focus reports mean nothing', [`${ESC}OP${ESC}[15~${ESC}[I${ESC}[O`], []],
  ['a paste in three pieces', [`${ESC}[200~10.0`, '.0.1\rq', `${ESC}[201~j`], ['paste:10.0.0.1\rq', 'j']],
  ['a paste whose end is split', [`${ESC}[200~x${ESC}[2`, '01~'], ['paste:x']],
  ['letters beyond ASCII', ['ü日'], ['ü', '日']],
])('%s', (_name, pieces, expected) => {
  expect(decode(...pieces)).toEqual(expected);
});

describe('whatever arrives', () => {
  const noise = fc.string({
    unit: fc.constantFrom(ESC, '[', '<', ';', '2', '0', '1', '~', 'M', 'A', 'j', 'O', '\x00', '\x7f', ' ', '\x9b', 'ü'),
  });
  test('it does not matter how it was cut', () => {
    fc.assert(
      fc.property(noise, fc.nat(), (text, at) => {
        const cut = at % (text.length + 1);
        expect(decode(text.slice(0, cut), text.slice(cut))).toEqual(decode(text));
      }),
    );
  });
  test('no key is a control character, and nothing is kept for ever', () => {
    fc.assert(
      fc.property(noise, (text) => {
        const decoder = new KeyDecoder();
        for (const key of decoder.push(text)) if (key.kind === 'key') expect(key.name).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
        decoder.flush();
        expect(decoder.pending).toBe('none');
      }),
    );
  });
});
