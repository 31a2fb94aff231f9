/**
 * Plays a scripted trace (script.ts) through the decoder and the tracker, and holds the states of both ends after every
 * segment against the script's `# CLIENT / SERVER` comments.
 *
 * The comments say what is known at that moment. What hindsight takes back or adds shows in `story` afterwards.
 */
import { Decoder } from '../../src/decode/index.ts';
import { Layer, Packet } from '../../src/decode/packet.ts';
import type { ConnectionView, EndpointView } from '../../src/model/connection.ts';
import { type StateName, stateName } from '../../src/model/state.ts';
import { nanos, NANOS_PER_SECOND } from '../../src/model/units.ts';
import { parseHostProfiles } from '../../src/track/host-profiles.ts';
import { Tracker } from '../../src/track/tracker.ts';
import { Views } from '../../src/track/views.ts';
import { type Direction, type ScriptedFrame, type ScriptOptions, scriptFrames } from './script.ts';

export interface PlayOptions extends ScriptOptions {
  /** The capture is known to have run until then, seconds from the script's first line. */
  readonly until?: number;
  readonly profile?: string;
  /** Every event has an entry of the log. */
  readonly spelledOut?: boolean;
}

export interface Played {
  /** One sentence per end and line that is not in the state the script asserts. */
  readonly mismatches: readonly string[];
  readonly connections: readonly ConnectionView[];
  /** The newest connection. */
  readonly last: ConnectionView;
  /** `SERVER_IP:PORT` and the like belong to the script's client and server, whoever the tracker takes for the client. */
  readonly states: { readonly client: StateName; readonly server: StateName };
  readonly tracker: Tracker;
}

const ETHERNET = 1;

export function play(script: string, options: PlayOptions = {}): Played {
  return playFrames(scriptFrames(script, options), options);
}

/** Frames of one or more scripts, in the order captured. */
export function playFrames(frames: readonly ScriptedFrame[], options: PlayOptions = {}): Played {
  const decoder = new Decoder();
  const packet = new Packet();
  const tracker = new Tracker(parseHostProfiles(options.profile));
  if (options.spelledOut === true) tracker.tables.events.spellAllOut();
  const views = new Views(tracker.tables, decoder.encapsulations);
  const clientPort = options.clientPort ?? 40000;
  const end = (c: ConnectionView, which: Direction): EndpointView =>
    (c.client.port === clientPort) === (which === 'client') ? c.client : c.server;
  const mismatches: string[] = [];
  let now = 0;

  frames.forEach(({ bytes, segment, expected }, i) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    now = segment.at - frames[0]!.segment.at;
    decoder.decode(packet, ETHERNET, view, 0, bytes.length, bytes.length);
    let id = -1;
    tracker.at(now);
    if (packet.layer === Layer.TCP) id = tracker.tcp(packet, i + 1);
    else if (packet.quoted !== null) id = tracker.icmpError(packet, packet.quoted, i + 1, now);
    for (const which of ['client', 'server'] as const) {
      const wanted = expected?.[which] ?? null;
      if (wanted === null) continue;
      const state = id < 0 ? 'CLOSED' : stateName(end(views.connection(id), which).state);
      if (state !== wanted) mismatches.push(`line ${segment.line}: ${segment.text}: the ${which} is ${state}, the script says ${wanted}`);
    }
  });

  const until = options.until === undefined ? now : Math.round(options.until * NANOS_PER_SECOND);
  tracker.finish(until);
  views.end = nanos(until);
  const connections = Array.from({ length: tracker.connections }, (_, id) => views.connection(id));
  const last = connections.at(-1)!;
  return {
    mismatches,
    connections,
    last,
    states: { client: stateName(end(last, 'client').state), server: stateName(end(last, 'server').state) },
    tracker,
  };
}

/**
 * What is told of a connection in the end, hindsight included: `0.010 client ESTABLISHED` per transition, in order of time;
 * `~` before what is assumed.
 */
export const story = (c: ConnectionView): readonly string[] =>
  c.transitions.map(
    (t) => `${t.assumed ? '~' : ''}${(t.time / NANOS_PER_SECOND).toFixed(3)} ${t.side === 0 ? 'client' : 'server'} ${stateName(t.to)}`,
  );

/** A view's properties as a plain object, so that a failed comparison can be printed. */
export function facts(view: ConnectionView | EndpointView): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  const prototype = Object.getPrototypeOf(view) as object;
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (property.get && name !== 'ends') out[name] = property.get.call(view) as unknown;
  }
  if ('client' in view) return { ...out, id: view.id, client: facts(view.client), server: facts(view.server) };
  return { ...out, side: view.side, role: view.role };
}

/** `syn-again`, `rst` … in the order they were logged, with who sent them. */
export const marks = (c: ConnectionView): readonly string[] => c.marks.map((m) => `${m.side === 0 ? 'client' : 'server'} ${m.mark}`);
