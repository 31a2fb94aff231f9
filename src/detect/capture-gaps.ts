/** Segments that were acknowledged and are not in the capture: it dropped them, not the path. */
import type { ConnectionView } from '../model/connection.ts';
import { countText, plural } from '../model/wording.ts';
import { captureDraft } from './capture-finding.ts';
import { defineDetector, found } from './detector.ts';

const isGap = (c: ConnectionView): boolean => c.basis !== 'one-sided' && c.ends.some((end) => end.missedBytes > 0);

export const captureGaps = defineDetector({
  id: 'capture-gaps',
  title: 'The capture lost segments that the connection did not',
  severity: 'info',
  category: 'capture',
  params: {},
  docs: {
    what: 'Octets were acknowledged by their receiver, and no segment with them is in the capture.',
    why: 'A receiver acknowledges only what it got, so the network delivered them: the capture is incomplete, not the path. Counts, and rules that look for something missing, are to be doubted there.',
    how: 'Per direction the holes in the sequence space are followed. One that an acknowledgment covers before any segment fills it is a gap in the capture. So are acknowledged octets beyond the highest one seen, once their sender has gone on behind them.',
    never:
      'Loss that the path repaired: a hole that a later segment fills was lost or overtaken on the path. A hole that nobody acknowledged. An acknowledgment of more than was sent that its receiver answers by a RST or a challenge ACK, or after which it says nothing: it belongs to another incarnation, or is forged. Captures of one direction or of SYN, FIN and RST alone, where everything else is missing on purpose.',
    limits:
      'With IP fragments that could not be put together, the rule is inconclusive. Of more than 16 holes at once in one direction the oldest is forgotten, and so is not counted.',
    references: ['Wireshark: TCP ACKed unseen segment', 'Zeek: missed_bytes', 'tcpdump: "packets dropped by kernel"'],
  },
  detect: (capture) => {
    const { quality } = capture;
    if (quality.flagsOnly)
      return { verdict: 'not-applicable', because: 'only SYN, FIN and RST were captured: everything between them is missing on purpose' };
    if (quality.oneDirection)
      return { verdict: 'not-applicable', because: 'only one direction was captured: the other is missing altogether' };
    const ids = quality.doubtful.withGaps.filter((id) => isGap(capture.connection(id)));
    if (ids.length === 0) return { verdict: 'clear' };
    if (quality.fragments > 0) {
      return {
        verdict: 'inconclusive',
        because: `octets are missing, but ${plural(quality.fragments, 'IP fragment')} that could not be put together may hold them`,
      };
    }
    const count = quality.withGaps > quality.doubtful.withGaps.length ? quality.withGaps : ids.length;
    return found([
      captureDraft(capture, {
        confidence: 'high',
        title: `The capture lost segments of ${plural(count, 'connection')}`,
        summary: `${plural(count, 'connection has', 'connections have')} octets that were acknowledged but never captured, ${countText(quality.missedBytes)} in all. Their receivers got them, so the capture dropped these segments and not the path. What is absent from this capture proves nothing there.`,
        count,
        connections: ids,
        note: 'a connection with acknowledged octets that are not in the capture',
        metrics: { connections: count, missedBytes: quality.missedBytes },
        causes: [
          {
            text: 'the capturing host was too slow for the traffic: its buffer was full',
            likelihood: 'high',
            because: 'the receivers acknowledged what the capture lacks',
          },
          {
            text: 'the mirror port was overloaded',
            likelihood: 'medium',
            because: 'a switch drops mirrored frames first, without a trace in the capture',
          },
        ],
        remedies: [
          {
            text: 'capture with a larger buffer, a small snap length and a filter, and read the count of dropped packets at the end',
            command: 'tcpdump -B 65536 -s 128 -w out.pcap FILTER',
            appliesTo: 'the next capture',
          },
        ],
      }),
    ]);
  },
});
