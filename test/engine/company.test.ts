/** Several threads that share a capture's connections tell what one tells, also where something comes between. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AnalyseHooks, analyse } from '../../src/engine/analyse.ts';
import type { AnalysisOptions } from '../../src/engine/analysis.ts';
import { Company } from '../../src/engine/company.ts';
import { Flag } from '../../src/model/flags.ts';
import { nanos } from '../../src/model/units.ts';
import { pcapFile } from '../support/capture-bytes.ts';
import { ethernet, ipv4, tcp } from '../support/frames.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-company-'));
const program = pathToFileURL(join(folder, 'worker.mjs'));
const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
/** Five chunks of the reader. */
const long = join(folder, 'long.pcap');
const SYNS = 16_000;

beforeAll(async () => {
  const entry = fileURLToPath(new URL('../../src/engine/worker.ts', import.meta.url));
  await build({ entryPoints: [entry], outfile: fileURLToPath(program), bundle: true, platform: 'node', format: 'esm', logLevel: 'silent' });
  const syn = (n: number): Uint8Array =>
    ethernet(ipv4({ src: `10.0.${n >> 8}.${n & 255}`, dst: '192.0.2.1' }, tcp({ srcPort: 40_000, dstPort: 443, flags: Flag.SYN })));
  writeFileSync(
    long,
    pcapFile(
      {},
      Array.from({ length: SYNS }, (_, n) => ({ seconds: n >> 9, bytes: syn(n) })),
    ),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

const alone: AnalyseHooks = { company: () => null };
const together = (cores: number, with_: URL | null = program): AnalyseHooks => {
  return { company: (inputs, options, enough) => Company.of(inputs, options, enough, { cores, worthIt: 1, program: with_ }) };
};

async function told(path: string, hooks: AnalyseHooks, options: AnalysisOptions = {}): Promise<unknown> {
  const analysis = await analyse([path], options, hooks);
  return { report: analysis.report, rows: [...analysis.connections()], sockets: [...analysis.sockets()], ladder: await analysis.ladder(3) };
}

test.each([2, 3, 4, 64])('%i cores tell what one tells', async (cores) => {
  const path = fixture('incident.pcap');
  expect(await told(path, together(cores))).toEqual(await told(path, alone));
});

test('also of more connections than fit into a page of records', async () => {
  expect(await told(long, together(4))).toEqual(await told(long, alone));
});

test('also of several files, and of a part of them', async () => {
  const paths = [fixture('close_wait_leak.pcap'), fixture('incident.pcap')];
  const parts: readonly AnalysisOptions[] = [{}, { count: 1_500 }, { to: { kind: 'offset', nanos: nanos(3e9) }, profile: 'windows' }];
  for (const options of parts) {
    const one = await analyse(paths, options, alone);
    const two = await analyse(paths, options, together(2));
    expect(two.report).toEqual(one.report);
  }
});

describe('where something comes between', () => {
  test('Ctrl-C: all stop after the same packet', async () => {
    const enough = new AbortController();
    let seen = 0;
    const hooks: AnalyseHooks = {
      ...together(2),
      enough: enough.signal,
      progress({ packets }) {
        seen = packets;
        enough.abort();
      },
    };
    const { report } = await analyse([long], {}, hooks);
    expect(seen).toBeGreaterThan(0);
    expect(report.capture.caveats.map(({ code }) => code)).toContain('interrupted');
    expect(report.capture.packets).toBeGreaterThanOrEqual(seen);
    const whole = (await analyse([long], { count: report.capture.packets }, alone)).report;
    expect(report.capture.connections).toBe(whole.capture.connections);
    expect(report.findings.map(({ count }) => count)).toEqual(whole.findings.map(({ count }) => count));
  });

  test('a thread that cannot start or dies: this one begins again, alone', async () => {
    writeFileSync(join(folder, 'dies.mjs'), 'throw new Error("no memory")');
    const dies = pathToFileURL(join(folder, 'dies.mjs'));
    const path = fixture('incident.pcap');
    expect(await told(path, together(2, dies))).toEqual(await told(path, alone));
  });

  test('a file that is not there is said as ever', async () => {
    await expect(analyse([join(folder, 'nothing.pcap')], {}, together(2))).rejects.toThrow(/nothing\.pcap/);
  });
});

test('nobody helps with what is short, packed, no file, or may not fit into memory', () => {
  const path = fixture('incident.pcap');
  expect(Company.of([path], {})).toBeNull();
  expect(Company.of([path], {}, undefined, { cores: 1, worthIt: 1, program })).toBeNull();
  expect(
    Company.of([fixture('incident.pcap'), ...Array.from({ length: 20 }, () => long)], { maxMemory: 1 }, undefined, {
      cores: 2,
      worthIt: 1,
      program,
    }),
  ).toBeNull();
  for (const input of [fixture('ephemeral_reuse.pcap.gz'), '-', folder, [new Uint8Array(1)]])
    expect(Company.of([input], {}, undefined, { cores: 4, worthIt: 1, program })).toBeNull();
});
