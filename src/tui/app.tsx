/** The whole screen as a function of the store, and its mounting with Ink. The only module, with components and screens, that needs React and Ink. */
import { Box, render } from 'ink';
import { type ReactNode, useSyncExternalStore } from 'react';
import { Frame } from './components/frame.tsx';
import { LookContext, Row } from './components/rows.tsx';
import { topView } from './navigation.ts';
import { FrameStream } from './painter.ts';
import { isTooSmall, type Size, SMALLEST } from './present/layout.ts';
import { fitLine, span } from './present/line.ts';
import { HelpScreen } from './screens/help.tsx';
import { Screen } from './screens/index.tsx';
import type { Store } from './store.ts';

function App({ store, title }: { readonly store: Store; readonly title: string }): ReactNode {
  const state = useSyncExternalStore(store.subscribe, store.state);
  const { size } = state;
  if (isTooSmall(size)) {
    return (
      <Box width={size.columns} height={size.rows}>
        <Row line={fitLine([span(`terminal too small (${SMALLEST.columns}x${SMALLEST.rows} needed)`)], size.columns)} />
      </Box>
    );
  }
  return (
    <LookContext value={state.settings}>
      {state.help === null ? (
        <Frame state={state} title={title}>
          <Screen view={topView(state)} state={state} />
        </Frame>
      ) : (
        <HelpScreen state={state} />
      )}
    </LookContext>
  );
}

export interface Mounted {
  unmount(): void;
  /** Settles after `unmount`; rejects with what a component threw. */
  readonly ended: Promise<void>;
}

/** Draws the store from now on; every frame goes whole to `frame`. */
export function mount(store: Store, options: { title: string; size: () => Size; frame: (text: string) => void }): Mounted {
  const stream = new FrameStream(options.size, options.frame);
  const instance = render(<App store={store} title={options.title} />, {
    // Ink uses columns, write, on and off of what it types as a whole terminal (build/ink.js of 6.8.0); painter.ts says why it gets no real one.
    stdout: stream as unknown as NodeJS.WriteStream,
    stdin: stream as unknown as NodeJS.ReadStream,
    stderr: stream as unknown as NodeJS.WriteStream,
    debug: true,
    patchConsole: false,
    exitOnCtrlC: false,
    isScreenReaderEnabled: false,
  });
  const ended = instance.waitUntilExit().then(() => undefined);
  return { unmount: () => instance.unmount(), ended };
}
