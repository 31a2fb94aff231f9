/**
 * One capture on every road through the program: read, analysed, in every format of every command, a connection as a ladder, packets
 * in full, read again by pcap-parser, without its addresses, and beside the fixture that it was made of. Returns what is wrong with what came out.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crossReadBytes } from '../../src/capture/cross-read.ts';
import { readStream } from '../../src/capture/index.ts';
import { CAPTURE_FORMATS } from '../../src/capture/write/index.ts';
import { DETECTORS } from '../../src/detect/index.ts';
import { analyse } from '../../src/engine/analyse.ts';
import type { Analysis, AnalysisOptions } from '../../src/engine/analysis.ts';
import { localSession } from '../../src/engine/session.ts';
import { AddressMap, ipText } from '../../src/engine/anonymize/addresses.ts';
import { KEY_OCTETS } from '../../src/engine/anonymize/key.ts';
import type { Wanted } from '../../src/engine/selection.ts';
import { parsePrefix } from '../../src/model/address.ts';
import { TcpdiagError } from '../../src/model/errors.ts';
import type { Report } from '../../src/model/report.ts';
import {
  checkFormats,
  connectionDetailFormats,
  connectionFormats,
  type Formats,
  type Pieces,
  reportFormats,
  stateCountFormats,
  stateFormats,
} from '../../src/report/index.ts';
import { isOurCommand } from '../support/hostile.ts';
import { tcpdiag } from '../support/fake-world.ts';
import { pick, type Random } from '../support/random.ts';
import { complaintsAbout } from './outputs.ts';
import { twoCaptures } from './two-captures.ts';

/** Which options the analysis is asked with; most often none. */
const OPTIONS: readonly AnalysisOptions[] = [
  {},
  {},
  {},
  {},
  { payload: false },
  { where: 'rst or retransmissions>0' },
  { from: { kind: 'offset', nanos: 1_000_000_000 as never } },
  { count: 50 },
  { profile: 'windows' },
];

export interface Journey {
  readonly complaints: readonly string[];
  /** false: no capture at all (any more), which was said in a sentence. */
  readonly read: boolean;
  readonly packets: number;
  readonly outputs: number;
  /** What somebody said to be read stands in the document, as text. */
  readonly heard: boolean;
}

/** @param file where the bytes are kept for commands that read them again @param fixture what they were made of */
export async function journey(file: string, fixture: string, random: Random): Promise<Journey> {
  const options = pick(random, OPTIONS);
  let analysis: Analysis;
  try {
    analysis = await analyse([file], options);
  } catch (error) {
    const told = error instanceof TcpdiagError && error.exitCode === 2;
    const complaints = told ? [] : [`analyse: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`];
    return { complaints, read: false, packets: 0, outputs: 0, heard: false };
  }
  const { report } = analysis;
  const complaints = [...consistency(report)];
  let outputs = 0;
  let heard = false;
  const ids = Array.from(analysis.connections(), (row) => row.id);
  const id = ids.length === 0 ? null : String(pick(random, ids));
  const says = async <T>(command: readonly string[], { byName, binary = [] }: Formats<T, Pieces>): Promise<void> => {
    for (const format of Object.keys(byName).filter((f) => !binary.includes(f))) {
      const world = { analyse: () => Promise.resolve(analysis), rules: () => Promise.resolve(DETECTORS), stdoutTty: random(2) === 0 };
      const argv = [command[0]!, file, ...command.slice(1), '-f', format];
      const { out, err, exitCode } = await tcpdiag(argv, { ...world, columns: 20 + random(150) });
      outputs++;
      heard ||= format === 'html' && SPOKEN.test(out);
      const wrong = [...complaintsAbout(format, out), ...complaintsAbout('stderr', err)];
      if (exitCode !== 0) wrong.push(`exit status ${String(exitCode)}: ${err}`);
      complaints.push(...wrong.map((what) => `${command.join(' ')}: ${what}`));
    }
  };
  await says(['report'], reportFormats);
  await says(['check'], checkFormats);
  await says(['connections'], connectionFormats);
  await says(['states'], stateFormats);
  await says(['states', '--every', everyFor(report)], stateCountFormats);
  if (id !== null && options.count === undefined) await says(['connection', id], connectionDetailFormats);
  if (report.capture.packets > 0) complaints.push(...(await extracted(analysis, random)));
  analysis.close();
  if (random(4) === 0) complaints.push(...(await screens(file, random)));
  if (random(4) === 0) complaints.push(...(await secondReader(file)));
  if (random(8) === 0) complaints.push(...(await shared(file, random)));
  if (random(8) === 0) complaints.push(...(await twoCaptures(file, fixture, random)));
  return { complaints, read: true, packets: report.capture.packets, outputs, heard };
}

