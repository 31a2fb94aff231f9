/** A user's sessions with the command line: what was typed, what appeared on which stream, and with which exit status it ended. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { UnknownFormatError, UnreadableError, UsageError } from '../../src/model/errors.ts';
import type { Report } from '../../src/model/report.ts';
import { fakeAnalysis, healthy, incident } from '../support/fake-analysis.ts';
import type { World } from '../../src/commands/world.ts';
import { tcpdiag, type Surroundings } from '../support/fake-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-run-'));
afterAll(() => rmSync(folder, { recursive: true }));
const capture = join(folder, 'incident.pcap');
writeFileSync(capture, 'any bytes: the engine is a fake');

const other = join(folder, 'other.pcap');
writeFileSync(other, 'more bytes');
const link = join(folder, 'newest.pcap');
symlinkSync(capture, link);

const reporting = (report: Report): Surroundings => ({ analyse: () => Promise.resolve(fakeAnalysis(report)) });
const failing = (error: Error): Surroundings => ({ analyse: () => Promise.reject(error) });

const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

describe('every command', () => {
  test.each([
    [[capture], /39 connections stuck/],
    [['report', capture], /39 connections stuck/],
    [['report', capture, '-f', 'json'], /^\{"schemaVersion":1,/],
    [['report', capture, '--json'], /^\{"schemaVersion":1,/],
    [['report', capture, '-f', 'ndjson'], /^\{"type":"capture"/],
    [['report', capture, '-f', 'markdown'], /^# TCP diagnosis: `incident\.pcap`\n/],
    [['connections', capture], /^ID +CLIENT/],
    [['connections', capture, '--json'], /^\{"type":"connection","id":0/],
    [['connections', capture, '-f', 'csv'], /^id,client\.ip,/],
    [['connection', capture, '1'], /^Connection 1: 10\.0\.0\.1:54201 → 10\.0\.0\.9:3306\nOutcome +leaked; closed first by the server/],
    [['connection', capture, '10.0.0.1:54201-10.0.0.9:3306'], /^Connection 1: /],
    [['connection', capture, '1', '--json'], /^\{"type":"connection-detail","connection":\{/],
    [['connection', capture, '1', '-f', 'mermaid'], /^sequenceDiagram\n/],
    [['states', capture], /^State +Local Address:Port +Peer Address:Port +Since/],
    [['states', capture, '--json'], /^\{"type":"socket"/],
    [['states', capture, '--every', '1m', '-q'], /^Time +Host +ESTAB +CLOSE-WAIT\n/],
    [['states', capture, '--every', '1m', '-q', '--json'], /^\{"type":"states","at":/],
    [['rules'], /^RULE +SEVERITY/],
    [['rules', '--json'], /^\[\n\{"id":"close-wait-stuck"/],
    [['explain', 'close-wait-stuck'], /minSeconds = 60: Seconds in CLOSE_WAIT\./],
    [['check', capture], /Nothing speaks against this capture/],
    [['check', capture, '--json'], /^\{"schemaVersion":1,/],
    [['--help'], /^Usage: tcpdiag/],
    [['help', 'states'], /--at <time>/],
    [['connections', '--help'], /table, ndjson, csv, zeek, parquet/],
    [['--version'], /^9\.9\.9\n$/],
  ])('tcpdiag %j', async (argv, expected) => {
    const { exitCode, out, err } = await tcpdiag(argv);
    expect(out).toMatch(expected);
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
  });
});

describe('what is asked of the engine', () => {
  test('every shared option, as its type', async () => {
    const words = [
      '--where',
      'server.port:3306 close-wait',
      '--from',
      '+1',
      '--to',
      '+2.5',
      '-c',
      '100',
      '--only',
      'close-wait-stuck,syn-flood',
      '--only',
      'filtered-capture',
      '--skip',
      'syn-flood',
    ];
    const more = [
      '--set',
      'close-wait-stuck.minSeconds=30',
      '--set',
      'syn-flood.minSynsPerSecond=1e3',
      '--profile',
      'rfc',
      '--captured-until',
      '1795163580.5',
    ];
    const { asked, exitCode } = await tcpdiag(['report', capture, ...words, ...more]);
    expect(exitCode).toBe(0);
    expect(asked).toEqual([
      {
        paths: [capture],
        options: {
          where: 'server.port:3306 close-wait',
          from: { kind: 'offset', nanos: 1_000_000_000 },
          to: { kind: 'offset', nanos: 2_500_000_000 },
          count: 100,
          only: ['close-wait-stuck', 'syn-flood', 'filtered-capture'],
          skip: ['syn-flood'],
          set: { 'close-wait-stuck.minSeconds': 30, 'syn-flood.minSynsPerSecond': 1000 },
          profile: 'rfc',
          capturedUntil: { kind: 'absolute', seconds: 1_795_163_580, nanos: 500_000_000 },
        },
      },
    ]);
  });

  test('nothing that was not asked for', async () => expect((await tcpdiag([capture])).asked[0]!.options).toEqual({}));

  test('options may stand before the command', async () => {
    const { asked, out } = await tcpdiag(['-c', '5', '--json', 'connections', capture]);
    expect(asked[0]!.options).toEqual({ count: 5 });
    expect(out).toMatch(/^\{"type":"connection"/);
  });

  test('the same option after the command wins', async () =>
    expect((await tcpdiag(['-c', '5', 'report', '-c', '6', capture])).asked[0]!.options).toEqual({ count: 6 }));

  test('two files are handed over in the order given', async () =>
    expect((await tcpdiag([other, capture])).asked[0]!.paths).toEqual([other, capture]));

  test('a file that is named twice, here by a link, is read as asked, and the user is told', async () => {
    const { asked, err, exitCode } = await tcpdiag([capture, link, other]);
    expect(asked[0]!.paths).toEqual([capture, link, other]);
    expect(err).toContain(`warning: "${link}" was named before`);
    expect(exitCode).toBe(0);
  });

  test('--no-tui is taken by every command that reads a capture', async () => {
    for (const argv of [
      ['report', capture, '--no-tui'],
      ['--no-tui', 'connections', capture],
    ])
      expect((await tcpdiag(argv)).exitCode).toBe(0);
  });
});

describe('standard input', () => {
  test('- is read', async () => expect((await tcpdiag(['report', '-'])).asked[0]!.paths).toEqual(['-']));

  test('is read without being named when it is not a terminal', async () => {
    for (const argv of [[], ['connections']]) expect((await tcpdiag(argv, { stdin: { isTTY: false } })).asked[0]!.paths).toEqual(['-']);
  });

  test('a terminal is not a capture: says how to give one', async () => {
    const { exitCode, out, err, asked } = await tcpdiag([]);
    expect({ exitCode, out, asked }).toEqual({ exitCode: 2, out: '', asked: [] });
    expect(err).toMatch(/no capture was given.*\n.*tcpdump -w - \| tcpdiag/);
  });

  test('/dev/null that nobody named: says that no capture was given', async () => {
    const { exitCode, err } = await tcpdiag([], { stdin: { isTTY: false }, ...failing(new UnknownFormatError('standard input is empty')) });
    expect(exitCode).toBe(2);
    expect(err).toMatch(/no capture was given, and standard input is not one: standard input is empty/);
  });

  test('can be read only once', async () => expect((await tcpdiag(['report', '-', '-'])).err).toContain('only once'));
});

describe('words that mean nothing end with 2, one helpful sentence and nothing on stdout', () => {
  test.each([
    [['conections', 'x'], '"conections" is neither a command nor a file; did you mean the command "connections"?'],
    [['incident'], 'is neither a command nor a file'],
    [[join(folder, 'incidnet.pcap')], 'did you mean the file "incident.pcap"?'],
    [['report', join(folder, 'nothing-here.pcap')], 'nothing-here.pcap'],
    [['report', join(capture, 'inside.pcap')], 'there is no file'],
    [['report', ''], 'a capture needs a name'],
    [['report', capture, '--no-such-option'], "unknown option '--no-such-option'"],
    [['report', capture, '--no-colour'], 'did you mean --no-color?'],
    [['report', capture, '-f'], 'argument missing'],
    [['report', capture, '-f', 'htm'], 'report has no format "htm"; did you mean "html"?'],
    [['report', capture, '--fail-on', 'warnin'], '(critical, warning, notice, info), not "warnin"; did you mean "warning"?'],
    [['report', capture, '--profile', 'windwos'], 'there is no kernel profile "windwos"; did you mean "windows"?'],
    [['confg'], 'did you mean the command "config"?'],
    [['report', capture, '-f', 'yaml'], 'report has no format "yaml"; it has text, markdown, html, json, ndjson, csv, partial.'],
    [['report', capture, '-f', 'parquet'], 'it has text, markdown, html, json, ndjson, csv, partial.'],
    [['connections', capture, '-f', 'bro'], 'it has table, ndjson, csv, zeek, parquet.'],
    [['connections', capture, '-f', 'constructor'], 'it has table, ndjson, csv, zeek, parquet.'],
    [['states', capture, '-f', 'zeek'], 'it has table, ndjson, csv, parquet.'],
    [['connection', capture, '3'], 'there is no connection 3: the capture has 0 to 2'],
    [['connection', capture], 'is the connection\'s id, a number from 0 on, or IP:PORT[-IP:PORT][@TIME], not "'],
    [['connection', '1'], 'no capture was given'],
    [['connection', capture, '1', '-f', 'table'], 'connection has no format "table"; it has text, json, mermaid.'],
    [['report', capture, '--json', '-f', 'text'], 'use one of them'],
    [['explain'], "missing required argument 'rule'"],
    [['explain', 'close-wait-stcuk'], 'did you mean "close-wait-stuck"?'],
    [['explain', 'close-wait'], 'did you mean "close-wait-stuck"?'],
    [[join(folder, 'inci')], 'did you mean the file "incident.pcap"?'],
    [['help', 'state'], 'there is no command "state"; did you mean "states"?'],
    [['help', 'zzz'], 'there are report, merge, connections'],
    [['explain', 'zzz'], 'tcpdiag rules lists them'],
    [['rules', 'x'], 'too many arguments'],
    [['report', capture, '--only', 'syn-floods'], 'did you mean "syn-flood"?'],
    [['report', capture, '--set', 'close-wait-stuck.minSecond=3'], 'did you mean "minSeconds"?'],
    [['report', capture, '--set', 'close-wait-stuck.x=3'], 'it has minSeconds, minGroup'],
    [['report', capture, '--set', 'filtered-capture.x=3'], 'it has none'],
    [['report', capture, '--set', 'close-wait-stuck.minSeconds=soon'], 'takes a number, not "soon"'],
    [['report', capture, '--set', 'close-wait-stuck.minSeconds=Infinity'], 'takes a number'],
    [['report', capture, '--set', 'close-wait-stuck.minSeconds=-3'], 'takes a number from 0 on, not "-3"'],
    [['report', capture, '--set', 'nonsense'], '--set takes RULE.PARAM=VALUE'],
    [
      ['report', capture, '--where', 'sever.port:80'],
      '--where: there is no field "sever.port"; did you mean "server.port"?\n  sever.port:80\n  ^^^^^^^^^^\n',
    ],
    [['states', capture, '--where', 'finding:syn-floods'], 'did you mean "syn-flood"?'],
    [['connection', capture, '1', '--wher', 'rst'], "unknown option '--wher'; did you mean --where?"],
    [['report', capture, '--from', 'noon'], '"noon" is not a time for --from'],
    [['report', capture, '--to', 'yesterday'], '"yesterday" is not a time for --to'],
    [['report', capture, '--captured-until', '2026-13-01T00:00:00Z'], 'is not a time for --captured-until'],
    [['report', capture, '-c', '0'], '--count takes a number'],
    [['report', capture, '-c', 'many'], 'not "many"'],
    [['report', capture, '--profile', 'plan9'], 'there is no kernel profile "plan9"; there are linux, '],
    [['report', capture, '--profile', '10.0.0.0/33=windows'], '"10.0.0.0/33" is no address and no prefix'],
    [['report', capture, '--profile', 'linux,windows'], 'names two kernels for every host'],
    [['report', capture, '--fail-on', 'error'], 'critical, warning, notice, info'],
    [['states', capture, '--at', '+999'], 'runs from 2026-11-20T08:33:00.123456789Z to'],
    [['states', capture, '--host', 'db1'], '--host takes an IP address'],
    [['states', capture, '--every', 'now'], '--every takes a duration above 0, as in 500ms, 10 (seconds) or 1m, not "now"'],
    [['states', capture, '--every', '1s', '--at', '+1'], 'use one of them'],
    [['states', capture, '--every', '1s', '-f', 'zeek'], 'states --every has no format "zeek"; it has table, ndjson, csv.'],
    [['--checksum', 'connections', capture], '--checksum does not apply to connections'],
    [['check', '-', '--cross-read'], 'standard input does not allow'],
    [['reassemble', capture], 'The commands are report, '],
    [['report', capture, '-o', join(folder, 'no/such/x.json')], 'its folder does not exist'],
    [['report', capture, '-o', folder], 'it is a directory'],
    [['report', capture, '-o', capture], 'is the capture itself'],
  ])('tcpdiag %j', async (argv, sentence) => {
    const { exitCode, out, err } = await tcpdiag(argv);
    expect(err).toContain(sentence);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err.trimEnd().split('\n').length).toBeLessThanOrEqual(3);
    expect(err).toMatch(/^tcpdiag: /);
  });

  test.each<[string, Error, RegExp]>([
    ['not a capture', new UnknownFormatError('x is text', { hint: 'Supported are pcap and pcapng.' }), /x is text\nSupported are/],
    ['unreadable', new UnreadableError('cannot open x: permission denied'), /permission denied/],
    ['refused by the engine', new UsageError('no such profile'), /no such profile/],
  ])('%s', async (_name, error, expected) => {
    const { exitCode, out, err } = await tcpdiag(['report', capture], failing(error));
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err).toMatch(expected);
  });

  test('hostile words are repeated as escapes only', async () => {
    const word = 'x\u001b]0;owned\u0007\ny\u202e';
    for (const argv of [
      [word],
      ['report', word],
      ['report', capture, `--${word}`],
      ['explain', word],
      ['report', capture, '-f', word],
      ['report', capture, '-o', join(folder, word, 'x')],
    ]) {
      const { exitCode, err } = await tcpdiag(argv);
      expect(exitCode).toBe(2);
      expect(err).not.toMatch(CONTROL);
      expect(err.trimEnd().split('\n').length).toBeLessThanOrEqual(3);
    }
  });
});

describe('exit status', () => {
  test.each([
    ['critical', 1],
    ['warning', 1],
    ['info', 1],
  ])('--fail-on %s with critical findings: %i, and the report is printed all the same', async (severity, expected) => {
    const { exitCode, out } = await tcpdiag(['report', capture, '--fail-on', severity]);
    expect(exitCode).toBe(expected);
    expect(out).toContain('CLOSE_WAIT');
  });

  test('--fail-on above what was found: 0', async () => {
    const notices = { ...incident, findings: [{ ...incident.findings[0]!, severity: 'notice' as const }] };
    expect((await tcpdiag(['report', capture, '--fail-on', 'warning'], reporting(notices))).exitCode).toBe(0);
    expect((await tcpdiag(['report', capture, '--fail-on', 'notice'], reporting(notices))).exitCode).toBe(1);
  });

  test('without --fail-on findings are no failure', async () => expect((await tcpdiag(['report', capture])).exitCode).toBe(0));

  test('check fails only on what concerns the capture', async () =>
    expect((await tcpdiag(['check', capture, '--fail-on', 'info'])).exitCode).toBe(0));

  test('a fault of our own: 70, what to report, and no stack', async () => {
    const { exitCode, out, err } = await tcpdiag(['report', capture], failing(new TypeError('x is not a\u001b function')));
    expect({ exitCode, out }).toEqual({ exitCode: 70, out: '' });
    expect(err).toMatch(/internal fault \(TypeError: x is not a\\x1b function\)\.\n.*9\.9\.9.*report/);
    expect(err).not.toMatch(/^\s+at /m);
  });

  test('-v shows where our fault happened', async () => {
    const { err } = await tcpdiag(['-v', 'report', capture], failing(new TypeError('boom')));
    expect(err).toMatch(/^\s+at /m);
  });

  test('a signal: 128 and its number, whatever the interrupted engine says', async () => {
    const interrupt = new AbortController();
    const analyse = (): Promise<never> => {
      interrupt.abort(15);
      return Promise.reject(new Error('aborted'));
    };
    const { exitCode, out, err } = await tcpdiag(['report', capture], { interrupted: interrupt.signal, analyse });
    expect({ exitCode, out, err }).toEqual({ exitCode: 143, out: '', err: '' });
  });

  test('nobody reads standard output any more (| head): quiet, 0', async () => {
    for (const argv of [['report', capture], ['connections', capture], ['--help'], ['rules']]) {
      const { exitCode, err } = await tcpdiag(argv, { stdoutError: 'EPIPE' });
      expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
    }
  });

  test('a full disk is said, 2', async () => {
    const { exitCode, err } = await tcpdiag(['report', capture], { stdoutError: 'ENOSPC' });
    expect(exitCode).toBe(2);
    expect(err).toBe('tcpdiag: cannot write the result to standard output: no space left on the device\n');
  });
});

describe('check', () => {
  test('shows only what concerns the capture itself', async () => {
    const { out } = await tcpdiag(['check', capture, '--json']);
    const check = JSON.parse(out) as Report & { crossReadings: unknown[] };
    expect(check.rules.map((r) => r.id)).toEqual(['filtered-capture']);
    expect({ findings: check.findings, crossReadings: check.crossReadings }).toEqual({ findings: [], crossReadings: [] });
  });

  test('--cross-read asks the independent reader about every file', async () => {
    const read: string[] = [];
    const crossRead: World['crossRead'] = (path) => {
      read.push(path);
      return Promise.resolve({ verdict: 'differs', packet: 12, what: 'one octet' });
    };
    const { out } = await tcpdiag(['check', capture, '--cross-read'], { crossRead });
    expect(out).toContain('Believe it with care: 1 thing');
    expect(out.replace(/\s+/g, ' ')).toContain('differs: packet 12: one octet');
    expect(read).toEqual([capture]);
  });
});

describe('states', () => {
  test('--host takes any spelling of an address', async () => {
    for (const host of ['2001:db8::1', '[2001:DB8:0:0::1]']) {
      const { out } = await tcpdiag(['states', capture, '--host', host, '--json']);
      expect(
        out
          .trimEnd()
          .split('\n')
          .map((l) => (JSON.parse(l) as { host: string }).host),
      ).toEqual(['2001:db8::1']);
    }
  });

  test('--host with an address that the capture does not have says so', async () => {
    const note = 'tcpdiag: note: no connection of the capture has an end at 192.0.2.9\n';
    for (const words of [[], ['--every', '1m']]) {
      expect((await tcpdiag(['states', capture, '--host', '192.0.2.9', ...words])).err).toContain(note);
      expect((await tcpdiag(['states', capture, '--host', '192.0.2.9', ...words, '-q'])).err).toBe('');
    }
    expect((await tcpdiag(['states', capture, '--host', '10.0.0.1'])).err).not.toContain('no connection');
  });

  test('the table has the names of ss', async () => {
    const { out } = await tcpdiag(['states', capture]);
    expect(
      out
        .trimEnd()
        .split('\n')
        .slice(1)
        .map((l) => l.split(' ')[0]),
    ).toEqual(['CLOSE-WAIT', '', 'FIN-WAIT-2', '', 'SYN-RECV']); // an empty line between hosts
  });

  test('--every says which hosts share a row, and the table leaves out hosts without a socket', async () => {
    const { out, err } = await tcpdiag(['states', capture, '--every', '1m']);
    expect(err).toBe(
      'tcpdiag: note: too many hosts for a row each: 2 that have the most sockets are counted apart, the other 4,711 together; --host IP counts one alone\n',
    );
    expect(out.split('\n').map((l) => l.replace(/ +/g, ' '))).toEqual([
      'Time Host ESTAB CLOSE-WAIT',
      '08:33:00.123 10.0.0.1 2 39',
      '08:33:00.123 4,711 other hosts 12,000 -',
      '',
    ]);
  });
});

describe('the TUI', () => {
  const openTui: World['openTui'] = () => Promise.resolve({ exitCode: 0, findings: incident.findings });

  test('opens for a person at a terminal, and nothing is printed', async () => {
    expect(await tcpdiag([capture], { stdoutTty: true, openTui })).toMatchObject({ exitCode: 0, out: '', err: '', asked: [] });
  });

  test('--fail-on decides on what was found when the user left', async () => {
    expect((await tcpdiag([capture, '--fail-on', 'critical'], { stdoutTty: true, openTui })).exitCode).toBe(1);
  });

  test('its own exit status goes before that', async () => {
    const hungUp: World['openTui'] = () => Promise.resolve({ exitCode: 129, findings: incident.findings });
    expect((await tcpdiag([capture, '--fail-on', 'critical'], { stdoutTty: true, openTui: hungUp })).exitCode).toBe(129);
  });

  test('without a terminal for the keys the report is printed instead', async () => {
    expect((await tcpdiag(['-'], { stdoutTty: true, openTui: () => Promise.resolve(null) })).out).toContain('CLOSE_WAIT');
  });

  test.each([
    ['stdout is no terminal', [capture], { stdoutTty: false }],
    ['--no-tui', [capture, '--no-tui'], {}],
    ['-f', [capture, '-f', 'text'], {}],
    ['--json', [capture, '--json'], {}],
    ['-o', [capture, '-o', '-'], {}],
    ['TERM=dumb', [capture], { env: { TERM: 'dumb' } }],
    ['the report was asked for', ['report', capture], {}],
  ])('does not open: %s', async (_why, argv, surroundings) => {
    const { exitCode, out } = await tcpdiag(argv, { stdoutTty: true, openTui, ...surroundings });
    expect(exitCode).toBe(0);
    expect(out).not.toBe('');
  });

  test('a missing file is said before the screen is taken', async () => {
    const { exitCode, err } = await tcpdiag([join(folder, 'incidnet.pcap')], { stdoutTty: true, openTui });
    expect(exitCode).toBe(2);
    expect(err).toContain('did you mean the file "incident.pcap"?');
  });
});

describe('colour', () => {
  const ESC = '\u001b[';
  test('at a terminal', async () => expect((await tcpdiag(['report', capture], { stdoutTty: true })).out).toContain(ESC));

  test.each([
    ['a pipe', ['report', capture], { stdoutTty: false }],
    ['--no-color', ['report', capture, '--no-color'], {}],
    ['--no-color before the command', ['--no-color', 'report', capture], {}],
    ['NO_COLOR', ['report', capture], { env: { NO_COLOR: '1' } }],
    ['TERM=dumb', ['report', capture], { env: { TERM: 'dumb' } }],
  ])('not with %s', async (_why, argv, surroundings) =>
    expect((await tcpdiag(argv, { stdoutTty: true, ...surroundings })).out).not.toContain(ESC),
  );

  test('an empty NO_COLOR means nothing (no-color.org)', async () => {
    expect((await tcpdiag(['report', capture], { stdoutTty: true, env: { NO_COLOR: '' } })).out).toContain(ESC);
  });

  test('the report is wrapped to the terminal', async () => {
    const { out } = await tcpdiag(['report', capture, '--no-color'], { stdoutTty: true, columns: 60 });
    expect(out).toContain('   10.0.0.1 has acknowledged the FIN of 10.0.0.9:3306 on 39\n');
  });
});

describe('warnings', () => {
  const damaged: Report = {
    ...healthy,
    capture: { ...healthy.capture, caveats: [{ code: 'truncated-file', text: 'the file ends inside packet 850\u001b[2J', count: 1 }] },
  };

  test('what is wrong with the capture goes to stderr, sanitised, and the result is still there', async () => {
    const { exitCode, out, err } = await tcpdiag(['connections', capture, '--json'], reporting(damaged));
    expect(err).toBe('tcpdiag: warning: the file ends inside packet 850\\x1b[2J\n');
    expect(exitCode).toBe(0);
    expect(out.trimEnd().split('\n')).toHaveLength(3);
  });

  test('-q: not a word', async () => expect((await tcpdiag(['report', capture, '-q'], reporting(damaged))).err).toBe(''));

  test('a truncated file without a caveat is said as well', async () => {
    const files = [{ ...healthy.capture.files[0]!, truncated: true, path: 'a\nb.pcap' }];
    const { err } = await tcpdiag(['report', capture], reporting({ ...healthy, capture: { ...healthy.capture, files } }));
    expect(err).toBe('tcpdiag: warning: a\\x0ab.pcap breaks off in the middle; everything before that was read\n');
  });

  test('on a terminal the text report says them itself, once', async () => {
    const { out, err } = await tcpdiag(['report', capture], { stdoutTty: true, ...reporting(damaged) });
    expect({ err, notes: out.split('the file ends inside packet 850').length - 1 }).toEqual({ err: '', notes: 1 });
    expect((await tcpdiag(['report', capture, '--json'], { stdoutTty: true, ...reporting(damaged) })).err).toContain('warning');
  });

  test('what the capture merely holds is no warning', async () => {
    const caveats = [{ code: 'icmp-errors', text: '3 packets are ICMP errors', count: 3 }];
    const { out, err } = await tcpdiag(['report', capture], reporting({ ...healthy, capture: { ...healthy.capture, caveats } }));
    expect(err).toBe('');
    expect(out).toContain('Note: 3 packets are ICMP errors');
  });

  test('many are cut, and counted', async () => {
    const caveats = Array.from({ length: 30 }, (_, i) => ({ code: 'x', text: `note ${String(i)}`, count: 1 }));
    const { err } = await tcpdiag(['report', capture], reporting({ ...healthy, capture: { ...healthy.capture, caveats } }));
    expect(err.trimEnd().split('\n')).toHaveLength(9);
    expect(err).toContain('and 22 more notes');
  });
});
