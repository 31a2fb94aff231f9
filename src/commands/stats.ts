/** `--stats`: how fast it was, stage by stage, and where the memory went. On standard error, like all that is not the result. */
import type { Analysis, Stage } from '../engine/analysis.ts';
import { bytesText, countText, durationText, plural } from '../report/narrate.ts';
import { say } from './say.ts';
import type { World } from './world.ts';

const STAGE_TEXT: Readonly<Record<Stage, string>> = { reading: 'reading', rules: 'rules', 'reading-again': 'reading again' };

/** Notes when the stages of an analysis begin. */
export class StageTimes {
  readonly #now: () => number;
  readonly #stages: { readonly stage: Stage; readonly began: number }[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  begin(stage: Stage): void {
    this.#stages.push({ stage, began: this.#now() });
  }

  /** Seconds of each stage; the last one ends now. */
  list(): readonly { readonly stage: Stage; readonly seconds: number }[] {
    const end = this.#now();
    return this.#stages.map(({ stage, began }, i) => ({ stage, seconds: ((this.#stages[i + 1]?.began ?? end) - began) / 1_000 }));
  }
}

export async function sayStats(world: World, analysis: Analysis, times: StageTimes): Promise<void> {
  for (const line of statsLines(analysis, times.list(), world.peakMemory())) await say(world, `tcpdiag: stats: ${line}`);
}

function statsLines(analysis: Analysis, stages: ReturnType<StageTimes['list']>, peakMemory: number): readonly string[] {
  const { packets, connections, files } = analysis.report.capture;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const f = analysis.footprint();
  const stageText = stages.map(({ stage, seconds }) => {
    const speed =
      stage === 'reading' && seconds > 0 ? ` (${countText(Math.round(packets / seconds))} packets/s, ${bytesText(bytes / seconds)}/s)` : '';
    return `${STAGE_TEXT[stage]} ${durationText(seconds)}${speed}`;
  });
  const packed = f.packed === 0 ? '' : `, or ${countText(f.octetsOfPacked)} packed, as ${countText(f.packed)} of them are`;
  const logs = f.packedLogs === 0 ? '' : `, and ${countText(f.packedLogs)} packed logs of ${countText(f.octetsOfPackedLog)}`;
  return [
    `${plural(packets, 'packet')}, ${bytesText(bytes)}: ${stageText.join(', ')}`,
    `${plural(connections, 'connection')}: ${countText(f.lone)} of one SYN, ${countText(f.octetsOfLone)} octets each; ${countText(f.halfOpen)} of SYNs and SYN-ACKs, ${countText(f.octetsOfHalfOpen)} octets each; ${countText(f.others)} others, ${countText(f.octetsOfOthers)} octets each${packed}`,
    `${plural(f.events, 'entry', 'entries')} of the log, ${countText(f.octetsOfEvent)} octets each${logs}; table of tuples ${String(Math.round(f.tableLoad * 100))} % full; all records and tables ${bytesText(f.octets)}`,
    `peak memory of the process ${bytesText(peakMemory)}`,
  ];
}
