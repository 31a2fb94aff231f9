/**
 * Exceptions are for "cannot go on", one class per thing the user can do about it. An odd packet is never an exception.
 *
 * The names are written out: a bundler may rename classes, and `name` is what survives a thread, a log and two copies of the package.
 */

export class TcpdiagError extends Error {
  override readonly name: string = 'TcpdiagError';
  /** Exit status: 2 could not analyse. */
  readonly exitCode: number = 2;
  /** What the user can do, as one sentence; printed after the message. */
  readonly hint: string | undefined;

  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint;
  }
}

/** The file is not there, is a directory, or may not be read; or a stream broke. */
export class UnreadableError extends TcpdiagError {
  override readonly name = 'UnreadableError';
}

/** The bytes are not a capture, or a kind of capture that we do not read. */
export class UnknownFormatError extends TcpdiagError {
  override readonly name = 'UnknownFormatError';
}

/** What is asked for does not exist: a rule, a field, a connection, a time outside the capture. */
export class UsageError extends TcpdiagError {
  override readonly name = 'UsageError';
}

/** The result could not be written. */
export class OutputError extends TcpdiagError {
  override readonly name = 'OutputError';
}
