/** `check`: is this capture fit to be believed? The files, what reading them showed, and the rules about the capture itself. */
import type { Command } from 'commander';
import type { CrossReadResult } from '../capture/cross-read.ts';
import { isPartial } from '../engine/partial-name.ts';
import { UsageError } from '../model/errors.ts';
import type { ConnectionRow } from '../model/report.ts';
import { checkFormats, type CaptureCheck } from '../report/index.ts';
import { countText, plural } from '../report/narrate.ts';
import { runAnalysis } from './analysis-run.ts';
import { withChecksums } from './checksum.ts';
import { STDIN } from './inputs.ts';
import { analysisOptions, chosenFormat, documentPage, filterOptions, resultOptions, type Flags } from './options.ts';
import { writeResult } from './output.ts';
import { rulesOf } from './settings.ts';
import type { World } from './world.ts';

export function declareCheck(command: Command): Command {
  command
    .description('is this capture fit to be believed: damage, gaps, one direction only, filters, copies, cut headers, checksums, the clock')
    .argument('[capture...]', 'pcap, pcapng, snoop or ERF files, read as one capture; - is standard input');
  return filterOptions(analysisOptions(resultOptions(command, checkFormats)))
    .option('--checksum', 'add the SHA-256 of each file')
    .option('--cross-read', 'read each file again with an independent reader and compare');
}

export async function check(world: World, words: readonly string[], flags: Flags): Promise<number> {
  const format = chosenFormat(flags, checkFormats, 'check');
  if (flags.crossRead === true && (await Promise.all(words.map(isPartial))).includes(true))
    throw new UsageError('--cross-read compares two readers of a capture, and a partial result is none; give it the capture.');
  const { analysis, paths, exitCode } = await runAnalysis(world, words, flags, { warn: false, checksum: flags.checksum === true });
  if (flags.crossRead === true && paths.includes(STDIN)) {
    throw new UsageError('--cross-read reads the capture a second time, which standard input does not allow; give it as a file.');
  }
  const report = flags.checksum === true ? await withChecksums(analysis.report, paths) : analysis.report;
  const about = new Set((await rulesOf(world, flags)).filter((r) => r.category === 'capture').map((r) => r.id));
  const crossReadings: CaptureCheck['crossReadings'][number][] = [];
  if (flags.crossRead === true) for (const path of paths) crossReadings.push({ path, ...inWords(await world.crossRead(path)) });
  const result: CaptureCheck = {
    schemaVersion: report.schemaVersion,
    tool: report.tool,
    capture: report.capture,
    findings: report.findings.filter((f) => about.has(f.rule)),
    rules: report.rules.filter((r) => about.has(r.id)),
    stacks: stacksOf(analysis.connections()),
    crossReadings,
  };
  await writeResult(world, format(result, documentPage(world, flags)), flags.output, paths);
  return exitCode(result.findings);
}

/** Connections looked at for the kernels of their ends: a flood must not make `check` slow. */
const MAX_CONNECTIONS = 100_000;

/** A host counts once for each kernel it shows: behind one address may be several (NAT). */
function stacksOf(rows: Iterable<ConnectionRow>): CaptureCheck['stacks'] {
  const hosts = new Map<string, Set<string>>();
  let looked = 0;
  for (const { client, server } of rows) {
    if (++looked > MAX_CONNECTIONS) break;
    for (const { ip, profile, profileFrom } of [client, server]) {
      if (profile === undefined || profileFrom === 'option') continue;
      hosts.set(profile, (hosts.get(profile) ?? new Set()).add(ip));
    }
  }
  return [...hosts].map(([profile, ips]) => ({ profile, hosts: ips.size })).sort((a, b) => b.hosts - a.hosts);
}

function inWords(result: CrossReadResult): { readonly verdict: CrossReadResult['verdict']; readonly text: string } {
  switch (result.verdict) {
    case 'agrees':
      return {
        verdict: result.verdict,
        text: `${result.whole ? '' : 'of its beginning (64 MiB), '}${plural(result.packets, 'packet')}, octet for octet the same`,
      };
    case 'differs':
      return { verdict: result.verdict, text: `packet ${countText(result.packet)}: ${result.what}` };
    case 'not-comparable':
      return { verdict: result.verdict, text: result.because };
  }
}
