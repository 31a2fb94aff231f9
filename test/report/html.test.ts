/** The incident as a page: valid, complete, and opened in a real browser, also with a capture that wants to run scripts in it. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { analyse } from '../../src/engine/analyse.ts';
import type { Finding } from '../../src/model/finding.ts';
import type { Report } from '../../src/model/report.ts';
import { markup, phrase } from '../../src/report/html/markup.ts';
import { STYLE, STYLE_HASH } from '../../src/report/html/style.ts';
import { framesOf } from '../fuzz/captures.ts';
import { BROWSER, shown, WITHOUT_BROWSER } from '../support/browser.ts';
import { emptyPcap } from '../support/documents.ts';
import { fakeAnalysis, incident } from '../support/fake-analysis.ts';
import { tcpdiag, type Surroundings } from '../support/fake-world.ts';
import { HOSTILE } from '../support/hostile.ts';
import { named, saying } from '../support/hostile-capture.ts';
import { htmlComplaints } from '../support/html.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-html-'));
afterAll(() => rmSync(folder, { recursive: true }));
const root = fileURLToPath(new URL('../..', import.meta.url));
const fixture = (name: string): string => join(root, 'fixtures', name);

const real: Surroundings = { analyse: (paths, options, hooks) => analyse(paths, options, hooks) };

async function page(argv: readonly string[], surroundings: Surroundings = real): Promise<string> {
  const { exitCode, out } = await tcpdiag(['report', ...argv, '-f', 'html'], surroundings);
  expect(exitCode).toBe(0);
  expect(htmlComplaints(out)).toEqual([]);
  return out;
}

const write = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

const fakeReport = (report: Report): Surroundings => ({ analyse: () => Promise.resolve(fakeAnalysis(report)) });
const hundred: Report = {
  ...incident,
  findings: Array.from({ length: 100 }, (_, i): Finding => ({
    ...incident.findings[0]!,
    id: `close-wait-stuck/10.0.0.${String(i)}`,
    connections: [i % 3],
  })),
};

const PAGES: readonly (readonly [what: string, argv: readonly string[], surroundings: Surroundings])[] = [
  ['an incident', [fixture('incident.pcap')], real],
  ['long connections', [fixture('packet_loss.pcap.gz')], real],
  ['IPv6 in a VLAN', [fixture('vlan_ipv6.pcap')], real],
  ['several files', [fixture('close_wait_leak.pcap'), fixture('refused.pcapng')], real],
  ['nothing wrong', [fixture('healthy_client_closes.pcap')], real],
  ['no packet', [write('empty.pcap', emptyPcap)], real],
  ['one packet', [fixture('incident.pcap'), '-c', '1'], real],
  ['rules that cannot tell', [fixture('one_direction_capture.pcap')], real],
  ['a hundred findings', [fixture('incident.pcap')], fakeReport(hundred)],
];

test.each(PAGES)('%s: valid HTML, by html-validate', async (what, argv, surroundings) => {
  const file = write(`${what.replaceAll(' ', '-')}.html`, await page(argv, surroundings));
  const validator = join(root, 'node_modules/html-validate/bin/html-validate.mjs');
  const config = join(root, 'test/report/htmlvalidate.json');
  // Throws with what is wrong where anything is.
  expect(execFileSync(process.execPath, [validator, '--config', config, '--formatter', 'text', file], { encoding: 'utf8' })).toBe('');
});

test('an incident: every part is there, in order, each drawing with its title and its table', async () => {
  const path = fixture('incident.pcap');
  const html = await page([path]);
  const titles = Array.from(html.matchAll(/<h2 id="[a-z]+">([^<]*)<\/h2>/g), ([, title]) => title);
  expect(titles).toEqual([
    'What happened when',
    'Findings',
    'Connections in numbers',
    'The capture',
    'What was checked',
    'How this was made',
  ]);
  expect(html).toContain(createHash('sha256').update(readFileSync(path)).digest('hex'));
  expect(html).toContain(`<pre>tcpdiag report ${path} -f html</pre>`);
  const drawings = html.match(/<svg [^>]*role="img"[^>]*>\n<title id=/g) ?? [];
  expect(html.match(/role="img"/g)).toHaveLength(drawings.length);
  const ladders = Array.from(html.matchAll(/<svg [^>]*aria-labelledby="connection-(\d+)-title/g), ([, id]) => id!);
  expect(new Set(ladders).size).toBe(ladders.length);
  for (const id of ladders) expect(html).toContain(`<caption>Connection ${id}, segment by segment</caption>`);
  // The kernel had 16 sockets in CLOSE_WAIT, 88 in TIME_WAIT, 129 in SYN_RCVD at the end (fixtures/README.md).
  expect(html).toMatch(/<li><svg .*?<\/svg>FIN_WAIT_2 \(up to 16\)<\/li>/);
  expect(html.match(/<article /g)).toHaveLength(8);
  expect(html).toMatch(/<article class="info follows" id="finding-\d"><?\n?<h4>/);
});

test('of a hundred findings thirty are told in full and the others by title', async () => {
  const html = await page([fixture('incident.pcap')], fakeReport(hundred));
  expect(html.match(/<article /g)).toHaveLength(30);
  expect(html).toContain('<caption>70 more findings, by title;');
  expect(html).toContain('<tr><th scope="row" class="num">100</th>');
});

test('a page stays small, whatever the capture holds', async () => {
  for (const name of ['syn_flood_no_cookies.pcap.gz', 'ephemeral_reuse.pcap.gz', 'http_flood.pcap.gz', 'packet_loss.pcap.gz'])
    expect((await page([fixture(name)])).length).toBeLessThan(500_000);
});

test('the policy names the style by its hash, and allows nothing else', async () => {
  expect(STYLE_HASH).toBe(`sha256-${createHash('sha256').update(STYLE).digest('base64')}`);
  const html = await page([fixture('refused.pcapng')]);
  const policy = `default-src 'none'; style-src '${STYLE_HASH}'; base-uri 'none'; form-action 'none'`.replaceAll("'", '&#39;');
  expect(html).toContain(`<meta http-equiv="Content-Security-Policy" content="${policy}">`);
  expect(html.indexOf('Content-Security-Policy')).toBeLessThan(html.indexOf('<title>'));
  expect(html).toContain(`<style>${STYLE}</style>`);
  expect(html).not.toMatch(/https?:|<script|<link|<img|<iframe| style=| on[a-z]+=|@import|url\(/);
});

test('any text at all is text, in an element and in an attribute', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(...Object.values(HOSTILE)),
    fc.string({ unit: fc.constantFrom(...Array.from('<>&"\'`=/ a;#')) }),
  );
  fc.assert(
    fc.property(text, (t) => {
      const html = `<!DOCTYPE html>\n${markup`<p class="${t}">${t} ${phrase(t)}</p>`.text}`;
      expect(htmlComplaints(html)).toEqual([]);
    }),
    { numRuns: 2_000, seed: 8 },
  );
});

const CANARY = "document.title='owned'";
/** Each would run where something of it is not escaped, in the place that it aims at. */
const ATTACKS: readonly string[] = [
  `<script>${CANARY}</script>`,
  `</title><script>${CANARY}</script>`,
  `</style></pre></code><script>${CANARY}</script>`,
  `]]></title></desc></svg><script>${CANARY}</script>`,
  `<img src=x onerror="${CANARY}">`,
  `"><svg onload="${CANARY}">`,
  `' onfocus="${CANARY}" autofocus x='`,
  `<a href="javascript:${CANARY}">click</a>`,
  `--><script>${CANARY}</script><!--`,
  `<meta http-equiv=refresh content="0;url=data:text/html,<title>owned</title>">`,
  `<base href="http://127.0.0.1:9/"><link rel=stylesheet href=x>`,
];

