/**
 * What the user is told, and with which exit status, when a command cannot go on. Three lines at most, all of them sentences;
 * a stack only with -v and only for faults of our own.
 */
import { CommanderError } from 'commander';
import { TcpdiagError, UsageError } from '../model/errors.ts';
import { sanitise } from '../model/sanitise.ts';

/** sysexits.h EX_SOFTWARE: the program itself is at fault. */
export const EXIT_INTERNAL = 70;
/** A shell reports a program that died of signal n as 128 + n. */
export const EXIT_SIGNAL_BASE = 128;

/** A signal ended the command. */
export class Interrupted extends Error {
  readonly signal: number;
  constructor(signal: number) {
    super(`interrupted by signal ${String(signal)}`);
    this.signal = signal;
  }
}

/** Nobody reads our standard output any more (`| head`): no fault of anybody. */
export class NobodyReads extends Error {}

export interface Failure {
  readonly exitCode: number;
  /** Sanitised lines for stderr; none when there is nothing to say. */
  readonly lines: readonly string[];
}

export function failureOf(error: unknown, facts: { readonly version: string; readonly verbose: boolean }): Failure {
  if (error instanceof NobodyReads) return { exitCode: 0, lines: [] };
  if (error instanceof Interrupted) return { exitCode: EXIT_SIGNAL_BASE + error.signal, lines: [] };
  if (error instanceof CommanderError) return failureOf(usageErrorOf(error), facts);
  if (error instanceof TcpdiagError) {
    const lines = [`tcpdiag: ${sanitise(error.message)}`];
    if (error.hint !== undefined) lines.push(...error.hint.split('\n').map((line) => sanitise(line)));
    return { exitCode: error.exitCode, lines };
  }
  return internalFault(error, facts);
}

function internalFault(error: unknown, { version, verbose }: { readonly version: string; readonly verbose: boolean }): Failure {
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const lines = [
    `tcpdiag: internal fault (${sanitise(what, 300)}).`,
    `This is a bug of tcpdiag ${sanitise(version)}: please report these lines, the command and, if you may share it, the capture${verbose ? '.' : '; -v shows where it happened.'}`,
  ];
  if (verbose && error instanceof Error)
    lines.push(
      ...(error.stack ?? '')
        .split('\n')
        .slice(1)
        .map((l) => sanitise(l)),
    );
  return { exitCode: EXIT_INTERNAL, lines };
}

/** commander says `error: unknown option '--x'\n(Did you mean --y?)`. */
function usageErrorOf(error: CommanderError): UsageError {
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const advice = rest.join(' ').replace(/^\(Did you mean (.*)\?\)$/, '; did you mean $1?');
  return new UsageError(first + advice, { hint: 'tcpdiag --help lists the commands and their options.' });
}
