/**
 * The rule set is Wireshark's (packet-tcp.c, tcp_analyze_sequence_number); what each trace must say is what tshark says of it,
 * except where a comment names the departure.
 */
import { describe, expect, test } from 'vitest';
import { type SegmentFacts, SegmentNotes } from '../../src/engine/segment-notes.ts';
import { Flag } from '../../src/model/flags.ts';
import { Side } from '../../src/model/state.ts';
import { nanos } from '../../src/model/units.ts';
import { DEFAULT_CLIENT_ISN, DEFAULT_SERVER_ISN, parseScript } from '../support/script.ts';

const HANDSHAKE = `
+0    > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
+.010 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
+.010 > .  1:1(0) ack 1 win 502`;

/** Plays the lines after the handshake; each `# note, note` is what must be said of its line, no comment: nothing. */
function judged(script: string, opening = HANDSHAKE): { said: string[]; expected: string[] } {
  const notes = new SegmentNotes();
  const lines = script.split('\n').filter((line) => line.trim() !== '');
  const expected = lines.map((line) => `${line.split('#')[0]!.trim()} # ${line.split('# ')[1]?.trim() ?? ''}`);
  const said: string[] = [];
  const opened = parseScript(opening).length;
  parseScript(`${opening}\n${script}`).forEach((s, i) => {
    if (s.kind !== 'tcp') return;
    const side = s.from === 'client' ? Side.CLIENT : Side.SERVER;
    const [own, other] = side === Side.CLIENT ? [DEFAULT_CLIENT_ISN, DEFAULT_SERVER_ISN] : [DEFAULT_SERVER_ISN, DEFAULT_CLIENT_ISN];
    const result = notes.note({
      side,
      time: nanos(s.at),
      seq: (own + s.seq) | 0,
      ack: s.ack === null ? 0 : (other + s.ack) | 0,
      flags: s.flags,
      length: s.length,
      window: s.window,
      ...optionsOf(s.options),
    });
    if (i >= opened) said.push(`${s.text.trim()} # ${result.join(', ')}`);
  });
  return { said, expected };
}

/** Window scale and whether there is SACK, read straight off the option bytes that the script wrote. */
function optionsOf(bytes: Uint8Array): Pick<SegmentFacts, 'windowScale' | 'hasSack'> {
  let windowScale = -1;
  let hasSack = false;
  for (let at = 0; at < bytes.length; at += bytes[at] === 1 ? 1 : bytes[at + 1]!) {
    if (bytes[at] === 3) windowScale = bytes[at + 2]!;
    if (bytes[at] === 5) hasSack = true;
  }
  return { windowScale, hasSack };
}

