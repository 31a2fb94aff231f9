/** Whose SYN it is. Signatures as p0f.fp has them, written out as the options of a segment; SYN schedules as the kernels' sources have them. */
import { describe, expect, test } from 'vitest';
import type { EndpointView } from '../../src/model/connection.ts';
import { play, playFrames, story } from '../support/play.ts';
import { type ScriptOptions, scriptFrames } from '../support/script.ts';

/** Option layouts in p0f's words, with the values of a common host. */
const LAYOUT: Readonly<Record<string, string>> = {
  'mss,sok,ts,nop,ws': 'mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7',
  'mss,nop,nop,sok,nop,ws': 'mss 1460,nop,nop,sackOK,nop,wscale 7',
  'mss,nop,ws,nop,nop,sok': 'mss 1460,nop,wscale 8,nop,nop,sackOK',
  'mss,nop,nop,sok': 'mss 1460,nop,nop,sackOK',
  'mss,nop,ws,sok,ts': 'mss 1460,nop,wscale 6,sackOK,TS val 1 ecr 0',
  'mss,nop,ws,nop,nop,ts,sok,eol+1': 'mss 1460,nop,wscale 3,nop,nop,TS val 1 ecr 0,sackOK,eol',
  'mss,nop,nop,sok,nop,ws,nop,nop,ts': 'mss 1460,nop,nop,sackOK,nop,wscale 3,nop,nop,TS val 1 ecr 0',
  mss: 'mss 1460',
};

const clientOf = (ttl: number, window: number, options: string, more: ScriptOptions = {}): EndpointView =>
  play(`+0 > S 0:0(0) win ${window} <${options}>`, { clientTtl: ttl, ...more }).last.client;
const guess = ({ profile, profileFrom }: EndpointView): string => `${profile} (${profileFrom})`;

describe('a SYN by p0f', () => {
  test.each([
    [64, 29_200, 'mss,sok,ts,nop,ws', 'linux-3.7'], // s:unix:Linux:3.11 and newer, mss*20
    [64, 14_600, 'mss,sok,ts,nop,ws', 'linux-3.7'], // s:unix:Linux:3.1-3.10, mss*10
    [64, 5_840, 'mss,sok,ts,nop,ws', 'linux-2.6'], // s:unix:Linux:2.6.x, mss*4
    [64, 64_240, 'mss,sok,ts,nop,ws', 'linux'],
    [51, 64_240, 'mss,sok,ts,nop,ws', 'linux'], // 13 hops away
    [64, 64_240, 'mss,nop,nop,sok,nop,ws', 'linux'], // g:unix:Linux:2.2.x-3.x (no timestamps)
    [128, 8_192, 'mss,nop,ws,nop,nop,sok', 'windows-7'], // s:win:Windows:7 or 8
    [128, 64_240, 'mss,nop,ws,nop,nop,sok', 'windows'],
    [113, 65_535, 'mss,nop,ws,nop,nop,sok', 'windows'],
    [128, 65_535, 'mss,nop,nop,sok', 'windows-7'], // s:win:Windows:XP
    [64, 65_535, 'mss,nop,ws,sok,ts', 'freebsd'], // s:unix:FreeBSD:9.x or newer
    [64, 65_535, 'mss,nop,ws,nop,nop,ts,sok,eol+1', 'macos'], // s:unix:Mac OS X:10.x
  ])('*:%d:0:*:%d,*:%s', (ttl, window, layout, profile) => {
    expect(guess(clientOf(ttl, window, LAYOUT[layout]!))).toBe(`${profile} (syn)`);
  });

  test.each([
    ['a stack that is none of these (OpenBSD)', 64, 16_384, 'mss,nop,nop,sok,nop,ws,nop,nop,ts'],
    ["Linux's order behind a TTL that Linux cannot have begun with", 100, 64_240, 'mss,sok,ts,nop,ws'],
    ["Windows' order behind a TTL above 128", 255, 64_240, 'mss,nop,ws,nop,nop,sok'],
    ["Windows' order with a TTL of 64 or less", 60, 64_240, 'mss,nop,ws,nop,nop,sok'],
    ['an MSS alone, as small stacks send', 64, 5_744, 'mss'],
  ])('%s has the default', (_name, ttl, window, layout) => {
    expect(guess(clientOf(ttl, window, LAYOUT[layout]!))).toBe('linux (default)');
  });

  test('is the same behind a router that clamps the MSS', () => {
    expect(guess(clientOf(63, 64_240, 'mss 1380,sackOK,TS val 1 ecr 0,nop,wscale 7'))).toBe('linux (syn)');
    expect(guess(clientOf(127, 64_240, 'mss 1360,nop,wscale 8,nop,nop,sackOK'))).toBe('windows (syn)');
  });

  test('is the same over IPv6', () => {
    expect(guess(clientOf(64, 64_800, 'mss 1440,sackOK,TS val 1 ecr 0,nop,wscale 7', { family: 6 }))).toBe('linux (syn)');
  });

  test('may ask for Fast Open behind the rest', () => {
    expect(guess(clientOf(64, 65_535, 'mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 8,tfo,nop,nop'))).toBe('linux (syn)');
  });
});

