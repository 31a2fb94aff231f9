/** Screens over a fixture that has been read to its end; every key is answered before the next is typed. */
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { AnalysisOptions } from '../../src/engine/analysis.ts';
import type { Session } from '../../src/engine/protocol.ts';
import { localSession } from '../../src/engine/session.ts';
import { answering, openScreen, type Screen } from './screen.ts';

export interface OnFixture {
  readonly session: Session;
  /** The one that was opened last. */
  readonly screen: Screen;
  readonly open: (keys: string, size?: { columns: number; rows: number }) => Promise<Screen>;
  readonly type: (keys: string) => Promise<void>;
  /** The first row with this text; empty: none. */
  readonly rowWith: (text: string) => string;
}

export function onFixture(name: string, options: AnalysisOptions = {}): OnFixture {
  let inner: ReturnType<typeof answering>;
  let screen: Screen | undefined;
  beforeAll(async () => {
    inner = answering(localSession([fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url))], options));
    await inner.session.done;
  });
  afterEach(() => screen?.close());
  afterAll(() => inner.session.close());
  const answered = async (): Promise<void> => {
    // An answer may lead to the next question: a row to its preview.
    for (let before = -1; before !== inner.asked();) {
      before = inner.asked();
      await inner.answered();
      await screen!.settle();
    }
  };
  const type = async (keys: string): Promise<void> => {
    for (const key of keys) {
      await screen!.type(key);
      await answered();
    }
  };
  return {
    get session() {
      return inner.session;
    },
    get screen() {
      return screen!;
    },
    open: async (keys, size = { columns: 120, rows: 40 }) => {
      screen = await openScreen(inner.session, size);
      await type(keys);
      return screen;
    },
    type,
    rowWith: (text) =>
      screen!
        .text()
        .split('\n')
        .find((row) => row.includes(text)) ?? '',
  };
}
