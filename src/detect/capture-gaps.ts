/** Segments that were acknowledged and are not in the capture: it dropped them, not the path. */
import type { ConnectionView } from '../model/connection.ts';
import { countText, plural } from '../model/wording.ts';
import { captureDraft } from './capture-finding.ts';
import { defineDetector, found } from './detector.ts';

/** Where the option was not captured: Ethernet with IPv4. */
const USUAL_MSS = 1_460;

/** More is missing than the segments that were sent again can have filled: of several holes only the newest is followed. */
function isGap(c: ConnectionView): boolean {
  if (c.basis === 'one-sided') return false;
  return c.ends.some(
    (end) => end.missedBytes > (end.retransmissions + end.outOfOrder) * Math.max(end.mss ?? USUAL_MSS, end.lastPayloadLength),
  );
}

export const captureGaps = defineDetector({
  id: 'capture-gaps',
  title: 'The capture lost segments that the connection did not',
  severity: 'info',
  category: 'capture',
  params: {},
  docs: {
    what: 'Octets were acknowledged by their receiver, or skipped by their sender without ever being sent again, and no segment with them is in the capture.',
    why: 'A receiver acknowledges only what it got, so the network delivered them: the capture is incomplete, not the path. Counts, and rules that look for something missing, are to be doubted there.',
    how: 'Per direction the sequence space is followed; octets beyond the highest one seen that an acknowledgment covers, and holes that no later segment fills, count as missed.',
    never:
      'Loss that the path repaired: octets that segments sent again can have filled. Captures of one direction or of SYN, FIN and RST alone, where everything else is missing on purpose. Acknowledgments further ahead than any window belong to another incarnation, or are forged.',
    limits:
      'With IP fragments that could not be put together, the rule is inconclusive. Loss in front of the capture point that is never repaired before the capture ends looks the same.',
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
