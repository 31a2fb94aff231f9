/** `report -f ndjson` of standard input: findings as they come and go, and the report when the capture has ended. */
import type { Session } from '../engine/protocol.ts';
import type { Report } from '../model/report.ts';
import { LiveLines, REST_MS } from '../report/live-ndjson.ts';
import { sayWhatWasRead } from './analysis-run.ts';
import { explainImplicitStdin, resolveInputs } from './inputs.ts';
import { failOn, type Flags } from './options.ts';
import { throwIfInterrupted, writeResult } from './output.ts';
import { untilInterrupted } from './partial.ts';
import { settingsOf } from './settings.ts';
import type { World } from './world.ts';

export async function liveReport(world: World, words: readonly string[], flags: Flags, commands: readonly string[]): Promise<number> {
  const inputs = resolveInputs(world, words, commands);
  const { flags: settled, options } = await settingsOf(world, flags);
  const exitCode = failOn(settled);
  const started = world.now();
  const lines = new LiveLines();
  const { value: report, status } = await untilInterrupted(world, async (enough) => {
    const session = await world.session(inputs.paths, options, enough);
    try {
      return await following(world, session, async () => {
        await writeResult(world, lines.changes(session.snapshot(), world.now()), undefined, inputs.paths);
        return lines.owes;
      });
    } catch (error) {
      throwIfInterrupted(world); // whatever an interrupted reader says, the signal is the reason
      throw inputs.implicitStdin ? explainImplicitStdin(error) : error;
    } finally {
      await session.close();
    }
  });
  await sayWhatWasRead(world, inputs, flags, report.capture, { started, warn: true });
  await writeResult(world, lines.final(report), undefined, inputs.paths);
  return status ?? exitCode(report.findings);
}

/**
 * Calls `write` after each change, one call at a time: what changes while a slow reader takes the last lines is told with the next. It
 * answers whether it owes something that nothing else will call for.
 */
async function following(world: World, session: Session, write: () => Promise<boolean>): Promise<Report> {
  let report: Report | null = null;
  let changed = false;
  let wake = (): void => undefined;
  const note = (): void => {
    changed = true;
    wake();
  };
  const unsubscribe = session.subscribe(note);
  world.interrupted.addEventListener('abort', note);
  const done = session.done.then((r) => (report = r)).finally(note);
  done.catch(() => undefined); // awaited below
  let timer: NodeJS.Timeout | undefined;
  try {
    for (let owes = false; ;) {
      if (!changed) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (owes) timer = setTimeout(resolve, REST_MS);
        });
        clearTimeout(timer);
      }
      changed = false;
      throwIfInterrupted(world);
      const { phase } = session.snapshot().progress;
      if (phase === 'failed') await done;
      if (report !== null) return report;
      if (phase === 'reading') owes = await write();
    }
  } finally {
    clearTimeout(timer);
    unsubscribe();
    world.interrupted.removeEventListener('abort', note);
  }
}
