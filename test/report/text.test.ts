/** The page that is pasted. The golden files were written by hand; a change there is a change of what people read. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Finding } from '../../src/model/finding.ts';
import type { Report } from '../../src/model/report.ts';
import type { Vantage } from '../../src/model/vantage.ts';
import { checkText } from '../../src/report/check.ts';
import { textReport } from '../../src/report/text.ts';
import { at, empty, healthy, incident } from '../support/fake-analysis.ts';

const golden = (name: string): string => readFileSync(new URL(`golden/${name}.txt`, import.meta.url), 'utf8');
const page = (report: Report, width = 100, colour = false): string => [...textReport(report, { width, colour })].join('');
const withFinding = (changes: Partial<Finding>): Report => ({ ...incident, findings: [{ ...incident.findings[0]!, ...changes }] });
const withFile = (path: string): Report => ({
  ...incident,
  capture: { ...incident.capture, files: [{ ...incident.capture.files[0]!, path }] },
});

test('an incident: causes first, their consequences below them, then what was found clear', () => {
  expect(page(incident)).toBe(golden('incident'));
});

test('a healthy capture says in one sentence that nothing is wrong, and what was checked', () => {
  expect(page(healthy)).toBe(golden('healthy'));
});

test('an empty capture says so', () => {
  expect(page(empty).trimEnd()).toBe(golden('empty').trimEnd());
});

/** As the analysis of a capture at the client says it. */
const atClient: Vantage = {
  kind: 'client',
  confidence: 'medium',
  hosts: [{ ip: '10.0.0.1', role: 'client' }],
  clientDelaySeconds: 0.00001,
  serverDelaySeconds: 0.007,
  evidence: [{ clue: 'round-trip', text: '14 of 14 handshakes: 10.0.0.1 answered within 40 µs, the other end took 14.5 ms (median)' }],
};

test('where the capture was taken is a line of the heading, or none where nothing shows it', () => {
  const text = (vantage: Vantage): string => page({ ...incident, capture: { ...incident.capture, vantage } });
  expect(text(atClient)).toContain('Taken at (or right beside) the client, 10.0.0.1\n');
  const hosts = Array.from({ length: 20 }, (_, i) => ({ ip: `10.0.0.${i}`, role: 'both' as const }));
  expect(text({ ...atClient, kind: 'both', confidence: 'high', hosts })).toContain(
    'Taken at a host that is client and server, 10.0.0.0, 10.0.0.1, 10.0.0.2 and 17 more\n',
  );
  expect(text({ ...atClient, kind: 'forwarding', hosts: [] })).toContain('Taken on a machine that forwards, both legs seen\n');
  expect(text({ ...atClient, kind: 'between', hosts: [] })).toContain('Taken between the ends, near neither\n');
  expect(page(incident)).not.toContain('Taken');
});

test('a capture without TCP is not called healthy', () => {
  const text = page({ ...healthy, capture: { ...healthy.capture, tcpPackets: 0, connections: 0 } });
  expect(text).toContain('none of them is TCP');
  expect(text).not.toContain('Nothing is wrong');
});

test('rules that miss the same share a line', () => {
  const rules = healthy.rules.map((r, i) => {
    const verdict = i < 2 ? 'inconclusive' : 'not-applicable';
    return { ...r, verdict: verdict as 'inconclusive', because: i < 4 ? 'one direction only' : 'no DNS' };
  });
  const [a, b, c, d, ...others] = rules.map((r) => r.id);
  const text = page({ ...healthy, rules }).replace(/\s+/g, ' ');
  expect(text).toContain(`Could not tell: ${a!}, ${b!} (because one direction only)`);
  expect(text).toContain(`Did not apply: ${c!}, ${d!} (one direction only); ${others.join(', ')} (no DNS)`);
});

test('a filter that left findings out keeps the page from claiming that all is well', () => {
  const filtered = (count: number): string => {
    const note = { code: 'report-filtered', text: 'A filter was at work', count };
    return page({ ...healthy, capture: { ...healthy.capture, caveats: [note] } });
  };
  expect(filtered(2)).toContain('Nothing wrong was found among what was asked for; other findings are left out');
  expect(filtered(0)).toContain('Nothing is wrong: 8 rules looked at');
  expect(filtered(2)).toContain('Note: A filter was at work');
});

test('a consequence names its cause also where that was left out', () => {
  const consequence = incident.findings.find((f) => f.explainedBy !== null)!;
  expect(page({ ...incident, findings: [consequence] })).toContain(`from ${consequence.explainedBy ?? ''}: mend that first`);
});

test('rules that could not tell keep the page from claiming that all is well', () => {
  const rules = healthy.rules.map((r, i) => (i === 0 ? { ...r, verdict: 'inconclusive' as const, because: 'one direction only' } : r));
  const text = page({ ...healthy, rules });
  expect(text).toContain('Nothing wrong was found: 7 rules looked at 49 connections; 1 more could not tell.');
  expect(text).toContain('Could not tell: close-wait-stuck (because one direction only)');
});

