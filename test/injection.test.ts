/**
 * Nothing that somebody wrote into a capture, a configuration or the name of a file reaches an output as anything but text: not a
 * terminal, not a cell of a spreadsheet, not a diagram, and never a command that we tell the user to run.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { DETECTORS } from '../src/detect/index.ts';
import { analyse } from '../src/engine/analyse.ts';
import type { Analysis, AnalysisOptions } from '../src/engine/analysis.ts';
import type { Report } from '../src/model/report.ts';
import {
  checkFormats,
  comparisonFormats,
  connectionDetailFormats,
  connectionFormats,
  correlationFormats,
  type Formats,
  type Pieces,
  reportFormats,
  stateFormats,
} from '../src/report/index.ts';
import { framesOf, type Frame } from './fuzz/captures.ts';
import { complaintsAbout } from './fuzz/outputs.ts';
import { tcpdiag } from './support/fake-world.ts';
import { HOSTILE, isOurCommand } from './support/hostile.ts';
import { encoded, KEY_LOG, named, saying } from './support/hostile-capture.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-injection-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fixture = (name: string): Promise<Frame[]> => framesOf(readFileSync(fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))));

/** Everything that the program can say about an analysis. */
async function outputs(path: string, analysis: Analysis): Promise<[format: string, text: string][]> {
  const all: [string, string][] = [];
  const says = async <T>(command: readonly string[], { byName, binary = [] }: Formats<T, Pieces>): Promise<void> => {
    for (const format of Object.keys(byName).filter((f) => !binary.includes(f))) {
      const argv = [command[0]!, path, ...command.slice(1), '-f', format];
      const world = { analyse: () => Promise.resolve(analysis), rules: () => Promise.resolve(DETECTORS), stdoutTty: true };
      const { out, err } = await tcpdiag(argv, world);
      all.push([format, out], ['stderr', err]);
    }
  };
  await says(['report'], reportFormats);
  await says(['check'], checkFormats);
  await says(['connections'], connectionFormats);
  await says(['connection', '0'], connectionDetailFormats);
  await says(['states'], stateFormats);
  await says(['correlate', path], correlationFormats);
  await says(['compare', path], comparisonFormats);
  const world = { analyse: () => Promise.resolve(analysis), rules: () => Promise.resolve(DETECTORS) };
  const { out, err } = await tcpdiag(['extract', path, '--anonymize', '-w', join(folder, `${basename(path)}.shared.pcapng`)], world);
  all.push(['text', out], ['stderr', err]);
  return all;
}

async function complaints(path: string, options: AnalysisOptions = {}): Promise<{ report: Report; wrong: string[] }> {
  const analysis = await analyse([path], options);
  const wrong = (await outputs(path, analysis)).flatMap(([format, text]) => [
    ...complaintsAbout(format, text),
    ...(text.includes(KEY_LOG.slice(0, 20)) ? [`${format}: the secrets of TLS`] : []),
  ]);
  const { report } = analysis;
  const commands = report.findings.flatMap((f) => f.remedies.map((r) => r.command ?? 'none'));
  return { report, wrong: [...wrong, ...commands.filter((c) => !isOurCommand(c))] };
}

/** What a finding tells the user to do. */
const commandsOf = ({ findings }: Report): readonly unknown[] =>
  findings.map((f) => [f.id, f.displayFilter, f.remedies.map((r) => r.command)]);

const write = (name: string, bytes: Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};

test.each(Object.entries(HOSTILE))('what attacks %s, said by an application', async (what, text) => {
  const path = write('said.pcapng', named(saying(await fixture('close_wait_leak.pcap'), text), ''));
  const { report, wrong } = await complaints(path);
  expect(wrong).toEqual([]);
  // It is not that nobody shows it.
  if (what !== 'nothing') expect(report.findings.some((f) => f.lastSaid !== undefined)).toBe(true);
});

test.each(Object.entries(HOSTILE).filter(([what]) => what !== 'nothing'))(
  'what attacks %s, said and written beside it, is not in an anonymised capture',
  async (_what, text) => {
    const path = write('secret.pcapng', named(saying(await fixture('close_wait_leak.pcap'), text), text));
    const shared = join(folder, 'shared.pcapng');
    const { exitCode } = await tcpdiag(['extract', path, '--anonymize', '-w', shared], { analyse });
    expect(exitCode).toBe(0);
    const left = readFileSync(shared);
    expect([text, KEY_LOG].filter((words) => left.includes(Buffer.from(encoded(words))))).toEqual([]);
    expect((await complaints(shared)).wrong).toEqual([]);
  },
);

test.each(Object.entries(HOSTILE))('what attacks %s, as names and comments of a pcapng file', async (_what, text) => {
  const frames = await fixture('close_wait_leak.pcap');
  const { report, wrong } = await complaints(write('named.pcapng', named(frames, text)));
  expect(wrong).toEqual([]);
  const plain = await complaints(write('plain.pcapng', named(frames, 'x')));
  expect(commandsOf(report)).toEqual(commandsOf(plain.report));
});

test.each(Object.entries(HOSTILE))('what attacks %s, as the name of a file', async (_what, text) => {
  const name = `${Buffer.from(text.replace(/[/\0]/g, '').slice(0, 60)).toString()}.pcap`;
  const path = write(name, readFileSync(fileURLToPath(new URL('../fixtures/refused.pcapng', import.meta.url))));
  expect((await complaints(path)).wrong).toEqual([]);
  // Also where it cannot be read, is no capture, is not there, or is what shall be written to.
  const junk = write(name, encoded('no capture'));
  for (const argv of [
    ['report', junk],
    ['report', `${junk}x`],
    ['report', junk, '-o', join(folder, name, 'x')],
    ['report', junk, '-o', junk],
  ]) {
    const { out, err } = await tcpdiag(argv, { analyse: (paths, options) => analyse(paths, options) });
    expect(out).toBe('');
    expect(err).toMatch(/^tcpdiag: /);
    expect(complaintsAbout('stderr', err)).toEqual([]);
  }
});

test.each(Object.entries(HOSTILE))('what attacks %s, as the name of a host and a service', async (_what, text) => {
  const path = fileURLToPath(new URL('../fixtures/close_wait_leak.pcap', import.meta.url));
  const { report, wrong } = await complaints(path, {
    hosts: { '0.0.0.0/0': { name: text } },
    services: { 3306: text, 8080: text, 80: text },
  });
  expect(wrong).toEqual([]);
  expect(commandsOf(report)).toEqual(commandsOf((await complaints(path)).report));
});

test('any text at all, in all of these places', async () => {
  const frames = (await fixture('close_wait_leak.pcap')).slice(0, 120);
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 60 }), async (text) => {
      const path = write('any.pcapng', named(saying(frames, text), text));
      expect((await complaints(path, { hosts: { '0.0.0.0/0': { name: text } } })).wrong).toEqual([]);
    }),
    { numRuns: 40, seed: 6 },
  );
}, 60_000);
