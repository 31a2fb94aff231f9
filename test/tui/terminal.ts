/**
 * A real program in a real pseudo-terminal, seen through a terminal emulator: what a person would see and type.
 * Waits are for text on the screen, looked for whenever output comes; nothing sleeps.
 */
import pty from '@lydell/node-pty';
import xterm from '@xterm/headless';

export interface TerminalOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** How long the slowest machine may take to show something, milliseconds. */
const PATIENCE = 20_000;

export interface Cell {
  readonly text: string;
  /** Of the 16; null: the terminal's own. */
  readonly color: number | null;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly inverse: boolean;
}

export class Terminal {
  readonly #emulator: InstanceType<typeof xterm.Terminal>;
  readonly #child: pty.IPty;
  readonly #waiting = new Set<() => void>();
  readonly #exit: Promise<number>;
  /** Everything that the program wrote, as bytes arrived. */
  output = '';
  /** How much of it the emulator has taken in. */
  #drawn = 0;

  constructor(file: string, args: readonly string[], options: TerminalOptions = {}) {
    const size = { cols: options.columns ?? 80, rows: options.rows ?? 24 };
    // CI makes Ink and others behave as if nobody watched; NO_COLOR and the like would come from the machine that runs the tests.
    const env: Record<string, string> = {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
      LANG: 'C.UTF-8',
      TERM: 'xterm-256color',
      ...options.env,
    };
    this.#emulator = new xterm.Terminal({ ...size, allowProposedApi: true, scrollback: 1000 });
    this.#child = pty.spawn(file, [...args], { ...size, name: env.TERM ?? 'xterm-256color', env });
    this.#child.onData((data) => {
      this.output += data;
      this.#emulator.write(data, () => {
        this.#drawn += data.length;
        this.#look();
      });
    });
    this.#exit = new Promise((resolve) => {
      this.#child.onExit(({ exitCode, signal }) => resolve(signal ? 128 + signal : exitCode));
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The screen as text, one line per row. */
  text(): string {
    const { active } = this.#emulator.buffer;
    return Array.from({ length: this.#emulator.rows }, (_, row) => active.getLine(active.baseY + row)?.translateToString(true) ?? '').join(
      '\n',
    );
  }

  /** The screen with its looks. */
  cells(): Cell[][] {
    const { active } = this.#emulator.buffer;
    return Array.from({ length: this.#emulator.rows }, (_, row) => {
      const line = active.getLine(active.baseY + row);
      return Array.from({ length: this.#emulator.cols }, (_, column): Cell => {
        const cell = line?.getCell(column);
        const text = cell?.getChars() ?? '';
        return {
          text: text === '' ? ' ' : text,
          color: cell?.isFgPalette() === true ? cell.getFgColor() : null,
          bold: cell?.isBold() !== 0,
          dim: cell?.isDim() !== 0,
          inverse: cell?.isInverse() !== 0,
        };
      });
    });
  }

  onAlternateScreen(): boolean {
    return this.#emulator.buffer.active.type === 'alternate';
  }

  /** Private modes that were switched on and not off again: a shell that finds one of them is broken. */
  modesLeftOn(): string[] {
    const on = new Set<string>();
    // Those that a terminal starts with on: the cursor, and wrapping.
    const normal = new Set(['25', '7']);
    for (const [, modes = '', set] of this.output.matchAll(/\x1b\[\?([\d;]+)([hl])/g))
      for (const mode of modes.split(';')) {
        if ((set === 'h') === normal.has(mode)) on.delete(mode);
        else on.add(mode);
      }
    return [...on];
  }

  /** Lines that were pushed into the scrollback of the shell's screen. */
  scrollback(): number {
    return this.#emulator.buffer.normal.baseY;
  }

  type(keys: string): void {
    this.#child.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.#emulator.resize(columns, rows);
    this.#child.resize(columns, rows);
  }

  kill(signal: string): void {
    this.#child.kill(signal);
  }

  /** The screen as soon as it satisfies `wanted` (text on it, or any condition). */
  async until(wanted: string | RegExp | ((screen: string) => boolean), patience = PATIENCE): Promise<string> {
    const holds =
      typeof wanted === 'function'
        ? wanted
        : (screen: string): boolean => (typeof wanted === 'string' ? screen.includes(wanted) : wanted.test(screen));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(check);
        reject(new Error(`not seen: ${String(wanted)}\n${this.text()}`));
      }, patience);
      const check = (): void => {
        const screen = this.text();
        if (this.#inUpdate() || !holds(screen)) return;
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve(screen);
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** The exit status, once everything written has been drawn. */
  async exit(): Promise<number> {
    const status = await this.#exit;
    await new Promise<void>((resolve) => this.#emulator.write('', resolve));
    return status;
  }

  /** Half of a synchronized update (DEC mode 2026) is no screen that a person would see. */
  #inUpdate(): boolean {
    return this.output.lastIndexOf('\x1b[?2026h', this.#drawn - 1) > this.output.lastIndexOf('\x1b[?2026l', this.#drawn - 1);
  }

  #look(): void {
    for (const check of this.#waiting) check();
  }
}
