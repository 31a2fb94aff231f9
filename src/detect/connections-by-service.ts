/** Connections sorted by the service that they are to, without turning a flood's million half-open ones into objects. */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import type { ConnectionView } from '../model/connection.ts';
import type { ConnId } from '../model/units.ts';

/** Connections of one service that a rule looks at. */
export const MAX_PER_SERVICE = 20_000;

/** @param keepOut services whose connections have another explanation; asked once per service. */
export function connectionsByService(
  capture: CaptureView,
  ids: readonly ConnId[],
  keepOut: (service: ServiceView) => boolean,
): Map<ServiceView, ConnectionView[]> {
  const groups = new Map<ServiceView, ConnectionView[]>();
  const left = new Set<ServiceView>();
  for (const id of ids) {
    const service = capture.serviceOf(id);
    if (left.has(service)) continue;
    let list = groups.get(service);
    if (list === undefined) {
      if (keepOut(service)) {
        left.add(service);
        continue;
      }
      groups.set(service, (list = []));
    }
    if (list.length < MAX_PER_SERVICE && !capture.isScan(id)) list.push(capture.connection(id));
  }
  return groups;
}
