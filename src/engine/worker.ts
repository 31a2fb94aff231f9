/**
 * The worker thread's own program: one session, served over the port to the thread that started it. It opens the capture (or standard
 * input) itself, so that no packet crosses threads.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { AnalysisOptions } from './analysis.ts';
import { serve } from './serve.ts';
import { localSession } from './session.ts';

/** What `remoteSession` passes to the thread. */
export interface WorkerTask {
  readonly paths: readonly string[];
  readonly options: AnalysisOptions;
}

const port = parentPort;
if (port) {
  const { paths, options } = workerData as WorkerTask;
  serve(port, localSession(paths, options), () => port.close());
}
