/**
 * One stage of the way of a packet by itself, in a process of its own: `read` (records of the file), `decode` (and their headers), `track` (and
 * connections), or `pcap-parser`, the package that any Node user has, which only counts. Prints what the first pass took, and the second, when code is warm.
 */
import pcapParser from 'pcap-parser';
import { type CaptureSink, readCaptures } from '../../src/capture/index.ts';
import { Decoder } from '../../src/decode/index.ts';
import { Packet } from '../../src/decode/packet.ts';
import { Analyzer } from '../../src/engine/analyzer.ts';

export const STAGES = ['read', 'decode', 'track', 'pcap-parser'] as const;
export type Stage = (typeof STAGES)[number];

export interface StageTime {
  readonly packets: number;
  readonly firstMs: number;
  readonly warmMs: number;
}

const PASSES: Readonly<Record<Stage, (file: string) => Promise<number>>> = {
  read: async (file) => {
    let packets = 0;
    await readCaptures([file], { record: () => ++packets > 0 });
    return packets;
  },
  decode: async (file) => {
    const decoder = new Decoder(() => 0);
    const packet = new Packet();
    let packets = 0;
    const record: CaptureSink['record'] = (r) => {
      decoder.decode(packet, r.linkType, r.view, r.at, r.capLen, r.origLen);
      return ++packets > 0;
    };
    await readCaptures([file], { record });
    return packets;
  },
  track: async (file) => {
    const analyzer = new Analyzer({});
    await readCaptures([file], { record: (record, i) => analyzer.record(record, i) });
    return analyzer.packets;
  },
  'pcap-parser': (file) =>
    new Promise((resolve, reject) => {
      let packets = 0;
      pcapParser
        .parse(file)
        .on('packet', () => packets++)
        .on('error', reject)
        .on('end', () => resolve(packets));
    }),
};

async function timed(pass: () => Promise<number>): Promise<{ packets: number; ms: number }> {
  const started = performance.now();
  const packets = await pass();
  return { packets, ms: performance.now() - started };
}

const [stage, file] = process.argv.slice(2);
if (file !== undefined) {
  const pass = PASSES[stage as Stage];
  const first = await timed(() => pass(file));
  const warm = await timed(() => pass(file));
  console.log(JSON.stringify({ packets: first.packets, firstMs: first.ms, warmMs: warm.ms } satisfies StageTime));
}
