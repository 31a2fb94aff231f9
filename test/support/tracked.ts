/** A capture through the decoder and the tracker alone: what rules see of its connections, without rules. */
import { type CaptureSink, readCaptures, readStream } from '../../src/capture/index.ts';
import { Decoder } from '../../src/decode/index.ts';
import { Layer, Packet } from '../../src/decode/packet.ts';
import { Clock } from '../../src/model/clock.ts';
import type { ConnectionView } from '../../src/model/connection.ts';
import { nanos } from '../../src/model/units.ts';
import { parseHostProfiles } from '../../src/track/host-profiles.ts';
import { Tracker } from '../../src/track/tracker.ts';
import { Views } from '../../src/track/views.ts';

/** @param name a file in fixtures/ */
export const trackedFixture = (name: string): Promise<readonly ConnectionView[]> =>
  tracked((sink) => readCaptures([new URL(`../../fixtures/${name}`, import.meta.url).pathname], sink));

export const trackedCapture = (bytes: Uint8Array): Promise<readonly ConnectionView[]> => tracked((sink) => readStream([bytes], sink));

async function tracked(read: (sink: CaptureSink) => Promise<unknown>): Promise<readonly ConnectionView[]> {
  const decoder = new Decoder();
  const packet = new Packet();
  const tracker = new Tracker(parseHostProfiles(undefined));
  const views = new Views(tracker.tables, decoder.encapsulations);
  let clock: Clock | undefined;
  let now = 0;
  let frame = 0;
  await read({
    record: (r) => {
      clock ??= new Clock(r.seconds, r.nanos);
      now = clock.relative(r.seconds, r.nanos);
      frame++;
      decoder.decode(packet, r.linkType, r.view, r.at, r.capLen, r.origLen);
      tracker.at(now);
      if (packet.layer === Layer.TCP) tracker.tcp(packet, frame);
      else if (packet.quoted !== null) tracker.icmpError(packet, packet.quoted, frame, now);
      return true;
    },
  });
  tracker.finish(now);
  views.end = nanos(now);
  return Array.from({ length: tracker.connections }, (_, id) => views.connection(id));
}
