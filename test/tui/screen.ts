/** A terminal without a terminal: the mounted screens, fed with keys, read as rows of text. */
import { mount } from '../../src/tui/app.tsx';
import { KeyDecoder } from '../../src/tui/keys.ts';
import type { Size } from '../../src/tui/present/layout.ts';
import { Store } from '../../src/tui/store.ts';
import type { Session } from '../../src/engine/protocol.ts';

export interface Screen {
  /** The newest frame, with its SGR codes. */
  raw(): string;
  /** The same without them. */
  text(): string;
  row(n: number): string;
  /** Types what a terminal would send, and lets answers and drawing happen. */
  type(input: string): Promise<void>;
  settle(): Promise<void>;
  resize(size: Size): Promise<void>;
  readonly left: string[];
  /** What went to the clipboard. */
  readonly copied: string[];
  /** Files, by name. */
  readonly written: Map<string, string>;
  readonly store: Store;
  close(): void;
}

const SGR = /\x1b\[[\d;]*m/g;
export const stripped = (text: string): string => text.replace(SGR, '');

export async function openScreen(
  session: Session,
  options: { columns?: number; rows?: number; color?: boolean; ascii?: boolean } = {},
): Promise<Screen> {
  let size: Size = { columns: options.columns ?? 80, rows: options.rows ?? 24 };
  let frame = '';
  const left: string[] = [];
  const copied: string[] = [];
  const written = new Map<string, string>();
  let pending = 0;
  const store = new Store(session, {
    size,
    settings: { color: options.color ?? true, ascii: options.ascii ?? false, mouse: false },
    paths: ['incident.pcap'],
    effects: {
      quit: () => left.push('quit'),
      suspend: () => left.push('suspend'),
      redraw: () => left.push('redraw'),
      copy: (text) => {
        copied.push(text);
        return true;
      },
      exists: (path) => written.has(path),
      writeFile: (path, text) => {
        if (path.startsWith('/dev/')) return 'permission denied';
        written.set(path, text);
        return null;
      },
      mouse: (on) => left.push(on ? 'mouse on' : 'mouse off'),
    },
    schedule: (draw) => {
      pending++;
      setImmediate(() => {
        pending--;
        draw();
      });
    },
  });
  const mounted = mount(store, { title: 'incident.pcap', size: () => size, frame: (text) => (frame = text) });
  mounted.ended.catch((error: unknown) => left.push(String(error)));
  const settle = async (): Promise<void> => {
    // Until two turns of the loop in a row bring nothing new.
    for (let quiet = 0; quiet < 3;) {
      const before = frame;
      await new Promise((resolve) => setImmediate(resolve));
      quiet = frame === before && pending === 0 ? quiet + 1 : 0;
    }
  };
  await settle();
  const decoder = new KeyDecoder();
  return {
    raw: () => frame,
    text: () => stripped(frame),
    row: (n) => stripped(frame).split('\n')[n] ?? '',
    type: async (input) => {
      for (const key of decoder.push(input)) store.press(key);
      for (const key of decoder.flush()) store.press(key);
      await settle();
    },
    settle,
    resize: async (next) => {
      size = next;
      store.resize(next);
      await settle();
    },
    left,
    copied,
    written,
    store,
    close: () => {
      mounted.unmount();
      store.close();
    },
  };
}

/** A session whose answers can be waited for: they are read from a file. */
export function answering(inner: Session): { session: Session; answered: () => Promise<unknown>; asked: () => number } {
  const answers: Promise<unknown>[] = [];
  const session: Session = {
    snapshot: () => inner.snapshot(),
    subscribe: (listener) => inner.subscribe(listener),
    ask: (question, ask) => {
      const answer = inner.ask(question, ask);
      answers.push(answer);
      return answer;
    },
    done: inner.done,
    close: () => inner.close(),
  };
  return { session, answered: () => Promise.allSettled(answers), asked: () => answers.length };
}
