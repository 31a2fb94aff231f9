/**
 * Ctrl-C while a capture is read: reading ends, and what was read so far is the result, which says so. That is also how a capture from
 * a pipe comes to its end when somebody stops `tcpdump -w - | tcpdiag`: the terminal sends the signal to both. A second Ctrl-C ends
 * the program at once.
 */
import { constants } from 'node:os';
import { EXIT_SIGNAL_BASE, Interrupted, NobodyReads } from './failure.ts';
import type { World } from './world.ts';

export interface Partial<T> {
  readonly value: T;
  /** null: read to its end. */
  readonly status: number | null;
}

export async function untilInterrupted<T>(
  world: Pick<World, 'onFirstInterrupt'>,
  read: (enough: AbortSignal) => Promise<T>,
): Promise<Partial<T>> {
  const { SIGINT } = constants.signals;
  const enough = new AbortController();
  const release = world.onFirstInterrupt(() => enough.abort());
  try {
    const value = await read(enough.signal);
    return { value, status: enough.signal.aborted ? EXIT_SIGNAL_BASE + SIGINT : null };
  } catch (error) {
    // Stopped before it was clear what the input is: whatever the reader says of it, the signal is the reason.
    throw enough.signal.aborted && !(error instanceof NobodyReads) ? new Interrupted(SIGINT) : error;
  } finally {
    release();
  }
}
