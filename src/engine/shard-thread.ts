/** The other side of `company.ts`: reads the capture and tracks one shard of its connections. No rules, no findings. */
import type { MessagePort } from 'node:worker_threads';
import { readCaptures } from '../capture/index.ts';
import type { ShardRecords } from '../track/unite.ts';
import type { AnalysisOptions } from './analysis.ts';
import { Analyzer } from './analyzer.ts';

export interface ShardTask {
  /** Regular files. */
  readonly shardOf: readonly string[];
  readonly options: AnalysisOptions;
}

/** Stop at the next chunk and say where; and: go on until there are so many packets. */
export type ShardRequest = { readonly halt: true } | { readonly until: number };
export type ShardReply = { readonly at: number } | { readonly frames: number; readonly records: ShardRecords | null };

/** Errors end the thread: whoever started it reads alone, and says what is wrong. */
export async function trackShard(port: MessagePort, { shardOf, options }: ShardTask): Promise<void> {
  const analyzer = new Analyzer(options, []);
  const say = (reply: ShardReply): void => port.postMessage(reply);
  let halted = false;
  let until = Infinity;
  let goOn: () => void = () => undefined;
  port.on('message', (request: ShardRequest) => {
    if ('halt' in request) halted = true;
    else {
      until = request.until;
      goOn();
    }
  });
  const agreed = new Promise<void>((resolve) => (goOn = resolve));
  const files = await readCaptures(shardOf, {
    record: (record, file) => analyzer.packets < until && analyzer.record(record, file),
    chunk() {
      if (!halted || until < Infinity) return undefined;
      say({ at: analyzer.packets });
      return agreed;
    },
  });
  if (halted) analyzer.interrupt();
  const records = analyzer.conclude(files);
  say({ frames: analyzer.packets, records });
  port.close();
}