describe('what a segment is called', () => {
  test.each([
    [
      'data that is acknowledged has no name',
      `
      +.1  > P. 1:101(100) ack 1 win 502
      +.01 < .  1:1(0) ack 101 win 509
      +.01 < P. 1:1001(1000) ack 101 win 509
      +.01 > .  101:101(0) ack 1001 win 501
      +.01 > F. 101:101(0) ack 1001 win 501
      +.01 < F. 1001:1001(0) ack 102 win 509
      +.01 > .  102:102(0) ack 1002 win 501`,
    ],
    [
      'the same octets after a timeout',
      `
      +.1  > P. 1:101(100) ack 1 win 502
      +.21 > P. 1:101(100) ack 1 win 502 # retransmission`,
    ],
    [
      'a FIN and a SYN-ACK are sent again too',
      `
      +1   < S. 0:0(0) ack 1 win 65160   # retransmission
      +0   > .  1:1(0) ack 1 win 502     # dup ack #1
      +.1  > F. 1:1(0) ack 1 win 502
      +.3  > F. 1:1(0) ack 1 win 502     # retransmission`,
    ],
    [
      'octets that the other end has acknowledged already',
      `
      +.1  > P. 1:101(100) ack 1 win 502
      +.01 < .  1:1(0) ack 101 win 509
      +.3  > P. 1:101(100) ack 1 win 502 # spurious retransmission`,
    ],
    [
      'a hole, three duplicate ACKs, and the segment that fills it at once',
      `
      +.1   > . 1:1001(1000) ack 1 win 502
      +.01  < . 1:1(0) ack 1001 win 509
      +.01  > . 2001:3001(1000) ack 1 win 502               # previous segment not captured
      +0    > . 3001:4001(1000) ack 1 win 502
      +0    > . 4001:5001(1000) ack 1 win 502
      +.01  < . 1:1(0) ack 1001 win 509 <sack 2001:3001>    # dup ack #1
      +.001 < . 1:1(0) ack 1001 win 509 <sack 2001:4001>    # dup ack #2
      +.001 < . 1:1(0) ack 1001 win 509 <sack 2001:5001>    # dup ack #3
      +.005 > . 1001:2001(1000) ack 1 win 502               # fast retransmission
      +.01  < . 1:1(0) ack 5001 win 509`,
    ],
    [
      'with SACK it is a duplicate ACK though its window grew (Wireshark 4.0: a window update), without it is not',
      `
      +.1   > . 1001:2001(1000) ack 1 win 502               # previous segment not captured
      +.01  < . 1:1(0) ack 1 win 600 <sack 1001:2001>       # dup ack #1
      +0    < . 1:1(0) ack 1 win 700                        # window update`,
    ],
    [
      'a segment overtaken by the next, within the round trip (20 ms here)',
      `
      +.1   > . 1001:2001(1000) ack 1 win 502 # previous segment not captured
      +.002 > . 1:1001(1000) ack 1 win 502    # out-of-order
      +.01  < . 1:1(0) ack 2001 win 509`,
    ],
    [
      'a segment long after its place is a resend, not reordering',
      `
      +.1  > . 1001:2001(1000) ack 1 win 502 # previous segment not captured
      +.25 > . 1:1001(1000) ack 1 win 502    # retransmission`,
    ],
    [
      'an ACK for octets that passed elsewhere',
      `
      +.1  < . 1:1(0) ack 501 win 509        # ack of unseen segment
      +.1  > P. 501:601(100) ack 1 win 502   # previous segment not captured`,
    ],
    [
      'keep-alive and its answer',
      `
      +10  > . 0:0(0) ack 1 win 502 # keep-alive
      +.01 < . 1:1(0) ack 1 win 65160 # keep-alive ack
      +10  > . 0:1(1) ack 1 win 502 # keep-alive`,
    ],
    [
      'a window that closes, is probed, and opens',
      `
      +.1  > P. 1:101(100) ack 1 win 502
      +.01 < .  1:1(0) ack 101 win 0   # zero window
      +.2  > .  100:100(0) ack 1 win 502 # zero window probe
      +.01 < .  1:1(0) ack 101 win 0   # zero window, zero window probe ack
      +.4  > .  100:100(0) ack 1 win 502 # zero window probe
      +1   < .  1:1(0) ack 101 win 509 # window update
      +.01 > P. 101:201(100) ack 1 win 502`,
    ],
    [
      'an octet sent into a closed window is a probe, and sent again still one (tcptrace; Wireshark calls the second a retransmission)',
      `
      +.1  > P. 1:101(100) ack 1 win 502
      +.01 < .  1:1(0) ack 101 win 0     # zero window
      +.2  > .  101:102(1) ack 1 win 502 # zero window probe
      +.4  > .  101:102(1) ack 1 win 502 # zero window probe
      +1   < .  1:1(0) ack 102 win 509
      +.1  > P. 102:202(100) ack 1 win 502`,
    ],
    [
      'the last octet that the window allows: 2 x 128',
      `
      +.1  < . 1:1(0) ack 1 win 2        # window update
      +.1  > P. 1:257(256) ack 1 win 502 # window full`,
    ],
    [
      'the window of a SYN-ACK is not scaled: 1,000 octets, not 128,000',
      `
      +.1  > P. 1:1001(1000) ack 1 win 502 # window full`,
      `
      +0    > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
      +.010 < S. 0:0(0) ack 1 win 1000 <mss 1460,sackOK,wscale 7>
      +.010 > .  1:1(0) ack 1 win 502`,
    ],
    [
      'data that an ACK without data overtook',
      `
      +.1   > . 101:101(0) ack 1 win 502     # previous segment not captured
      +.001 > P. 1:101(100) ack 1 win 502    # out-of-order`,
    ],
    [
      'of unseen octets it is said once, until their sender acknowledges more',
      `
      +.1  < . 1:1(0) ack 501 win 509        # ack of unseen segment
      +.1  < . 1:1(0) ack 1001 win 509
      +.1  < P. 1:11(10) ack 1001 win 509
      +.1  > . 1001:1001(0) ack 11 win 502   # previous segment not captured
      +.1  < . 11:11(0) ack 1501 win 509     # ack of unseen segment`,
    ],
    [
      'a stray SYN has numbers of its own and disturbs nothing',
      `
      +.1  > P. 1:101(100) ack 1 win 502
      +.1  > S  9000:9000(0)
      +.1  > P. 101:201(100) ack 1 win 502`,
    ],
    [
      'a forged RST far ahead disturbs nothing',
      `
      +.1  < R  50000:50000(0) win 0
      +.1  > P. 1:101(100) ack 1 win 502
      +.1  < P. 1:101(100) ack 101 win 509`,
    ],
  ])('%s', (_name, script, opening?: string) => {
    const { said, expected } = judged(script, opening);
    expect(said).toEqual(expected);
  });

  test('a SYN that is tried again with another ISN begins anew', () => {
    const { said, expected } = judged(
      `
      +1   > S  5000:5000(0)
      +.01 < S. 0:0(0) ack 5001
      +.01 > .  5001:5001(0) ack 1`,
      '+0 > S 0:0(0)',
    );
    expect(said).toEqual(expected);
  });

  test('a SYN-ACK begins its sender anew when that had answered the SYN as an old connection (TIME_WAIT)', () => {
    const { said, expected } = judged(
      `
      +.01 < .  7000:7000(0) ack 9000 # ack of unseen segment
      +.01 > R  9000:9000(0) win 0
      +1   > S  0:0(0)                # retransmission
      +.01 < S. 0:0(0) ack 1
      +.01 > .  1:1(0) ack 1
      +.01 > P. 1:11(10) ack 1
      +.01 < .  1:1(0) ack 11`,
      '+0 > S 0:0(0)',
    );
    expect(said).toEqual(expected);
  });

  test('without a handshake the first segment is taken as it comes', () => {
    const { said, expected } = judged('+.1 < . 9000:9000(0) ack 501', '+0 > P. 401:501(100) ack 9000');
    expect(said).toEqual(expected);
  });
});