describe('a SYN that no kernel sends', () => {
  test.each([
    ['hping3: no options', 512, ''],
    ['nmap -sS, masscan: an MSS alone', 1_024, 'mss 1460'],
  ])('%s', (_name, window, options) => {
    expect(guess(clientOf(64, window, options))).toBe('none (syn)');
  });

  test('has the timers of the default', () => {
    const { last } = play('+0 > S 0:0(0) win 512', { until: 10 });
    expect(story(last).at(-1)).toBe('~1.000 client CLOSED');
  });
});

describe('a SYN-ACK', () => {
  const serverOf = (ttl: number, window: number, options: string): string =>
    guess(
      play(
        `+0   > S  0:0(0) win 64240 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>
         +.01 < S. 0:0(0) ack 1 win ${window} <${options}>`,
        { serverTtl: ttl },
      ).last.server,
    );
  test.each([
    [64, 65_160, 'mss 1460,sackOK,TS val 9 ecr 1,nop,wscale 7', 'linux (syn)'], // 45 × 1448
    [64, 28_960, 'mss 1460,sackOK,TS val 9 ecr 1,nop,wscale 7', 'linux-3.7 (syn)'], // 20 × 1448
    [128, 8_192, 'mss 1460,nop,wscale 8,sackOK,TS val 9 ecr 1', 'windows-7 (syn)'],
    [64, 65_535, 'mss 1460,nop,wscale 6,sackOK,TS val 9 ecr 1', 'freebsd (syn)'],
    [64, 65_535, 'mss 1460', 'linux (default)'], // of a client that offered no more, or of a SYN cookie: anybody's
    [64, 0, '', 'linux (default)'],
  ])('TTL %d, window %d, %s', (ttl, window, options, expected) => {
    expect(serverOf(ttl, window, options)).toBe(expected);
  });
});

test('a connection that began before the capture has the default', () => {
  const { last } = play('+0 > P. 1:11(10) ack 1\n+.01 < . 1:1(0) ack 11', { clientTtl: 128 });
  expect([guess(last.client), guess(last.server)]).toEqual(['linux (default)', 'linux (default)']);
});

test('options that were cut off say nothing', () => {
  const [syn] = scriptFrames('+0 > S 0:0(0) win 64240 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>');
  const { last } = playFrames([{ ...syn!, bytes: syn!.bytes.subarray(0, 14 + 20 + 20 + 4) }]);
  expect(guess(last.client)).toBe('linux (default)');
});

