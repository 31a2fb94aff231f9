#!/usr/bin/env node
/**
 * The program: makes the real world for `run` and sets the exit status. Everything heavy is imported by the command that needs
 * it, so that `--version` and a usage error cost no more than commander.
 */
import { fstatSync, writeSync } from 'node:fs';
import { constants, totalmem } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { setFlagsFromString } from 'node:v8';
import { run } from './commands/index.ts';
import { EXIT_INTERNAL, EXIT_SIGNAL_BASE, failureOf } from './commands/failure.ts';
import type { OutStream, World } from './commands/world.ts';
import { TOOL_VERSION } from './model/version.ts';

const STDIN_FD = 0;
const STDOUT_FD = 1;
const STDERR_FD = 2;
/** How long an interrupted command may take to remove its temporary file and leave the terminal tidy. */
const GRACE_MS = 500;

/**
 * Garbage costs memory until it is collected: the young generation stays as small as it begins, and the old one is collected when it has grown by a
 * fifth. What is large lies outside V8's heap, so that collections are short, and over before a thread that is to help is awake (docs/performance.md).
 */
const SMALL_HEAP = ['--semi-space-growth-factor=1', '--heap-growing-percent=20', '--no-parallel-scavenge'];
/**
 * How long code runs before V8 optimises it, four times as long as by default: most of what it would optimise has had its day before that is done,
 * and its threads take the processor from ours meanwhile. Later versions compile in smaller steps.
 */
const PATIENCE = { '11.3': '--interrupt-budget=270336', '12.4': '--invocation-count-for-turbofan=12000' };
/** By V8's version: one that does not know a flag complains of it to the user. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  '11.3': [...SMALL_HEAP, PATIENCE['11.3']],
  '12.4': [...SMALL_HEAP, PATIENCE['12.4']],
  '13.6': SMALL_HEAP,
};
for (const flag of FLAGS[/^\d+\.\d+/.exec(process.versions.v8)?.[0] ?? ''] ?? []) setFlagsFromString(flag);

const interrupt = new AbortController();
type SignalName = 'SIGINT' | 'SIGTERM' | 'SIGHUP';
const onSignal = (name: SignalName): void => {
  const signal = constants.signals[name];
  interrupt.abort(signal);
  setTimeout(() => {
    // exit() waits for what the threads of the pool are at: for ever, when that is opening a FIFO at whose other end nobody is.
    process.once('exit', () => {
      process.removeAllListeners(name);
      process.kill(process.pid, name);
    });
    process.exit(EXIT_SIGNAL_BASE + signal);
  }, GRACE_MS).unref();
};
for (const name of ['SIGTERM', 'SIGHUP'] as const) process.on(name, () => onSignal(name));

/** What the next Ctrl-C calls instead of ending the program. */
let enough: (() => void) | null = null;
process.on('SIGINT', () => {
  const stop = enough ?? (() => onSignal('SIGINT'));
  enough = null;
  stop();
});
const onFirstInterrupt = (stop: () => void): (() => void) => {
  enough = stop;
  return () => (enough = null);
};

/** What slips through every net is still one sentence and not a stack. */
const lastResort = (error: unknown): void => {
  const { lines } = failureOf(error, { version: TOOL_VERSION, verbose: process.argv.includes('-v') });
  process.stderr.write(`${lines.join('\n')}\n`);
  process.exit(EXIT_INTERNAL);
};
process.on('uncaughtException', lastResort);

function systemStream(fd: number, stream: NodeJS.WriteStream): OutStream {
  // Without a listener the same error that the callback gets would also end the process.
  stream.on('error', () => undefined);
  return {
    write: (text) =>
      new Promise((resolve, reject) => {
        stream.write(text, (error) => (error ? reject(error) : resolve()));
      }),
    isTTY: isatty(fd),
    get columns() {
      return isatty(fd) ? stream.columns : undefined;
    },
  };
}

/**
 * Standard output that is a file: written here, because process.stdout takes a short write (a disk that fills up in the middle
 * of a piece) for a complete one. It settles a turn of the event loop later, where signals are noticed: Ctrl-C must end a
 * million rows.
 */
function fileStream(fd: number): OutStream {
  return {
    write: async (text) => {
      const bytes = typeof text === 'string' ? Buffer.from(text) : text;
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
      await setImmediate();
    },
    isTTY: false,
    columns: undefined,
  };
}

function standardOutput(): OutStream {
  if (isatty(STDOUT_FD)) return systemStream(STDOUT_FD, process.stdout);
  const facts = fstatSync(STDOUT_FD);
  return facts.isFile() || facts.isCharacterDevice() ? fileStream(STDOUT_FD) : systemStream(STDOUT_FD, process.stdout);
}

const world: World = {
  stdout: standardOutput(),
  stderr: systemStream(STDERR_FD, process.stderr),
  // Not process.stdin: to ask it would open it, and the capture's reader wants the descriptor for itself.
  stdin: { isTTY: isatty(STDIN_FD) },
  env: process.env,
  folder: process.cwd(),
  version: TOOL_VERSION,
  now: () => performance.now(),
  memory: () => Math.min(totalmem(), process.constrainedMemory() || Infinity),
  peakMemory: () => process.resourceUsage().maxRSS * 1024,
  interrupted: interrupt.signal,
  onFirstInterrupt,
  analyse: async (...args) => (await import('./engine/analyse.ts')).analyse(...args),
  session: async (paths, options, stop) =>
    (await import('./engine/session.ts')).localSession(paths, options, stop === undefined ? {} : { enough: stop }),
  rules: async (own) => (await import('./engine/own-rules.ts')).withOwnRules(own),
  crossRead: async (path) => (await import('./commands/cross-reading.ts')).crossReadApart(path, { signal: interrupt.signal }),
  openTui: async (...args) => (await import('./commands/open-tui.ts')).openTui(...args),
};

process.exitCode = await run(process.argv.slice(2), world);