describe('the window', () => {
  const syn = (side: Side, windowScale: number, ack: boolean): Parameters<SegmentNotes['note']>[0] => ({
    side,
    time: nanos(0),
    seq: 100,
    ack: ack ? 101 : 0,
    flags: ack ? Flag.SYN | Flag.ACK : Flag.SYN,
    length: 0,
    window: 65535,
    windowScale,
    hasSack: false,
  });

  test('is scaled once both ends have offered it, but never in a SYN (RFC 7323 §2.2)', () => {
    const notes = new SegmentNotes();
    notes.note(syn(Side.CLIENT, 7, false));
    expect(notes.scaledWindow(Side.CLIENT, 502, Flag.ACK)).toBe(502);
    notes.note(syn(Side.SERVER, 2, true));
    expect(notes.scaledWindow(Side.CLIENT, 502, Flag.ACK)).toBe(502 * 128);
    expect(notes.scaledWindow(Side.SERVER, 502, Flag.ACK)).toBe(502 * 4);
    expect(notes.scaledWindow(Side.SERVER, 65535, Flag.SYN | Flag.ACK)).toBe(65535);
  });

  test('is not scaled when one end offered nothing', () => {
    const notes = new SegmentNotes();
    notes.note(syn(Side.CLIENT, 7, false));
    notes.note(syn(Side.SERVER, -1, true));
    expect(notes.scaledWindow(Side.CLIENT, 502, Flag.ACK)).toBe(502);
  });

  test('a shift above 14 counts as 14 (RFC 7323 §2.3)', () => {
    const notes = new SegmentNotes();
    notes.note(syn(Side.CLIENT, 200, false));
    notes.note(syn(Side.SERVER, 0, true));
    expect(notes.scaledWindow(Side.CLIENT, 1, Flag.ACK)).toBe(16384);
  });
});
