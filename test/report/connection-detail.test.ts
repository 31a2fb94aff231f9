/** `connection <id>`: one connection as text, as an object and as a diagram. */
import { describe, expect, test } from 'vitest';
import { analyse } from '../../src/engine/analyse.ts';
import { type ConnectionDetail, connectionJson, connectionText, ladderItems } from '../../src/report/connection-detail.ts';
import { connectionMermaid } from '../../src/report/connection-mermaid.ts';
import { fakeLadder, incident } from '../support/fake-analysis.ts';

const FIXTURES = new URL('../../fixtures/', import.meta.url).pathname;
const fake: ConnectionDetail = { ladder: fakeLadder(0), findings: incident.findings.slice(0, 1), captureEnd: incident.capture.end };

async function fixture(name: string, id: number): Promise<ConnectionDetail> {
  const analysis = await analyse([FIXTURES + name]);
  const { findings, capture } = analysis.report;
  return { ladder: await analysis.ladder(id), findings, captureEnd: capture.end };
}

const textOf = (detail: ConnectionDetail, width = 100): string => [...connectionText(detail, { width, colour: false })].join('');
const mermaidOf = (detail: ConnectionDetail): string => [...connectionMermaid(detail)].join('');

test('the ladder: states outside, segments between, causes, proofs, silences and timers on rows of their own', () => {
  const ladder = textOf(fake, 76).split('\n\n')[2]!;
  expect(ladder).toBe(`  FRAME   SECONDS   CLIENT IS                                    SERVER IS
                       CLOSED ┃                                ┃ CLOSED
  #1    +0.000000             ┃─ S seq 0 len 0 win 64240 ─────▶┃
                     SYN_SENT ┃ sends SYN                      ┃
                              ┃········ 3 s of silence ········┃
★ #6    +3.000000             ┃─ S 0 (retransmission) ────────▶┃
                              ┃ ★ proves finding 1:            ┃
                              ┃ acknowledged by 10.0.0.1; no   ┃
                              ┃ FIN follows                    ┃
                              ┃········ 4 s of silence ········┃
  timer +7.000000             ┃································┃
                       CLOSED ┃ gives up: the next SYN is not  ┃
                              ┃ sent (assumed)                 ┃
`);
});

describe('no line is wider than the page, and the bars stand in two columns', () => {
  test.each([
    ['close_wait_leak.pcap', 7],
    ['broken_pipe.pcap', 0],
    ['timers_run_out.pcap', 3],
    ['icmp_reject.pcap', 0],
    ['vlan_ipv6.pcap', 0],
    ['rst_injection_exact.pcap', 0],
  ])('%s %i', async (name, id) => {
    const detail = await fixture(name, id);
    for (const width of [60, 76, 80, 96, 100, 140, Number.POSITIVE_INFINITY]) {
      const lines = textOf(detail, width).split('\n');
      const ladder = lines.slice(lines.findIndex((line) => line.startsWith('  FRAME')));
      expect(ladder.filter((line) => line.length > Math.min(width, 140))).toEqual([]);
      const bars = ladder
        .filter((line) => line.includes('┃'))
        .map((line) => `${String(line.indexOf('┃'))} ${String(line.lastIndexOf('┃'))}`);
      expect(new Set(bars).size).toBe(1);
    }
  });
});

test('every change of state is told once, in its order, where it happened', async () => {
  const detail = await fixture('timers_run_out.pcap', 3);
  const changes = ladderItems(detail).flatMap((item) => (item.kind === 'silence' ? [] : item.changes));
  expect(changes).toEqual(detail.ladder.connection.transitions);
});

test('changes among the segments left out stand at the gap', () => {
  const [first, second] = fake.ladder.connection.transitions;
  const [opening, again] = fake.ladder.rows;
  const cut = { ...fake.ladder, rows: [opening!, { ...again!, at: 500 }], omitted: 4_711, omittedAt: 1 };
  const items = ladderItems({ ...fake, ladder: cut, captureEnd: null });
  expect(items.map((item) => [item.kind, item.kind === 'silence' ? null : item.changes])).toEqual([
    ['row', [first]],
    ['omitted', [second]],
    ['row', []],
  ]);
  expect(textOf({ ...fake, ladder: cut }, 100)).toContain('… 4,711 segments left out');
});

test('an ICMP error is a frame of the capture, not a timer', async () => {
  const text = textOf(await fixture('icmp_reject.pcap', 0));
  expect(text).toMatch(/#5 .*┃·+┃\n +CLOSED ┃ an ICMP error answers its SYN/);
  expect(text).not.toContain('timer');
});

test('what is wrong comes before the ladder, with the end at fault', () => {
  expect(textOf(fake)).toContain('1. ✖ CRITICAL 39 connections stuck in CLOSE_WAIT on 10.0.0.1\n   At fault  10.0.0.1, because its kernel');
  expect(textOf({ ...fake, findings: [] })).toContain('No finding names this connection.');
});

test('json: segments and timers apart, each timer with its place', () => {
  const read = JSON.parse([...connectionJson(fake)].join('')) as Record<string, unknown>;
  expect(read).toMatchObject({ type: 'connection-detail', connection: { id: 0 }, omitted: 0, omittedBefore: null });
  expect((read.segments as { frame: number }[]).map(({ frame }) => frame)).toEqual([1, 6]);
  expect(read.timers).toMatchObject([{ from: 'client', clientState: 'CLOSED', beforeSegment: 2 }]);
  expect(read.findings).toMatchObject([{ id: 'close-wait-stuck/10.0.0.1@10.0.0.9:3306', atFault: '10.0.0.1' }]);
  expect(read.evidence).toEqual(fake.ladder.evidence);
});

test('mermaid: what means something to mermaid, to HTML or to a terminal is neutral', () => {
  const hostile = 'a; b #35; <script>"x"</script> %%{init} \u001b[31m\nNote over client: c';
  const evidence = [{ frame: 6, finding: incident.findings[0]!.id, note: hostile }];
  const diagram = mermaidOf({ ...fake, ladder: { ...fake.ladder, evidence } });
  const line = diagram.split('\n').find((l) => l.includes('★'))!;
  // Entities are #NUMBER; and nothing else may hold one of these characters.
  expect(line.replace(/#\d+;/g, '').replaceAll('<br/>', '')).not.toMatch(/[#;<>"&%{}\\`\u0000-\u001f]/);
  expect(
    diagram.split('\n').filter((l) => !/^(sequenceDiagram|    (participant|Note|client->>server|server->>client).*|)$/.test(l)),
  ).toEqual([]);
});

test('mermaid: a long connection stays below the 50,000 characters that GitHub draws', () => {
  const row = fake.ladder.rows[1]!;
  const rows = Array.from({ length: 10_000 }, (_, i) => ({
    ...row,
    frame: 1_000_000 + i,
    at: i / 1_000,
    notes: ['out-of-order', 'dup ack'],
  }));
  const diagram = mermaidOf({ ...fake, ladder: { ...fake.ladder, rows: rows as typeof fake.ladder.rows, evidence: [] } });
  expect(diagram.length).toBeLessThan(50_000);
  expect(diagram).toContain('… 9,8');
});
