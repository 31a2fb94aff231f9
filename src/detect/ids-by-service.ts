/** Connections sorted by the service that they are to, as ids: of thousands a rule looks at one view after the other, and keeps none. */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import type { Caveat } from '../model/finding.ts';
import type { ConnId, ConnIds } from '../model/units.ts';
import { countText } from '../model/wording.ts';

/** Connections of one service that a rule looks at. */
export const MAX_PER_SERVICE = 20_000;

/** @param keepOut services whose connections have another explanation; asked once per service. */
export function idsByService(capture: CaptureView, ids: ConnIds, keepOut: (service: ServiceView) => boolean): Map<ServiceView, ConnId[]> {
  const groups = new Map<ServiceView, ConnId[]>();
  const left = new Set<ServiceView>();
  // No iterator, which makes an object of each: a flood has millions.
  ids.forEach((id) => {
    const service = capture.serviceOf(id);
    if (left.has(service)) return;
    let list = groups.get(service);
    if (list === undefined) {
      if (keepOut(service)) {
        left.add(service);
        return;
      }
      groups.set(service, (list = []));
    }
    if (list.length < MAX_PER_SERVICE && !capture.isScan(id)) list.push(id);
  });
  return groups;
}

/** Says so where `idsByService` looked at a part of the connections of these services; nothing where it saw all. */
export function sampledCaveats(capture: CaptureView, ids: ConnIds, services: readonly ServiceView[]): Caveat[] {
  if (ids.length <= MAX_PER_SERVICE) return [];
  const counts = new Map(services.map((service) => [service, 0]));
  ids.forEach((id) => {
    const service = capture.serviceOf(id);
    const count = counts.get(service);
    if (count !== undefined && !capture.isScan(id)) counts.set(service, count + 1);
  });
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const left = [...counts.values()].reduce((sum, count) => sum + Math.max(0, count - MAX_PER_SERVICE), 0);
  if (left === 0) return [];
  const text = `Looked at the first ${countText(all - left)} of ${countText(all)} connections that may be concerned: counts are at least these.`;
  return [{ code: 'sampled', text, count: left }];
}