describe.skipIf(BROWSER === null)(`in a browser${BROWSER === null ? ` (${WITHOUT_BROWSER})` : ''}`, { timeout: 120_000 }, () => {
  const titleOf = (dom: string): string => /<title>([^<]*)<\/title>/.exec(dom)?.[1] ?? '';
  const frames = (): ReturnType<typeof framesOf> => framesOf(readFileSync(fixture('close_wait_leak.pcap')));

  test('it stands, keeps its style, and nothing is refused or complained about', async () => {
    const file = write('incident.html', await page([fixture('incident.pcap')]));
    const { dom, console } = await shown(file);
    expect(console).toEqual([]);
    expect(titleOf(dom)).toBe('TCP diagnosis: incident.pcap');
    expect(dom.match(/<article /g)).toHaveLength(8);
  });

  test('the canary sings where a page is careless, and our policy stops even a script that was let through', async () => {
    const html = await page([fixture('refused.pcapng')]);
    const careless = write('careless.html', `<!DOCTYPE html><title>mine</title><p>${ATTACKS[0]!}`);
    expect(titleOf((await shown(careless)).dom)).toBe('owned');
    const pierced = write('pierced.html', html.replace('</main>', `${ATTACKS[0]!}${ATTACKS[4]!}</main>`));
    const { dom, console } = await shown(pierced);
    expect(titleOf(dom)).toBe('TCP diagnosis: refused.pcapng');
    expect(console.join('\n')).toContain('Content Security Policy');
  });

  test('a capture that says scripts everywhere runs none', async () => {
    const text = ATTACKS.join('');
    const path = write('<script>.pcapng', named(saying(await frames(), text), text));
    const config = { hosts: { '0.0.0.0/0': { name: text } }, services: { 3306: text } };
    const surroundings: Surroundings = { analyse: (paths, options, hooks) => analyse(paths, { ...options, ...config }, hooks) };
    const html = await page([path], surroundings);
    expect(html).toContain('&lt;script&gt;'); // it is not that nobody shows it
    const { dom, console } = await shown(write('hostile.html', html));
    expect(console).toEqual([]);
    expect(titleOf(dom)).toBe('TCP diagnosis: &lt;script&gt;.pcapng');
    expect(dom).not.toMatch(/<(?:script|img|base|link|iframe)\b| on\w+=/);
  });

  test('on paper what is folded is open', async () => {
    const html = await page([fixture('incident.pcap')]);
    const printed = async (name: string, content: string): Promise<number> => {
      const pdf = join(folder, `${name}.pdf`);
      await shown(write(`${name}.html`, content), ['--no-pdf-header-footer', `--print-to-pdf=${pdf}`]);
      return statSync(pdf).size;
    };
    const folded = await printed('folded', html);
    const open = await printed('open', html.replaceAll('<details>', '<details open>'));
    const without = await printed('without', html.replace(/<details>[^]*?<\/details>/g, ''));
    expect(Math.abs(open - folded)).toBeLessThan(0.05 * open);
    expect(without).toBeLessThan(0.9 * folded);
  });
});