/** Words of hostile texts that are in none of ours, nor in a fixture, and that no escaping changes. */
const SPOKEN = /evil|owned|cm0gLXJm|reboot|alert\(1|HYPERLINK|SUM\(1|C calc|AAAAAA|init:|gpj|#close|%s%n|\[31m/;

const everyFor = ({ capture }: Report): string => `${String(Math.max(1, Math.ceil(capture.durationSeconds / 50)))}s`;

/** What rests on itself: counts, frames and connections that exist. */
function consistency({ capture, findings }: Report): string[] {
  const wrong: string[] = [];
  const { packets, tcpPackets, connections, caveats } = capture;
  const failed = caveats.filter((c) => c.code === 'rule-failed' || c.code === 'not-read-again');
  wrong.push(...failed.map((c) => c.text));
  if (tcpPackets > packets) wrong.push(`${String(tcpPackets)} TCP packets of ${String(packets)}`);
  for (const f of findings) {
    if (f.connections.some((id) => !(id >= 0 && id < connections))) wrong.push(`${f.id} names a connection that is not there`);
    if (f.evidence.some((e) => !(e.frame >= 1 && e.frame <= packets))) wrong.push(`${f.id} proves it with a frame that is not there`);
    if (f.evidence.length > 50 || f.connections.length > 1000) wrong.push(`${f.id} keeps more than its bound`);
    const obeyed = f.remedies.find(({ command }) => command !== null && !isOurCommand(command));
    if (obeyed !== undefined) wrong.push(`${f.id} tells the user to run ${String(obeyed.command)}`);
    if (f.displayFilter !== null && f.displayFilter.length > 4000)
      wrong.push(`${f.id} has a display filter of ${String(f.displayFilter.length)}`);
  }
  return wrong;
}

/** What is taken out of it is a capture of as many packets, or a sentence says why it cannot be. */
async function extracted(analysis: Analysis, random: Random): Promise<string[]> {
  const { capture, findings } = analysis.report;
  const ways: Wanted[] = ['selected'];
  if (capture.connections > 0) ways.push({ connection: random(capture.connections) });
  if (findings.length > 0) ways.push({ finding: pick(random, findings).id });
  const wanted = pick(random, ways);
  const parts: Uint8Array[] = [];
  try {
    const told = await analysis.extract({ wanted, format: pick(random, CAPTURE_FORMATS), context: random(3) }, (bytes) => {
      parts.push(bytes.slice()); // its buffer is used again
      return Promise.resolve();
    });
    let packets = 0;
    const { damage, warnings } = await readStream(parts, { record: () => ++packets > 0 });
    // An empty frame of another time is a packet in a pcapng; in a pcap it is what reading out of step looks like.
    if (warnings.some((w) => w.includes('was read out of step'))) return [];
    // What was odd before it was written is odd afterwards.
    const wrong = [
      ...(damage === null ? [] : [damage.what]),
      ...warnings.filter((w) => !/time goes backwards|above the file's snap length/.test(w)),
    ];
    if (packets !== told.packets) wrong.push(`${String(packets)} packets of ${String(told.packets)}`);
    return wrong.map((what) => `extract ${JSON.stringify(wanted)}: ${what}`);
  } catch (error) {
    if (error instanceof TcpdiagError && error.exitCode === 2) return [];
    return [`extract ${JSON.stringify(wanted)}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`];
  }
}

/** Without addresses and payloads it is a capture of as many packets, and every address has become another. */
async function shared(file: string, random: Random): Promise<string[]> {
  const anonymize = Uint8Array.from({ length: KEY_OCTETS }, () => random(256));
  const analysis = await analyse([file], {});
  try {
    const parts: Uint8Array[] = [];
    const format = pick(random, CAPTURE_FORMATS);
    const told = await analysis.extract({ wanted: 'everything', format, anonymize }, (bytes) => {
      parts.push(bytes.slice()); // its buffer is used again
      return Promise.resolve();
    });
    const path = join(dirname(file), `shared.${format}`);
    writeFileSync(path, Buffer.concat(parts));
    const other = await analyse([path], {});
    const map = new AddressMap(anonymize);
    const mapped = new Set(addressesOf(analysis).map((ip) => ipText(map.ip(parsePrefix(ip)!.octets))));
    const strange = addressesOf(other).filter((ip) => !mapped.has(ip));
    const wrong = [...consistency(other.report), ...strange.map((ip) => `${ip} is none of the other addresses`)];
    if (told.packets !== other.report.capture.packets)
      wrong.push(`${String(other.report.capture.packets)} packets of ${String(told.packets)}`);
    other.close();
    return wrong.map((what) => `extract --anonymize: ${what}`);
  } catch (error) {
    if (error instanceof TcpdiagError && error.exitCode === 2) return [];
    return [`extract --anonymize: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`];
  } finally {
    analysis.close();
  }
}

const addressesOf = (analysis: Analysis): string[] =>
  Array.from(analysis.connections(), ({ client, server }) => [client.ip, server.ip]).flat();

/** What the screens ask: pages of connections, and packets in full. */
async function screens(file: string, random: Random): Promise<string[]> {
  const session = localSession([file], {});
  try {
    const { capture } = await session.done;
    const ask = { finding: null, where: '', sort: 'state', descending: false, offset: 0, limit: 50 } as const;
    const page = await session.ask('connections', ask);
    if (page.total !== capture.connections) return [`a page of ${String(page.total)} connections of ${String(capture.connections)}`];
    for (let n = Math.min(3, capture.packets); n > 0; n--) {
      const packet = await session.ask('packet', { frame: 1 + random(capture.packets) });
      const { length } = packet.bytes;
      const outside = packet.layers.flatMap((l) => [l, ...l.fields]).filter((part) => part.offset + part.length > length);
      if (outside.length > 0) return [`packet ${String(packet.frame)}: ${outside[0]!.name} lies outside`];
    }
    return [];
  } catch (error) {
    return [`session: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`];
  } finally {
    await session.close();
  }
}

/** It need not agree about damage, only come to an end. */
async function secondReader(file: string): Promise<string[]> {
  try {
    await crossReadBytes(readFileSync(file), 'a capture');
    return [];
  } catch (error) {
    return error instanceof TcpdiagError ? [] : [`cross-read: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`];
  }
}
