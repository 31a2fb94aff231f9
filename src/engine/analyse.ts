/** One capture, read to its end in this thread. What the commands and the library call. */
import { readCaptures } from '../capture/index.ts';
import type { AnalysisOptions, Analysis } from './analysis.ts';
import { Analyzer } from './analyzer.ts';
import type { Progress } from './protocol.ts';

export interface AnalyseHooks {
  progress?: (p: Progress) => void;
  signal?: AbortSignal | undefined;
}

/** @throws UnreadableError, UnknownFormatError, UsageError */
export async function analyse(paths: readonly string[], options: AnalysisOptions = {}, hooks: AnalyseHooks = {}): Promise<Analysis> {
  const analyzer = new Analyzer(options);
  const files = await readCaptures(
    paths,
    {
      record: (record, file) => analyzer.record(record, file),
      chunk: (bytesRead, bytesTotal) => {
        const { packets, connections, captureSeconds } = analyzer;
        hooks.progress?.({ phase: 'reading', bytesRead, bytesTotal, packets, connections, captureSeconds });
      },
    },
    { signal: hooks.signal },
  );
  const report = analyzer.finish(files);
  return {
    clock: analyzer.clock,
    report,
    connections: () => analyzer.rows(),
    sockets: (at) => analyzer.sockets(at),
    stateCounts: (every, host) => analyzer.stateCounts(every, host),
  };
}
