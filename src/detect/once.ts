/** What several rules ask about a capture is worked out once. */
import type { CaptureView } from '../model/capture-view.ts';

export function oncePerCapture<T>(make: (capture: CaptureView) => T): (capture: CaptureView) => T {
  const known = new WeakMap<CaptureView, { readonly value: T }>();
  return (capture) => {
    let it = known.get(capture);
    if (it === undefined) known.set(capture, (it = { value: make(capture) }));
    return it.value;
  };
}
