/** A mutant beside the fixture that it was made of: what `correlate` and `compare` say of the two. Returns what is wrong with it. */
import { DETECTORS } from '../../src/detect/index.ts';
import { analyse } from '../../src/engine/analyse.ts';
import type { Comparison } from '../../src/model/comparison.ts';
import type { Correlation } from '../../src/model/correlation.ts';
import { comparisonFormats, correlationFormats } from '../../src/report/index.ts';
import { tcpdiag } from '../support/fake-world.ts';
import { pick, type Random } from '../support/random.ts';
import { complaintsAbout } from './outputs.ts';

const COMMANDS = [
  ['correlate', Object.keys(correlationFormats.byName)],
  ['compare', Object.keys(comparisonFormats.byName)],
] as const;

/** One of the commands in one of its formats, the two in either order. */
export async function twoCaptures(file: string, fixture: string, random: Random): Promise<string[]> {
  const [command, formats] = pick(random, COMMANDS);
  const format = pick(random, formats);
  const files = random(2) === 0 ? [file, fixture] : [fixture, file];
  const packets: number[] = [];
  const world = {
    analyse: async (...asked: Parameters<typeof analyse>) => {
      const analysis = await analyse(...asked);
      packets.push(analysis.report.capture.packets);
      return analysis;
    },
    rules: () => Promise.resolve(DETECTORS),
    stdoutTty: random(2) === 0,
    columns: 20 + random(150),
  };
  const { out, err, exitCode } = await tcpdiag([command, ...files, '-f', format], world);
  const wrong = [...complaintsAbout(format, out), ...complaintsAbout('stderr', err)];
  if (exitCode !== 0) wrong.push(`exit status ${String(exitCode)}: ${err}`);
  else if (format === 'json') wrong.push(...(command === 'compare' ? comparisonComplaints(out) : correlationComplaints(out, packets)));
  return wrong.map((what) => `${command} ${files.join(' ')}: ${what}`);
}

function comparisonComplaints(out: string): string[] {
  const { findings, findingsLeftOut, services } = JSON.parse(out) as Comparison;
  const wrong = findings.filter((f) => f.before === null && f.after === null).map((f) => `${f.id} is in neither capture`);
  if (new Set(findings.map((f) => f.id)).size !== findings.length) wrong.push('a finding stands there twice');
  if (findings.length > 1_000 || services.length > 20 || findingsLeftOut < 0) wrong.push('a list keeps more than its bound');
  return wrong;
}

function correlationComplaints(out: string, [client = 0, server = 0]: readonly number[]): string[] {
  const { connections, pairs, incidents } = JSON.parse(out) as Correlation;
  const { matched, byTuple, byNumbers, byContent } = connections;
  const wrong: string[] = [];
  if (matched !== byTuple + byNumbers + byContent) wrong.push(`${String(matched)} connections are matched in another number of ways`);
  if (pairs.length > Math.min(matched, 1_000)) wrong.push(`${String(pairs.length)} pairs of ${String(matched)}`);
  const lost = incidents
    .flatMap(({ evidence }) => evidence)
    .find(({ capture, frame }) => !(frame >= 1 && frame <= (capture === 'client' ? client : server)));
  if (lost !== undefined) wrong.push(`frame ${String(lost.frame)} of the ${lost.capture} is not there`);
  return wrong;
}
