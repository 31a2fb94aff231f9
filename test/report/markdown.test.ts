/** The incident as a document, held against what the lab's kernel, the capture and other tools say of it. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { analyse } from '../../src/engine/analyse.ts';
import { TcpdiagError } from '../../src/model/errors.ts';
import type { Finding } from '../../src/model/finding.ts';
import { fakeAnalysis, healthy, incident } from '../support/fake-analysis.ts';
import { tcpdiag, type Surroundings } from '../support/fake-world.ts';
import { markdownComplaints } from '../support/markdown.ts';
import { emptyPcap } from '../support/documents.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-markdown-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

const real: Surroundings = { analyse: (paths, options, hooks) => analyse(paths, options, hooks) };

async function markdown(argv: readonly string[], surroundings: Surroundings = real): Promise<string> {
  const { exitCode, out } = await tcpdiag(['report', ...argv, '-f', 'markdown'], surroundings);
  expect(exitCode).toBe(0);
  expect(markdownComplaints(out)).toEqual([]);
  return out;
}

const headings = (text: string, level: number): string[] =>
  Array.from(text.matchAll(new RegExp(`^#{${String(level)}} (.*)$`, 'gm')), ([, title]) => title!);
const blocks = (text: string, language: string): string[] =>
  Array.from(text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)\\n\`\`\`$`, 'gm')), ([, body]) => body!);

interface Truth {
  readonly expectedFindings: readonly { readonly id: string; readonly severity: string }[];
}

test('an incident: what was played is there, each cause once, its consequences below it', async () => {
  const path = fixture('incident.pcap');
  const text = await markdown([path]);
  const { expectedFindings } = JSON.parse(readFileSync(fixture('incident.kernel.json'), 'utf8')) as Truth;
  for (const { id, severity } of expectedFindings.filter((f) => f.severity === 'critical')) {
    expect(text).toContain(`**Evidence** (\`${id}/`);
    expect(severity).toBe('critical');
  }
  expect(headings(text, 2)).toEqual(['What happened when', 'Findings', 'The capture', 'What was checked', 'How this was made']);
  const causes = headings(text, 3);
  expect(causes.filter((title) => title.includes('CRITICAL'))).toHaveLength(4);
  // The server's end of the leak is no cause of its own.
  expect(headings(text, 4)).toContainEqual(expect.stringMatching(/FIN_WAIT_2/));
  expect(text).toContain(`| \`${path}\` | pcap | ETHERNET | 2,886 | 227.8 kB | \`${sha256(path)}\` |`);
  // tshark -r incident.pcap -Y 'frame.number in {504,535}': the FIN of the server at +6.463, its ACK at +6.504, of a socket in CLOSE_WAIT to the end.
  expect(text).toMatch(/\| 504 \| 2026-11-20 09:12:59\.627 \| FIN from `10\.87\.55\.185:3306` \|/);
  expect(text).toMatch(/\| 2026-11-20 09:12:59\.627 \| \+6\.463 s \| \d begins: 16 connections stuck in `CLOSE_WAIT`/);
  expect(text).toMatch(/\| 2026-11-20 09:13:13\.355 \| \+20\.191 s \| The capture ends \|/);
  expect(blocks(text, 'sh').at(-1)).toBe(`tcpdiag report ${path} -f markdown`);
  expect(text).toContain('By tcpdiag 0.1.0');
});

test('every finding has a connection, drawn once; findings that share it say where', async () => {
  const text = await markdown([fixture('incident.pcap')]);
  const shown = Array.from(text.matchAll(/\*\*Exemplary connection:\*\* (\d+)(, which is drawn at finding (\d+))?/g));
  expect(shown).toHaveLength(8);
  const drawn = shown.filter(([, , elsewhere]) => elsewhere === undefined).map(([, id]) => id);
  expect(new Set(drawn).size).toBe(drawn.length);
  expect(blocks(text, 'mermaid')).toHaveLength(drawn.length);
  for (const [, id, elsewhere] of shown) if (elsewhere !== undefined) expect(drawn).toContain(id);
  for (const diagram of blocks(text, 'mermaid'))
    expect(diagram.split('\n').filter((l) => l.includes('->>')).length).toBeLessThanOrEqual(20);
});

test('a long connection is cut in the middle, never its proof', async () => {
  const text = await markdown([fixture('zero_window.pcap')]);
  const [diagram = ''] = blocks(text, 'mermaid');
  expect(diagram).toMatch(/segments? left out/);
  // tshark: in stream 0 the window is zero from frame 35 on, and opens with frame 78.
  for (const frame of [35, 78]) expect(diagram).toContain(`server->>client: ${String(frame)} +`);
});

test('a healthy capture says that nothing is wrong, and what was checked', async () => {
  const text = await markdown([fixture('healthy_client_closes.pcap')]);
  expect(text).toMatch(/^Nothing (?:is wrong|wrong was found)/m);
  expect(text).not.toMatch(/CRITICAL|WARNING|NOTICE/);
  expect(text).toMatch(/^\*\*Checked and clear:\*\* .*close-wait-stuck/m);
});

test('an empty capture is one sentence and its checksum', async () => {
  const path = join(folder, 'empty.pcap');
  writeFileSync(path, emptyPcap);
  const text = await markdown([path]);
  expect(text).toContain('The capture is empty: it holds no packet, so there is nothing to diagnose.');
  expect(text).toContain(sha256(path));
  expect(headings(text, 2)).toEqual(['The capture', 'How this was made']);
});

test('several files: each with its checksum, and frames by file', async () => {
  const paths = [fixture('close_wait_leak.pcap'), fixture('refused.pcapng')];
  const text = await markdown(paths);
  for (const path of paths) expect(text).toContain(sha256(path));
  expect(text).toContain('| Frame | File | Its frame | Time (UTC) | What it shows |');
  expect(text).toMatch(new RegExp(`\\| \\d+ \\| \`${paths[0]!}\` \\| \\d+ \\| 20`));
});

test('rules that could not tell say why', async () => {
  const text = await markdown([fixture('one_direction_capture.pcap')]);
  expect(text).toMatch(/^These rules could not tell:\n\n\| Rule \| Because \|\n(?:\|.*\n)+/m);
});

test('of a hundred findings thirty are told in full and the others by title', async () => {
  const [leak] = incident.findings;
  const many = Array.from({ length: 100 }, (_, i): Finding => ({
    ...leak!,
    id: `close-wait-stuck/10.0.0.${String(i)}`,
    connections: [i % 3],
    evidence: [],
  }));
  const text = await markdown([fixture('incident.pcap')], {
    analyse: () => Promise.resolve(fakeAnalysis({ ...incident, findings: many })),
  });
  expect(headings(text, 3)).toHaveLength(31);
  expect(headings(text, 3).at(-1)).toBe('More findings');
  expect(text).toContain('70 more findings, by title;');
  expect(text.slice(text.indexOf('70 more findings'))).toMatch(/\| 100 \| ✖ CRITICAL \| 39 connections stuck/);
  expect(blocks(text, 'mermaid')).toHaveLength(3);
});

test('where the capture cannot be gone back to, everything else is there, and why the drawings are not', async () => {
  const lost = { ...fakeAnalysis(), ladders: () => Promise.reject(new TcpdiagError('the stream is too long to go back to')) };
  const text = await markdown([fixture('incident.pcap')], { analyse: () => Promise.resolve(lost) });
  expect(text).toContain('Connections are not drawn: the stream is too long to go back to.');
  expect(text).not.toContain('```mermaid');
});

test('the command is quoted for a shell, and nothing in it ends its block', async () => {
  const path = join(folder, "it's `a` $(b).pcap");
  writeFileSync(path, readFileSync(fixture('refused.pcapng')));
  const text = await markdown([path]);
  expect(text.trimEnd().split('\n').at(-2)).toBe(`tcpdiag report '${path.replace("'", `'\\''`)}' -f markdown`);
});

test('an anonymised document draws, and says nothing of which capture it is about', async () => {
  const path = fixture('zero_window.pcap');
  const text = await markdown([path, '--anonymize']);
  expect(blocks(text, 'mermaid')).toHaveLength(1);
  for (const told of ['192.168.166.', path, sha256(path)]) expect(text).not.toContain(told);
  expect(text).toContain('not told, since it says which capture this is');
});

test('what was said last is quoted, and left out with --no-payload', async () => {
  expect(await markdown([fixture('incident.pcap')])).toContain('- client: `SET k …` (Redis)');
  expect(await markdown([fixture('incident.pcap'), '--no-payload'])).not.toContain('SET k');
});

test('a healthy report of a fake is asked for no connection', async () => {
  const asked: number[][] = [];
  const analysis = { ...fakeAnalysis(healthy), ladders: (ids: readonly number[]) => Promise.resolve((asked.push([...ids]), new Map())) };
  await markdown([fixture('incident.pcap')], { analyse: () => Promise.resolve(analysis) });
  expect(asked).toEqual([[]]);
});