describe('--profile', () => {
  const windows = `+0 > S 0:0(0) win 64240 <${LAYOUT['mss,nop,ws,nop,nop,sok']!}>\n+.01 < S. 0:0(0) ack 1`;
  const guesses = (profile: string, more: ScriptOptions = {}): readonly string[] => {
    const { last } = play(windows, { clientTtl: 128, profile, ...more });
    return [guess(last.client), guess(last.server)];
  };

  test('names the kernel of every host, whatever its SYN looks like', () => {
    expect(guesses('rfc')).toEqual(['rfc (option)', 'rfc (option)']);
  });

  test('names that of some; the others are guessed', () => {
    expect(guesses('10.0.0.2=freebsd')).toEqual(['windows (syn)', 'freebsd (option)']);
    expect(guesses('10.0.0.0/31=freebsd')).toEqual(['freebsd (option)', 'linux (default)']);
    expect(guesses('2001:db8::/127=macos', { family: 6 })).toEqual(['macos (option)', 'linux (default)']);
  });

  test('the longest prefix counts, and a bare name is for the rest', () => {
    expect(guesses('10.0.0.0/8=freebsd,10.0.0.1=linux-2.6')).toEqual(['linux-2.6 (option)', 'freebsd (option)']);
    expect(guesses('0.0.0.0/0=macos,10.0.0.1=freebsd')).toEqual(['freebsd (option)', 'macos (option)']);
    expect(guesses('10.0.0.1=freebsd,windows')).toEqual(['freebsd (option)', 'windows (option)']);
  });

  test('names those of a connection that began before the capture', () => {
    const { last } = play('+0 > P. 1:11(10) ack 1', { profile: '10.0.0.1=windows' });
    expect(guess(last.client)).toBe('windows (option)');
  });
});

describe('the repeats of a SYN', () => {
  const syns = (options: string, window: number, ...waits: readonly number[]): string =>
    [0, ...waits].map((s) => `+${s} > S 0:0(0) win ${window} <${options}>`).join('\n');
  const linux = LAYOUT['mss,sok,ts,nop,ws']!;
  const windows = LAYOUT['mss,nop,ws,nop,nop,sok']!;

  test.each([
    ['linux', [1.02, 1.03, 1.02], 'linux (schedule)'], // tcp_syn_linear_timeouts = 4
    ['linux', [1.02, 2.03, 4.1], 'linux-3.7 (schedule)'],
    ['linux', [3, 6], 'linux-2.6 (schedule)'], // TCP_TIMEOUT_INIT was 3 s
    ['linux', [1.02], 'linux (syn)'], // too few to tell
    ['linux', [0.7, 1.9], 'linux (syn)'], // an application's own
    ['windows', [1, 2, 4, 8], 'windows (schedule)'],
    ['windows', [3, 6], 'windows-7 (schedule)'],
  ])('of %s after %j s', (stack, waits, expected) => {
    const script = stack === 'linux' ? syns(linux, 64_240, ...waits) : syns(windows, 64_240, ...waits);
    expect(guess(play(script, { clientTtl: stack === 'linux' ? 64 : 128 }).last.client)).toBe(expected);
  });

  test('end connect() where the kernel of the client does', () => {
    const last = (script: string, more: ScriptOptions & { profile?: string } = {}): string =>
      story(play(script, { until: 400, ...more }).last).at(-1)!;
    expect(last(syns(windows, 64_240, 1, 2, 4, 8), { clientTtl: 128 })).toBe('~21.000 client CLOSED');
    expect(last(syns(windows, 8_192, 3, 6), { clientTtl: 128 })).toBe('~21.000 client CLOSED');
    const linear = [1, 1, 1, 1, 1, 2, 4, 8, 16, 32];
    expect(last(syns(linux, 64_240, ...linear))).toBe('~131.000 client CLOSED');
    expect(last(syns(linux, 64_240, ...linear), { profile: 'macos' })).toBe('~75.000 client CLOSED');
    expect(last(syns(linux, 5_840, 3, 6, 12, 24, 48))).toBe('~189.000 client CLOSED');
  });
});
