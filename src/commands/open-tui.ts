/**
 * The TUI as a command sees it: a session in a worker thread, the screen, and what to tell the shell afterwards.
 *
 * The screen is taken only once the capture has proved readable, or has been silent for a moment (a pipe that waits for its first
 * packet): what cannot be read is said on stderr like everywhere else.
 */
import type { AnalysisOptions } from '../engine/analysis.ts';
import type { Session } from '../engine/protocol.ts';
import { fileName } from '../report/text.ts';
import { STDIN } from './inputs.ts';
import type { TuiEnd, TuiLook } from './world.ts';

/** A file that is no capture says so well within this; people do not notice the wait. Milliseconds. */
const FIRST_NEWS_MS = 250;

/** null: there is no terminal to draw on or to take keys from. */
export async function openTui(paths: readonly string[], options: AnalysisOptions, look: TuiLook): Promise<TuiEnd | null> {
  const { canRunTui, loadScreens, runTui } = await import('../tui/run.tsx');
  const { rebound } = await import('../tui/keymap.ts');
  const keys = paths.includes(STDIN) ? 'tty' : 'stdin';
  if (!canRunTui(keys)) return null;
  const keymap = rebound(look.keys);
  const { remoteSession } = await import('../engine/remote.ts');
  const session = remoteSession(paths, options);
  // While the thread starts and reads; whatever is wrong with it shows when it is asked for.
  void loadScreens(keys).catch(() => undefined);
  try {
    await firstNews(session);
    const exitCode = await runTui(session, {
      title: paths.map(fileName).join(', '),
      keys,
      paths,
      settings: { color: look.colour, ascii: look.ascii, mouse: look.mouse },
      keymap,
    });
    const { progress, findings } = session.snapshot();
    if (progress.phase === 'failed' && exitCode === 0) await session.done; // rejects with the reason
    return { exitCode, findings };
  } finally {
    await session.close();
  }
}

async function firstNews(session: Session): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let unsubscribe = (): void => undefined;
  const silence = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, FIRST_NEWS_MS);
  });
  const news = new Promise<void>((resolve) => {
    unsubscribe = session.subscribe(() => {
      if (session.snapshot().progress.packets > 0) resolve();
    });
  });
  try {
    await Promise.race([session.done, news, silence]);
  } finally {
    clearTimeout(timer);
    unsubscribe();
  }
}
