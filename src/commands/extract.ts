/** `extract`: the packets of a finding, a connection or a filter as a capture of their own. docs/extract.md. */
import type { Command } from 'commander';
import { extname } from 'node:path';
import { CAPTURE_FORMATS, type CaptureFormat } from '../capture/write/index.ts';
import type { Analysis } from '../engine/analysis.ts';
import type { Extracted } from '../engine/extract.ts';
import { isStdout, NewFile, refuseStdout } from '../engine/new-file.ts';
import { findingOf, type Wanted } from '../engine/selection.ts';
import { UsageError } from '../model/errors.ts';
import { sanitise } from '../model/sanitise.ts';
import { countText } from '../model/wording.ts';
import { anonymizeKey, anonymizeOptions } from './anonymize.ts';
import { runAnalysis } from './analysis-run.ts';
import { findConnection, parseConnectionWord } from './connection-word.ts';
import { analysisOptions, filterOptions, type Flags } from './options.ts';
import { throwIfInterrupted, toStdout } from './output.ts';
import { say } from './say.ts';
import type { World } from './world.ts';

export function declareExtract(command: Command): Command {
  command
    .description('the packets of a finding, a connection or a filter as a capture of their own')
    .argument('[capture...]', 'pcap, pcapng, snoop or ERF files, read as one capture; - is standard input')
    .option('--finding <finding>', 'the packets of this finding: its id, or its number in the report')
    .option('--connection <id>', 'the packets of this connection: its id, or IP:PORT[-IP:PORT][@TIME] as a log names it')
    .option('--context <n>', 'with --finding: and the n frames before and after each proof, whoever sent them')
    .option('-w, --write <file>', 'write to this file (.pcap or .pcapng); - is standard output')
    .option(
      '-f, --format <format>',
      `${CAPTURE_FORMATS.join(' or ')}, whatever the file is called (default: by its name; pcapng to standard output)`,
    )
    .option('-q, --quiet', 'no warnings')
    .option('-v, --verbose', 'say more on standard error');
  return anonymizeOptions(filterOptions(analysisOptions(command)));
}

export async function extract(world: World, words: readonly string[], flags: Flags): Promise<number> {
  const file = flags.write;
  if (file === undefined)
    throw new UsageError('extract needs a place to write to.', { hint: '-w NAME.pcapng, or -w - for standard output.' });
  const piped = isStdout(file);
  const format = formatOf(file, flags.format);
  const context = flags.context === undefined ? undefined : contextFlag(flags.context);
  const connection = flags.connection === undefined ? null : connectionFlag(flags.connection);
  const asked = [flags.finding, flags.connection, flags.where ?? flags.from].filter((word) => word !== undefined).length;
  const anonymize = await anonymizeKey(flags);
  const isAll = asked === 0 && anonymize !== undefined;
  if (asked !== 1 && !isAll) throw new UsageError('extract takes one of --finding ID, --connection ID and --where EXPR.', { hint: HINT });
  if (context !== undefined && flags.finding === undefined)
    throw new UsageError('--context counts from the proofs of a finding: it goes with --finding.');

  const { analysis, paths, exitCode } = await runAnalysis(world, words, flags, { keep: true });
  try {
    const wanted = isAll ? 'everything' : wantedOf(analysis, flags, connection);
    const options = {
      wanted,
      format,
      ...(context === undefined ? {} : { context }),
      ...(anonymize === undefined ? {} : { anonymize }),
    } as const;
    if (piped) await refuseStdout(paths);
    const extracted = piped
      ? await analysis.extract(options, toStandardOutput(world))
      : await toFile(world, analysis, options, file, paths);
    await sayWhatWasWritten(world, flags, file, extracted, analysis);
    return exitCode(analysis.report.findings);
  } catch (error) {
    throwIfInterrupted(world); // whatever an interrupted reader says, the signal is the reason
    throw error;
  } finally {
    analysis.close();
  }
}

const HINT = 'tcpdiag report CAPTURE numbers the findings; tcpdiag connections CAPTURE lists the connections.';

