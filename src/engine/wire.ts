/**
 * What crosses the port between a session and its client: plain data that structured clone carries, and errors taken apart so that
 * the other side can put them together again (structured clone keeps neither class nor own fields of an Error).
 */
import { OutputError, TcpdiagError, UnknownFormatError, UnreadableError, UsageError } from '../model/errors.ts';
import type { Report } from '../model/report.ts';
import type { Progress, QuestionName, Questions, Snapshot } from './protocol.ts';

/** The part of a MessagePort (or Worker) that we use; node's types and a test's fake both fit. */
export interface Port {
  postMessage(message: unknown): void;
  on(event: string, listener: (message: unknown) => void): unknown;
}

/** Client to session. `id` comes back with the answer. */
export type Request =
  | { readonly type: 'ask'; readonly id: number; readonly question: QuestionName; readonly ask: Questions[QuestionName]['ask'] }
  | { readonly type: 'close'; readonly id: number };

/** Session to client. */
export type Message =
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot }
  /** Nothing but the progress changed: spares the clone of all findings, and keeps the client's objects the same. */
  | { readonly type: 'progress'; readonly revision: number; readonly progress: Progress }
  | { readonly type: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly type: 'refusal'; readonly id: number; readonly error: WireError }
  | { readonly type: 'done'; readonly report: Report }
  | { readonly type: 'failed'; readonly error: WireError };

export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly hint: string | undefined;
  /** Of a fault of the program, for the report of it; undefined for the errors that a user can act on. */
  readonly stack: string | undefined;
}

const CLASSES = { TcpdiagError, UnreadableError, UnknownFormatError, UsageError, OutputError };

export function toWire(error: unknown): WireError {
  if (error instanceof TcpdiagError) return { name: error.name, message: error.message, hint: error.hint, stack: undefined };
  if (error instanceof Error) return { name: error.name, message: error.message, hint: undefined, stack: error.stack };
  return { name: 'Error', message: String(error), hint: undefined, stack: undefined };
}

export function fromWire(wire: WireError): Error {
  const known = Object.entries(CLASSES).find(([name]) => name === wire.name)?.[1];
  if (known) return new known(wire.message, wire.hint === undefined ? {} : { hint: wire.hint });
  const error = new Error(wire.message);
  error.name = wire.name;
  if (wire.stack !== undefined) error.stack = wire.stack;
  return error;
}
