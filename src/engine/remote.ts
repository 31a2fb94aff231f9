/**
 * A session in a worker thread: the screen stays responsive while the capture is analysed.
 */
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { TcpdiagError } from '../model/errors.ts';
import type { AnalysisOptions } from './analysis.ts';
import type { Session } from './protocol.ts';
import { PortSession } from './serve.ts';
import type { WorkerTask } from './worker.ts';

/** Beside the bundle that this code is in, or one folder up when it became a shared chunk. */
const bundledWorker = (): URL => {
  const beside = new URL('./worker.js', import.meta.url);
  return existsSync(beside) ? beside : new URL('../worker.js', import.meta.url);
};

/** @param program the built `worker.ts` */
export function remoteSession(paths: readonly string[], options: AnalysisOptions, program: URL = bundledWorker()): Session {
  const task: WorkerTask = { paths, options };
  const worker = new Worker(program, { workerData: task, stdin: false });
  const session = new PortSession(worker, () => worker.terminate());
  worker.once('error', (error) => session.lost(error));
  worker.once('exit', () => session.lost(new TcpdiagError('the analysis ended unexpectedly')));
  return session;
}
