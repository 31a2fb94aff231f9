/** Exceptions are for "cannot go on", one class per thing the user can do about it. An odd packet is never an exception. */

export class TcpdiagError extends Error {
  /** Exit status: 2 could not analyse. */
  readonly exitCode: number = 2;
  /** What the user can do, as one sentence; printed after the message. */
  readonly hint: string | undefined;

  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.hint = options.hint;
  }
}

/** The file is not there, is a directory, or may not be read. */
export class UnreadableError extends TcpdiagError {}
/** The bytes are not a capture, or a kind of capture that we do not read. */
export class UnknownFormatError extends TcpdiagError {}
/** The command line asks for something that does not exist. */
export class UsageError extends TcpdiagError {}
/** The result could not be written. */
export class OutputError extends TcpdiagError {}
