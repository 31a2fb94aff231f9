/**
 * The terminal: takes it over, feeds keys and sizes to the store, and gives it back on every way out.
 *
 * Ink and React are loaded here and not imported, for start-up time and because Ink opens `process.stdin` when it loads: on a
 * pipe that makes the descriptor non-blocking under the thread that reads the capture from it.
 */
import { existsSync, openSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { isatty, ReadStream } from 'node:tty';
import type { Session } from '../engine/protocol.ts';
import { clipboardSequence } from './clipboard.ts';
import { FramePacer } from './frame-pacer.ts';
import type { KeyRow } from './keymap.ts';
import { KeyDecoder } from './keys.ts';
import type { Settings } from './navigation.ts';
import { ENTER_SCREEN, LEAVE_SCREEN, MOUSE_OFF, MOUSE_ON, Painter } from './painter.ts';
import type { Size } from './present/layout.ts';
import { Store } from './store.ts';

export interface RunOptions {
  /** What is being looked at; stands in the first row. */
  readonly title: string;
  /** `tty`: the capture comes on stdin, so keys come from the controlling terminal. */
  readonly keys: 'stdin' | 'tty';
  readonly settings: Settings;
  readonly keymap?: readonly KeyRow[];
  /** Of the captures, as the user named them. */
  readonly paths: readonly string[];
}

const LEAVING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** How long after ESC the rest of a sequence may come: slow links split them; people do not notice this delay. Milliseconds. */
const ESCAPE_MILLISECONDS = 50;
const SEQUENCE_MILLISECONDS = 500;

/** Is there a terminal to draw on, and one to take keys from? Otherwise the text report is the answer. */
export function canRunTui(keys: RunOptions['keys']): boolean {
  const { TERM } = process.env;
  if (!process.stdout.isTTY || TERM === 'dumb') return false;
  if (keys === 'stdin' && isatty(0)) return true;
  try {
    openTerminal().destroy();
    return true;
  } catch {
    return false;
  }
}

const areFromStdin = (keys: RunOptions['keys']): boolean => keys === 'stdin' && isatty(0);

/** React, Ink and the screens: 150 ms of work that a caller can begin while another thread reads the capture. */
export function loadScreens(keys: RunOptions['keys']): Promise<typeof import('./app.tsx')> {
  if (!areFromStdin(keys)) hideStdin();
  // With it Ink looks for developer tools and for our package.json (build/reconciler.js of 6.8.0); many shells of developers have it.
  Reflect.deleteProperty(process.env, 'DEV');
  return import('./app.tsx');
}

const openTerminal = (): ReadStream => new ReadStream(openSync('/dev/tty', 'r'));

/**
 * Runs until the user leaves; resolves with the exit status (128 + n on signal n). Rejects with what broke in a screen. Either
 * way the terminal has been given back. The session stays open: closing it is the caller's.
 */
export async function runTui(session: Session, options: RunOptions): Promise<number> {
  const keysFromStdin = areFromStdin(options.keys);
  const input = keysFromStdin ? process.stdin : openTerminal();
  const { mount } = await loadScreens(options.keys);

  const { stdout } = process;
  const size = (): Size => ({ columns: Math.max(1, stdout.columns || 80), rows: Math.max(1, stdout.rows || 24) });
  const painter = new Painter((text) => stdout.write(text), size);
  const pacer = new FramePacer(
    () => performance.now(),
    (run, milliseconds) => void setTimeout(run, milliseconds),
  );

  let owned = false;
  let { mouse } = options.settings;
  const enter = (): void => {
    if (owned) return;
    owned = true;
    // Node believes that raw mode is still on after the shell has changed it (libuv keeps the mode), so it goes off first.
    input.setRawMode(false);
    input.setRawMode(true);
    stdout.write(mouse ? ENTER_SCREEN + MOUSE_ON : ENTER_SCREEN);
    painter.resume();
  };
  const leave = (): void => {
    if (!owned) return;
    owned = false;
    painter.pause();
    try {
      input.setRawMode(false);
      stdout.write(LEAVE_SCREEN);
    } catch {
      // The terminal itself is gone (SIGHUP): nothing to restore.
    }
  };

  return new Promise<number>((resolve, reject) => {
    let ending = false;
    const release = (): boolean => {
      leave();
      if (ending) return false;
      ending = true;
      for (const undo of cleanup) undo();
      return true;
    };
    const end = (status: number): void => {
      if (release()) resolve(status);
    };

    const suspend = (target: number): void => {
      leave();
      process.off('SIGTSTP', onStop);
      // With the default action in place this stops us here, and the pipeline around us when the target is the group (0).
      process.kill(target, 'SIGTSTP');
      // Reached at once where nobody could continue us (an orphaned process group ignores the signal), else after `fg`.
      setImmediate(onContinue);
    };
    const onStop = (): void => suspend(process.pid);
    const onContinue = (): void => {
      if (ending) return;
      process.off('SIGTSTP', onStop);
      process.on('SIGTSTP', onStop);
      owned = false;
      enter();
      store.resize(size());
      painter.repaint();
    };

    const store = new Store(session, {
      size: size(),
      settings: options.settings,
      ...(options.keymap === undefined ? {} : { keymap: options.keymap }),
      paths: options.paths,
      effects: {
        quit: () => end(0),
        suspend: () => suspend(0),
        redraw: () => painter.repaint(),
        copy: (text) => {
          const sequence = clipboardSequence(text, process.env);
          if (sequence !== null) stdout.write(sequence);
          return sequence !== null;
        },
        exists: existsSync,
        writeFile: (path, text) => {
          try {
            writeFileSync(path, text);
            return null;
          } catch (error) {
            return error instanceof Error ? error.message : String(error);
          }
        },
        mouse: (on) => {
          mouse = on;
          stdout.write(on ? MOUSE_ON : MOUSE_OFF);
        },
      },
      schedule: pacer.schedule,
    });

    const decoder = new KeyDecoder();
    const utf8 = new StringDecoder('utf8');
    let flushTimer: NodeJS.Timeout | undefined;
    const onData = (chunk: Buffer): void => {
      clearTimeout(flushTimer);
      for (const key of decoder.push(utf8.write(chunk))) store.press(key);
      if (decoder.pending === 'none' || ending) return;
      flushTimer = setTimeout(
        () => {
          for (const key of decoder.flush()) store.press(key);
        },
        decoder.pending === 'escape' ? ESCAPE_MILLISECONDS : SEQUENCE_MILLISECONDS,
      );
    };
    const onResize = (): void => {
      painter.forget();
      store.resize(size());
    };
    // A terminal that went away answers writes and reads with EIO; SIGHUP is the news of it, or this is.
    const onGone = (): void => end(128 + constants.signals.SIGHUP);

    const cleanup: (() => void)[] = [() => clearTimeout(flushTimer), () => store.close()];
    const listen = (event: string, handler: (value: unknown) => void): void => {
      const emitter: NodeJS.EventEmitter = process;
      // First in line: the terminal is restored before anybody else prints or exits.
      emitter.prependListener(event, handler);
      cleanup.push(() => emitter.off(event, handler));
    };
    for (const signal of LEAVING_SIGNALS) listen(signal, () => end(128 + constants.signals[signal]));
    // Only restores: who words the sentence and sets the exit status (70) is the command line's own handler, after this one.
    listen('uncaughtExceptionMonitor', leave);
    listen('exit', leave);
    listen('SIGTSTP', onStop);
    listen('SIGCONT', onContinue);
    stdout.on('resize', onResize);
    stdout.on('error', onGone);
    input.on('data', onData);
    input.on('error', onGone);
    input.on('end', onGone);
    cleanup.push(() => {
      stdout.off('resize', onResize);
      input.off('data', onData);
      input.off('end', onGone);
      input.pause();
      if (!keysFromStdin) input.destroy();
      // The error listeners stay: a write under way may still fail.
    });

    enter();
    const mounted = mount(store, { title: options.title, size, frame: (text) => painter.frame(text) });
    cleanup.push(() => mounted.unmount());
    mounted.ended.catch((error: unknown) => {
      if (release()) reject(error instanceof Error ? error : new Error(String(error)));
    });
  });
}

/** Ink asks for `process.stdin` when it loads; it gets a stream that is over, and the pipe is left to the capture's reader. */
function hideStdin(): void {
  Object.defineProperty(process, 'stdin', { value: Readable.from([]), configurable: true });
}
