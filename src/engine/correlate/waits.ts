/** Where the time goes that a client waits for answers: as it sees it, and as its server does. The rest is the path. */
import type { Waits } from '../../model/correlation.ts';
import { NANOS_PER_SECOND, tidySeconds } from '../../model/units.ts';
import type { Flow } from './direction.ts';
import type { Matched } from './matching.ts';

/** @param flows of both directions */
export function waitsOf(flows: readonly Flow[]): Waits {
  const byPair = new Map<number, Flow[]>();
  for (const flow of flows) byPair.set(flow.pair.client, [...(byPair.get(flow.pair.client) ?? []), flow]);
  let [answers, client, server] = [0, 0, 0];
  for (const both of byPair.values()) {
    const said = both
      .flatMap(({ side, matching }) => matching.matched.filter((m) => m.sent.length > 0).map((m) => ({ side, ...seen(m, side) })))
      .sort((x, y) => x.client - y.client);
    let request: (typeof said)[number] | null = null;
    for (const one of said) {
      if (one.side === 0) request = one;
      else if (request !== null) {
        answers++;
        client += one.client - request.client;
        server += one.server - request.server;
        request = null;
      }
    }
  }
  return { answers, clientSeconds: tidySeconds(client / NANOS_PER_SECOND), serverSeconds: tidySeconds(server / NANOS_PER_SECOND) };
}

/** When both captures saw it, each by its own clock. */
const seen = ({ sent, arrived }: Matched, side: number): { readonly client: number; readonly server: number } =>
  side === 0 ? { client: sent.time, server: arrived.time } : { client: arrived.time, server: sent.time };
