/** A real browser without a window, where there is one: Debian's chromium, or what CHROMIUM names. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** null: this machine has none. */
export const BROWSER: string | null = [process.env.CHROMIUM ?? '', ...NAMES].find(isThere) ?? null;

function isThere(name: string): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v "$1"', 'sh', name], { stdio: 'ignore' });
    return name !== '';
  } catch {
    return false;
  }
}

/** Words that the tests of this file's users show where they are skipped. */
export const WITHOUT_BROWSER = 'no chromium here: CHROMIUM=/path/to/it, or apt-get install chromium';

export interface Shown {
  /** The document once scripts, if any, had run. */
  readonly dom: string;
  /** What the page said or was refused, a line each. */
  readonly console: readonly string[];
}

/** Opens a file and waits until it stands. */
export async function shown(file: string, options: readonly string[] = ['--dump-dom']): Promise<Shown> {
  const profile = mkdtempSync(join(tmpdir(), 'tcpdiag-browser-'));
  try {
    const words = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--enable-logging=stderr', '--v=0'];
    const { stdout, stderr } = await promisify(execFile)(
      BROWSER ?? '',
      [...words, `--user-data-dir=${profile}`, ...options, `file://${file}`],
      {
        maxBuffer: 64 * 1024 ** 2,
      },
    );
    return { dom: stdout, console: stderr.split('\n').filter((line) => line.includes(':CONSOLE')) };
  } finally {
    rmSync(profile, { recursive: true, force: true });
  }
}
