/**
 * Both ends of a session over a port: `serve` answers for a session, `PortSession` is the session that asks. The port may be a
 * worker's or one half of a MessageChannel; nothing here knows threads.
 */
import { TcpdiagError } from '../model/errors.ts';
import type { Report } from '../model/report.ts';
import type { QuestionName, Questions, Session, Snapshot } from './protocol.ts';
import { firstSnapshot } from './snapshots.ts';
import { type Message, type Port, type Request, fromWire, toWire } from './wire.ts';

/** Answers every request on `port` with `session`, and pushes its snapshots. Calls `closed` once the client has closed the session. */
export function serve(port: Port, session: Session, closed: () => void = () => undefined): void {
  const send = (message: Message): void => port.postMessage(message);
  let last = session.snapshot();
  const push = (): void => {
    const next = session.snapshot();
    if (next === last) return;
    const onlyProgress =
      next.findings === last.findings && next.capture === last.capture && next.series === last.series && next.error === last.error;
    last = next;
    send(onlyProgress ? { type: 'progress', revision: next.revision, progress: next.progress } : { type: 'snapshot', snapshot: next });
  };
  const unsubscribe = session.subscribe(push);
  const close = async (id: number): Promise<void> => {
    unsubscribe();
    await session.close();
    send({ type: 'answer', id, answer: null });
    closed();
  };

  port.on('message', (message) => {
    const request = message as Request; // only PortSession writes to the other end
    const { id } = request;
    const answer =
      request.type === 'close'
        ? close(id)
        : session.ask(request.question, request.ask).then((answer) => send({ type: 'answer', id, answer }));
    answer.catch((error: unknown) => send({ type: 'refusal', id, error: toWire(error) }));
  });
  send({ type: 'snapshot', snapshot: last });
  session.done.then(
    (report) => send({ type: 'done', report }),
    (error: unknown) => send({ type: 'failed', error: toWire(error) }),
  );
}

/** A session whose work is done by `serve` on the other end of the port. */
export class PortSession implements Session {
  readonly done: Promise<Report>;
  readonly #port: Port;
  readonly #end: () => Promise<unknown>;
  readonly #listeners = new Set<() => void>();
  readonly #waiting = new Map<number, { resolve: (answer: never) => void; reject: (error: Error) => void }>();
  #snapshot: Snapshot = firstSnapshot();
  #nextId = 0;
  #gone: Error | null = null;
  #closing: Promise<void> | null = null;
  #resolveDone!: (report: Report) => void;
  #rejectDone!: (error: Error) => void;

  /** @param end frees what is behind the port, after the session there has been closed. */
  constructor(port: Port, end: () => Promise<unknown> = () => Promise.resolve()) {
    this.#port = port;
    this.#end = end;
    this.done = new Promise((resolve, reject) => {
      this.#resolveDone = resolve;
      this.#rejectDone = reject;
    });
    this.done.catch(() => undefined); // whoever awaits it gets the error; nobody has to
    port.on('message', (message) => this.#receive(message as Message));
  }

  snapshot(): Snapshot {
    return this.#snapshot;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  ask<Q extends QuestionName>(question: Q, ask: Questions[Q]['ask']): Promise<Questions[Q]['answer']> {
    return this.#request((id) => ({ type: 'ask', id, question, ask }));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#listeners.clear();
    await this.#request((id) => ({ type: 'close', id })).catch(() => undefined); // what is already gone is closed
    this.lost(new TcpdiagError('the session is closed'));
    await this.#end();
  }

  /** Nothing will come through the port any more: everything that waits fails with `error`. */
  lost(error: Error): void {
    if (this.#gone) return;
    // A worker that was told to close may be gone before its answer is here.
    const reason = this.#closing ? new TcpdiagError('the session is closed') : error;
    const { progress, revision } = this.#snapshot;
    if (progress.phase === 'reading') {
      this.#publish({ ...this.#snapshot, revision: revision + 1, progress: { ...progress, phase: 'failed' }, error: reason.message });
    }
    this.#gone = reason;
    this.#listeners.clear();
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
    this.#rejectDone(reason);
  }

  #request<A>(request: (id: number) => Request): Promise<A> {
    if (this.#gone) return Promise.reject(this.#gone);
    const id = this.#nextId++;
    return new Promise<A>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#port.postMessage(request(id));
    });
  }

  #receive(message: Message): void {
    switch (message.type) {
      case 'snapshot':
        this.#publish(message.snapshot);
        break;
      case 'progress':
        this.#publish({ ...this.#snapshot, revision: message.revision, progress: message.progress });
        break;
      case 'answer':
        this.#waiting.get(message.id)?.resolve(message.answer as never); // of the type that the question has
        this.#waiting.delete(message.id);
        break;
      case 'refusal':
        this.#waiting.get(message.id)?.reject(fromWire(message.error));
        this.#waiting.delete(message.id);
        break;
      case 'done':
        this.#resolveDone(message.report);
        break;
      case 'failed':
        this.#rejectDone(fromWire(message.error));
        break;
    }
  }

  #publish(snapshot: Snapshot): void {
    if (this.#gone) return;
    this.#snapshot = snapshot;
    for (const listener of [...this.#listeners]) listener();
  }
}
