/**
 * A session in a worker thread: the screen stays responsive while the capture is analysed.
 */
import { Worker } from 'node:worker_threads';
import { programNamed } from '../capture/programs.ts';
import { TcpdiagError } from '../model/errors.ts';
import type { AnalysisOptions } from './analysis.ts';
import type { Session } from './protocol.ts';
import { PortSession } from './serve.ts';
import type { WorkerTask } from './worker.ts';

/** @param program the built `worker.ts` */
export function remoteSession(paths: readonly string[], options: AnalysisOptions, program = programNamed('worker')): Session {
  if (program === null) throw new TcpdiagError('the program that analyses beside the screen was not built');
  const task: WorkerTask = { paths, options };
  const worker = new Worker(program, { workerData: task, stdin: false });
  const session = new PortSession(worker, () => worker.terminate());
  worker.once('error', (error) => session.lost(error));
  worker.once('exit', () => session.lost(new TcpdiagError('the analysis ended unexpectedly')));
  return session;
}
