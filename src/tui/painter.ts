/**
 * Puts Ink's frames on the terminal: only the rows that changed, inside a synchronized update (DEC mode 2026), so that
 * nothing flickers and nothing is ever cleared.
 *
 * Why not Ink's own output: at full height Ink 6 clears the screen and the scrollback on every frame, and with CI=1 in the
 * environment it draws nothing at all. Ink renders to a pretended stream in its debug mode, where every frame arrives whole.
 */
import type { Size } from './present/layout.ts';

export const ENTER_SCREEN = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h\x1b[H\x1b[2J';
/** Presses and the wheel (1000), with coordinates as numbers (1006, SGR). */
export const MOUSE_ON = '\x1b[?1000h\x1b[?1006h';
export const MOUSE_OFF = '\x1b[?1006l\x1b[?1000l';
/** Ends an update left open, attributes, the mouse, bracketed paste; wraps again, shows the cursor, goes back to the shell's screen. */
export const LEAVE_SCREEN = '\x1b[?2026l\x1b[0m\x1b[?1006l\x1b[?1000l\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l';

const BEGIN = '\x1b[?2026h';
const END = '\x1b[?2026l';

export class Painter {
  #shown: readonly string[] = [];
  readonly #write: (text: string) => void;
  readonly #size: () => Size;
  #paused = false;

  constructor(write: (text: string) => void, size: () => Size) {
    this.#write = write;
    this.#size = size;
  }

  /** A whole frame. One that was laid out for another size is dropped: the right one follows. */
  frame(text: string): void {
    const lines = text.split('\n');
    if (this.#paused || lines.length !== this.#size().rows) return;
    let out = '';
    lines.forEach((line, i) => {
      // Erase before writing: behind a row as wide as the screen, erasing would take its last character.
      if (line !== this.#shown[i]) out += `\x1b[${i + 1};1H\x1b[0m\x1b[2K${line}`;
    });
    this.#shown = lines;
    if (out !== '') this.#write(BEGIN + out + END);
  }

  /** What is on the terminal is not what we painted: the next frame is drawn whole, on an empty screen. */
  forget(): void {
    this.#shown = [];
    this.#write('\x1b[0m\x1b[2J');
  }

  /** Draws the last frame again, whole. */
  repaint(): void {
    const lines = this.#shown;
    this.forget();
    this.frame(lines.join('\n'));
  }

  /** The terminal belongs to the shell now. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }
}

/** What Ink wants of the stream that it draws on. It never learns that this is a terminal, and so steers nothing by itself. */
export class FrameStream {
  readonly writable = true;
  readonly #size: () => Size;
  readonly #frame: (text: string) => void;

  constructor(size: () => Size, frame: (text: string) => void) {
    this.#size = size;
    this.#frame = frame;
  }

  get columns(): number {
    return this.#size().columns;
  }

  get rows(): number {
    return this.#size().rows;
  }

  write(text: string): boolean {
    this.#frame(text);
    return true;
  }

  /** Ink listens for `resize`; the store tells React about sizes instead. */
  on(): this {
    return this;
  }

  off(): this {
    return this;
  }
}