async function toFile(
  world: World,
  analysis: Analysis,
  options: Parameters<Analysis['extract']>[0],
  path: string,
  inputs: readonly string[],
): Promise<Extracted> {
  const file = await NewFile.open(path, inputs);
  try {
    const extracted = await analysis.extract(options, async (bytes) => {
      throwIfInterrupted(world);
      await file.write(bytes);
    });
    await file.complete();
    return extracted;
  } finally {
    await file.discard();
  }
}

function toStandardOutput(world: World): (bytes: Uint8Array) => Promise<void> {
  if (world.stdout.isTTY) {
    throw new UsageError('a capture does not go to a terminal.', {
      hint: 'Pipe it on, as in tcpdiag extract … -w - | tshark -r -, or name a file.',
    });
  }
  return async (bytes) => {
    throwIfInterrupted(world);
    await toStdout(world, bytes);
  };
}

function wantedOf(analysis: Analysis, { finding }: Flags, connection: ReturnType<typeof connectionFlag> | null): Wanted {
  if (finding !== undefined) return { finding };
  if (connection === null) return 'selected';
  return { connection: connection.kind === 'id' ? connection.id : findConnection(analysis.connections(), connection, analysis.clock) };
}

async function sayWhatWasWritten(world: World, flags: Flags, file: string, extracted: Extracted, analysis: Analysis): Promise<void> {
  if (flags.quiet === true) return;
  const { extractedText } = await import('../engine/extract.ts');
  await say(world, `tcpdiag: wrote ${extractedText(extracted)}${isStdout(file) ? '' : ` to ${sanitise(file)}`}`);
  if (extracted.neighbours > 0 && flags.finding !== undefined) {
    const { id } = findingOf(analysis.report.findings, flags.finding);
    await say(world, `tcpdiag: note: --where finding:${sanitise(id)} takes the connections of the finding alone`);
  }
  if (extracted.blank > 0) {
    const frames =
      extracted.blank === 1
        ? '1 frame has a link layer that is not anonymised; it is'
        : `${countText(extracted.blank)} frames have a link layer that is not anonymised; they are`;
    await say(world, `tcpdiag: note: ${frames} zeros`);
  }
  const { end } = analysis.report.capture;
  if (extracted.endLost && end !== null) {
    await say(
      world,
      `tcpdiag: note: a pcap file does not say that its capture went on until ${end}; write pcapng, or analyse it with --captured-until ${end}`,
    );
  }
}

const BY_EXTENSION: Readonly<Record<string, CaptureFormat>> = {
  '.pcap': 'pcap',
  '.cap': 'pcap',
  '.dmp': 'pcap',
  '.pcapng': 'pcapng',
  '.ntar': 'pcapng',
};

function formatOf(file: string, word: string | undefined): CaptureFormat {
  const named = CAPTURE_FORMATS.find((format) => format === word);
  if (named !== undefined) return named;
  if (word !== undefined) throw new UsageError(`extract has no format "${sanitise(word, 200)}"; it has ${CAPTURE_FORMATS.join(', ')}.`);
  if (isStdout(file)) return 'pcapng';
  const format = BY_EXTENSION[extname(file).toLowerCase()];
  if (format !== undefined) return format;
  throw new UsageError(`"${sanitise(file)}" does not say which format it should have.`, {
    hint: 'Name it .pcapng or .pcap, or add -f pcapng or -f pcap.',
  });
}

function contextFlag(word: string): number {
  if (/^\d{1,9}$/.test(word)) return Number(word);
  throw new UsageError(`--context takes a number of frames, not "${sanitise(word, 200)}".`);
}

function connectionFlag(word: string): NonNullable<ReturnType<typeof parseConnectionWord>> {
  const wanted = parseConnectionWord(word);
  if (wanted !== null) return wanted;
  throw new UsageError(`--connection takes an id, a number from 0 on, or IP:PORT[-IP:PORT][@TIME], not "${sanitise(word, 200)}".`, {
    hint: HINT,
  });
}
