/** Stands in for `src/engine/analyse.ts` where the program itself is under test, as a process of its own. */
import type { AnalyseHooks } from '../../src/commands/world.ts';
import type { Analysis, AnalysisOptions } from '../../src/engine/analysis.ts';
import type { ConnectionRow } from '../../src/model/report.ts';
import { connectionRow, fakeAnalysis } from './fake-analysis.ts';

/** `endless.pcap` is read until a signal comes; `big.pcap` has as many connections as no pipe buffers, `unending.pcap` never runs out. */
export async function analyse(paths: readonly string[], _options: AnalysisOptions, hooks: AnalyseHooks = {}): Promise<Analysis> {
  const [path = ''] = paths;
  if (path.endsWith('endless.pcap')) {
    process.stderr.write('reading\n');
    await new Promise<void>((resolve, reject) => {
      const alive = setInterval(() => undefined, 1_000);
      hooks.enough?.addEventListener('abort', () => {
        clearInterval(alive);
        resolve();
      });
      hooks.signal?.addEventListener('abort', () => {
        clearInterval(alive);
        reject(new Error('aborted'));
      });
    });
  }
  if (path.endsWith('unending.pcap')) return fakeAnalysis(undefined, unending);
  return path.endsWith('big.pcap') ? fakeAnalysis(undefined, rows) : fakeAnalysis();
}

function* rows(): Generator<ConnectionRow> {
  for (let id = 0; id < 20_000; id++) yield connectionRow(id);
}

function* unending(): Generator<ConnectionRow> {
  process.stderr.write('reading\n');
  for (let id = 0; ; id++) yield connectionRow(id);
}
