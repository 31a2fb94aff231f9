/** Many scripted connections in one capture, in the order of their times: how groups of them look to a rule. */
import { Flag } from '../../src/model/flags.ts';
import { pcapOf, type ScriptedFrame, type ScriptOptions, scriptFrames } from './script.ts';

/** Frames of several scripts, in the order captured. */
export const merged = (...scripts: readonly (readonly ScriptedFrame[])[]): readonly ScriptedFrame[] =>
  scripts.flat().sort((a, b) => a.seconds - b.seconds || a.nanos - b.nanos);

export const captureOf = (...scripts: readonly (readonly ScriptedFrame[])[]): Uint8Array => pcapOf(merged(...scripts));

/** `count` connections from client ports 40000, 40002 … (Linux takes even ones first); `script` and `options` may differ by index. */
export function connections(
  count: number,
  script: (index: number) => string,
  options: (index: number) => ScriptOptions = () => ({}),
): readonly ScriptedFrame[] {
  return merged(...Array.from({ length: count }, (_, i) => scriptFrames(script(i), { clientPort: 40000 + 2 * i, ...options(i) })));
}

/** A handshake of 2 ms that begins `at` seconds after the start. */
export const handshake = (at: number): string => `
  +${at.toFixed(6)} > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +.001 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
  +.001 > .  1:1(0) ack 1`;

/** A healthy exchange on a port of its own, so that the capture shows that time passed until `at`. */
export const lateExchange = (at: number): readonly ScriptedFrame[] =>
  scriptFrames(
    `${handshake(at)}
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  +.001 > F. 11:11(0) ack 21
  +.001 < F. 21:21(0) ack 12
  +.001 > .  12:12(0) ack 22`,
    { clientIp: '10.0.0.99', clientPort: 50000, serverPort: 9999 },
  );

/** What a filter on `tcp[tcpflags] & (tcp-syn|tcp-fin|tcp-rst) != 0` leaves. */
export const flagsOnly = (frames: readonly ScriptedFrame[]): readonly ScriptedFrame[] =>
  frames.filter(({ segment }) => segment.kind === 'tcp' && (segment.flags & (Flag.SYN | Flag.FIN | Flag.RST)) !== 0);

/** What one end sent. */
export const sentBy = (from: 'client' | 'server', frames: readonly ScriptedFrame[]): readonly ScriptedFrame[] =>
  frames.filter(({ segment }) => segment.from === from);

/** A whole connection that begins `at` seconds after the start: 10 octets asked, 1000 answered, closed by both. */
export const wholeConnection = (at: number): string => `${handshake(at)}
  +.001 > P. 1:11(10) ack 1
  +.001 < .  1:1(0) ack 11
  +.001 < P. 1:1001(1000) ack 11
  +.001 > .  11:11(0) ack 1001
  +.001 > F. 11:11(0) ack 1001
  +.001 < F. 1001:1001(0) ack 12
  +.001 > .  12:12(0) ack 1002`;

/** Six of them, a tenth of a second apart. */
export const healthy = connections(6, (i) => wholeConnection(i * 0.1));

/** SYNs to sixty ports that nobody answers. */
export const lonelySyns = connections(
  60,
  (i) => `+${i * 0.01} > S 0:0(0)`,
  (i) => ({ serverPort: 1000 + i }),
);

/** The TCP segments whose flags and payload length pass the test. */
export const segments = (frames: readonly ScriptedFrame[], keep: (flags: number, length: number) => boolean): readonly ScriptedFrame[] =>
  frames.filter(({ segment }) => segment.kind === 'tcp' && keep(segment.flags, segment.length));

export const isRst = ({ segment }: ScriptedFrame): boolean => segment.text.includes(' R');

/** IPv4 TTL at octet 8 of the IP header, behind 14 octets of Ethernet; the checksum is nobody's business here. */
export const withTtl = (
  ttl: number,
  frames: readonly ScriptedFrame[],
  which: (frame: ScriptedFrame) => boolean,
): readonly ScriptedFrame[] =>
  frames.map((f) => {
    if (!which(f)) return f;
    const bytes = Uint8Array.from(f.bytes);
    bytes[14 + 8] = ttl;
    return { ...f, bytes };
  });
