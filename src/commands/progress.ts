/** One line on stderr while a long analysis runs; gone before anything else is printed. Nothing at all for a short one. */
import type { Progress } from '../engine/protocol.ts';
import { bytesText, countText } from '../report/narrate.ts';
import type { World } from './world.ts';

/** What is done sooner needs no explaining. */
const PATIENCE_MS = 300;
const INTERVAL_MS = 100;
/** Carriage return, and erase to the end of the line (ECMA-48 EL). */
const CLEAR = '\r\u001b[K';

export interface ProgressLine {
  show(progress: Progress): void;
  clear(): Promise<void>;
}

export function progressLine(world: World, wanted: boolean): ProgressLine {
  if (!wanted || !world.stderr.isTTY || world.env.TERM === 'dumb') return { show: () => undefined, clear: () => Promise.resolve() };
  const started = world.now();
  let last = started + PATIENCE_MS - INTERVAL_MS;
  let shown = false;
  const write = (text: string): Promise<void> => world.stderr.write(text).catch(() => undefined);
  return {
    show(progress) {
      const now = world.now();
      if (now - last < INTERVAL_MS) return;
      last = now;
      shown = true;
      void write(CLEAR + progressText(progress).slice(0, Math.max(1, (world.stderr.columns ?? 80) - 1)));
    },
    async clear() {
      if (shown) await write(CLEAR);
      shown = false;
    },
  };
}

/** `reading 42 %, 1,200,000 packets, 3,400 connections` */
function progressText({ bytesRead, bytesTotal, packets, connections }: Progress): string {
  const done =
    bytesTotal === null || bytesTotal === 0
      ? bytesText(bytesRead)
      : `${String(Math.min(100, Math.floor((bytesRead / bytesTotal) * 100)))} %`;
  return `reading ${done}, ${countText(packets)} packets, ${countText(connections)} connections`;
}