test('every line of prose fits the width; commands and filters stay whole', () => {
  for (const width of [60, 80, 100]) {
    for (const line of page(incident, width).split('\n')) if (!/\$ ss|Wireshark/.test(line)) expect(line.length).toBeLessThanOrEqual(width);
    expect(page(incident, width)).toContain("$ ss -tanp state close-wait '( dport = :3306 )'");
    expect(page(incident, width)).toContain('Wireshark   ip.addr==10.0.0.1 && ip.addr==10.0.0.9 && tcp.port==3306');
  }
});

test('colour changes no character of the text', () => {
  const coloured = page(incident, 100, true);
  expect(coloured).toContain('\u001b[1;31m✖ CRITICAL\u001b[0m');

  expect(coloured.replace(/\u001b\[[\d;]*m/g, '')).toBe(page(incident));
});

test('with several files, evidence names the file and the frame there', () => {
  const evidence = [{ connection: 0, frame: 900, time: at('08:34:00.500000000'), note: 'RST', file: 0, fileFrame: 51 }];
  expect(page(withFinding({ evidence }))).toContain('Evidence    frame 900  (incident.pcap frame 51)  08:34:00.500  RST');
});

test('long evidence is cut and says by how much', () => {
  const evidence = Array.from({ length: 20 }, (_, i) => ({ connection: 0, frame: i + 1, time: at('08:34:00.500000000'), note: 'FIN' }));
  expect(page(withFinding({ evidence }))).toContain('and 12 more frames in report -f json');
});

test('findings that explain each other in a circle are all shown, each once', () => {
  const [a, b] = [incident.findings[0]!, incident.findings[1]!];
  const text = page({
    ...incident,
    findings: [
      { ...a, explainedBy: b.id },
      { ...b, explainedBy: a.id },
    ],
  });
  expect(text.split(a.title)).toHaveLength(2);
  expect(text.split(b.title)).toHaveLength(2);
});

test.each([
  ['path', 'the path between the ends, because it had the third ACK and did not take it'],
  ['attacker', 'an attacker, because'],
  [null, 'not proven, because'],
])('fault %s is said in words', (atFault, words) => {
  expect(page({ ...incident, findings: [{ ...incident.findings[1]!, atFault }] }).replace(/\s+/g, ' ')).toContain(words);
});

describe('hostile strings', () => {
  const HOSTILE = 'a\nb\u001b[31mc\u001b]0;owned\u0007\u202ed\u0085\u200be';

  const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2066-\u2069]/;

  test('in a file name are shown as escapes, on one line', () => {
    const text = page(withFile(HOSTILE));
    expect(text).not.toMatch(UNSAFE);
    expect(text.split('\n')[0]).toBe('tcpdiag 9.9.9: a\\x0ab\\x1b[31mc\\x1b]0;owned\\x07\\u{202e}d\\x85\\u{200b}e');
  });

  test('in any field of a finding never reach the page', () => {
    const hostile = withFinding({
      title: HOSTILE,
      summary: HOSTILE,
      atFault: HOSTILE,
      faultBecause: HOSTILE,
      displayFilter: HOSTILE,
      evidence: [{ connection: 0, frame: 1, time: HOSTILE, note: HOSTILE }],
      causes: [{ text: HOSTILE, likelihood: 'high', because: HOSTILE }],
      remedies: [{ text: HOSTILE, command: HOSTILE, appliesTo: HOSTILE }],
      caveats: [{ code: 'x', text: HOSTILE, count: 1 }],
    });
    const rules = [{ id: 'x', verdict: 'inconclusive' as const, because: HOSTILE }];
    const capture = { ...incident.capture, caveats: [{ code: 'x', text: HOSTILE, count: 1 }] };
    expect(page({ ...hostile, rules, capture })).not.toMatch(UNSAFE);
  });
});

test('check: the files, what is wrong with them, what another reader says', () => {
  const capture = {
    ...incident.capture,
    vantage: atClient,
    files: [{ ...incident.capture.files[0]!, truncated: true }],
    caveats: [{ code: 'truncated-file', text: 'The file ends inside packet 850, at offset 91,037.', count: 1 }],
  };
  const check = {
    schemaVersion: 1,
    tool: incident.tool,
    capture,
    findings: [],
    rules: incident.rules.filter((r) => r.id === 'filtered-capture'),
    stacks: [
      { profile: 'linux', hosts: 12 },
      { profile: 'none', hosts: 3 },
      { profile: 'windows', hosts: 1 },
    ],
    crossReadings: [{ path: 'incident.pcap', verdict: 'agrees' as const, text: '849 packets, byte for byte' }],
  };
  expect([...checkText(check, { width: 100, colour: false })].join('')).toBe(golden('check'));
});

test('of a hundred findings the first thirty are told in full and the others by title', () => {
  const findings = Array.from({ length: 100 }, (_, i) => ({
    ...incident.findings[0]!,
    id: `close-wait-stuck/10.0.0.${i}`,
    title: `leak ${i + 1}`,
  }));
  const text = page({ ...incident, findings });
  expect(text.match(/At fault/g)).toHaveLength(30);
  expect(text).toContain('70 more findings, by title; report -f json has them in full');
  for (const { title } of findings) expect(text).toMatch(new RegExp(`\\b${title}$`, 'm'));
});
