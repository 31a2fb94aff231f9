/** The scripts that `completion` prints, asked by the shells themselves; zsh and fish only where they are installed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tcpdiag } from '../support/fake-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-completion-'));
const script = (shell: string) => join(folder, `completion.${shell}`);
const has = (shell: string) => spawnSync(shell, ['--version']).status === 0;

beforeAll(async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { exitCode, out } = await tcpdiag(['completion', shell]);
    expect(exitCode).toBe(0);
    writeFileSync(script(shell), out);
  }
  writeFileSync(join(folder, 'incident.pcap'), '');
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('bash', () => {
  /** What bash offers for the last of these words. */
  const offered = (...words: string[]): string[] => {
    const ask = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tcpdiag 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const out = execFileSync('bash', ['-c', ask, script('bash'), 'tcpdiag', ...words], { encoding: 'utf8', cwd: folder });
    return out.split('\n').filter((line) => line !== '');
  };

  test('a first word is a command or a capture', () => {
    expect(offered('rep')).toEqual(['report']);
    expect(offered('inc')).toEqual(['incident.pcap']);
    expect(offered('report', 'inc')).toEqual(['incident.pcap']);
  });

  test('an option of the command that stands before it', () => {
    expect(offered('states', '--ev')).toEqual(['--every']);
    expect(offered('report', '--ev')).toEqual([]);
    expect(offered('--fail')).toEqual(['--fail-on']);
  });

  test('a value, behind a space or an equals sign', () => {
    expect(offered('report', '-f', 'n')).toEqual(['ndjson']);
    expect(offered('connections', '--format', '=', 'z')).toEqual(['zeek']);
    expect(offered('connections', '--format', '=')).toContain('zeek');
    expect(offered('--fail-on', 'w')).toEqual(['warning']);
    expect(offered('--where', 'server.po')).toEqual(['server.port:']);
    expect(offered('report', '--count', '')).toEqual([]);
    expect(offered('report', '-o', 'inc')).toEqual(['incident.pcap']);
  });

  test('rules, one or several, and their thresholds', () => {
    expect(offered('explain', 'close')).toEqual(['close-wait-stuck']);
    expect(offered('--only', 'rst-abort,close')).toEqual(['rst-abort,close-wait-stuck']);
    expect(offered('--set', 'close-wait-stuck.minS')).toEqual(['close-wait-stuck.minSeconds=']);
  });

  test('help takes a command, completion a shell', () => {
    expect(offered('help', 'stat')).toEqual(['states']);
    expect(offered('completion', 'z')).toEqual(['zsh']);
  });
});

describe.runIf(has('fish'))('fish', () => {
  const offered = (line: string): string[] => {
    const out = execFileSync('fish', ['-N', '-c', `source ${script('fish')}; complete -C ${JSON.stringify(line)}`], {
      encoding: 'utf8',
      cwd: folder,
    });
    return out.split('\n').flatMap((l) => (l === '' ? [] : l.split('\t').slice(0, 1)));
  };

  test('commands, formats, rules', () => {
    expect(offered('tcpdiag rep')).toEqual(['report']);
    expect(offered('tcpdiag connections -f z')).toEqual(['zeek']);
    expect(offered('tcpdiag explain close')).toEqual(['close-wait-stuck']);
    expect(offered('tcpdiag --only rst-abort,close')).toEqual(['rst-abort,close-wait-stuck']);
  });
});

test.runIf(has('zsh'))('zsh takes its script', () => {
  expect(spawnSync('zsh', ['-n', script('zsh')], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
});

test('a shell that it does not know', async () => {
  const { exitCode, err } = await tcpdiag(['completion', 'fsh']);
  expect(exitCode).toBe(2);
  expect(err).toContain('completion knows bash, zsh, fish, not "fsh"; did you mean');
});

test('no description can end the quotes that it stands in', async () => {
  for (const shell of ['bash', 'zsh']) {
    const { out } = await tcpdiag(['completion', shell]);
    expect(spawnSync(shell === 'bash' || has('zsh') ? shell : 'true', ['-n'], { input: out }).status).toBe(0);
  }
});
