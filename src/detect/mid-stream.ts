/** Connections that began before the capture did. */
import { countText, plural } from '../model/wording.ts';
import type { ConnectionView } from '../model/connection.ts';
import { secondsOf } from '../model/units.ts';
import { captureDraft } from './capture-finding.ts';
import { defineDetector, found } from './detector.ts';

/** A connection whose first segment comes this long after the capture began was silent, or came by another way until then, seconds. */
const LATE_SECONDS = 60;

/** A lone segment, answered by RST or by nothing: a scanner's, or a stray one. Without an ACK it moves no state at all. */
const isProbe = (c: ConnectionView): boolean =>
  c.transitions.length === 0 ||
  (c.client.packets + c.server.packets <= 2 && (c.client.rst + c.server.rst > 0 || c.client.fin + c.server.fin > 0));

export const midStream = defineDetector({
  id: 'mid-stream',
  title: 'Connections that began before the capture',
  severity: 'info',
  category: 'capture',
  params: {},
  docs: {
    what: 'The first segment seen of some connections is neither SYN nor SYN-ACK: they were open when the capture began.',
    why: 'Their handshake is not in the capture. Who is the client is taken from the port numbers, window scaling and negotiated options are unknown, and what happened before cannot be told.',
    how: 'Counted are connections whose first segment carries an ACK but no SYN or RST. Roles: the lower or well-known port is the server; else the first to be seen is taken for the client.',
    never: 'A lone probe or RST without a connection is not counted.',
    limits:
      'A SYN that the capture dropped looks the same; a connection that appears only late in the capture speaks for that, or for another way through the network. Connections that were folded because memory had run out and went on are not counted; nor are as many as may be that, where they were attempts or memory was too short to know them again.',
    references: ['RFC 9293 §3.5', 'Zeek: conn_state OTH'],
  },
  detect: (capture) => {
    const { quality } = capture;
    const ids = quality.doubtful.midstream.filter((id) => !isProbe(capture.connection(id)));
    if (ids.length === 0) return { verdict: 'clear' };
    // The list holds a thousand; beyond that the census has counted, probes included.
    const seen = quality.midstream > quality.doubtful.midstream.length ? quality.midstream : ids.length;
    const { resumed, perhapsResumed } = quality;
    const count = seen - resumed - perhapsResumed;
    if (count + perhapsResumed <= 0) return { verdict: 'clear' };
    if (count <= 0) {
      const because = `${plural(seen - resumed, 'connection')} may have been open before: folded into counts because memory had run out (--max-memory), and then seen again`;
      return { verdict: 'inconclusive', because };
    }
    const least = perhapsResumed === 0 ? '' : 'At least ';
    const more = [
      ...(resumed === 0 ? [] : [countText(resumed)]),
      ...(perhapsResumed === 0 ? [] : [`${resumed === 0 ? 'Up' : 'up'} to ${countText(perhapsResumed)}`]),
    ];
    const resumedText =
      more.length === 0
        ? ''
        : ` ${more.join(' and perhaps ')} more went on after they had been folded into counts, because memory had run out.`;
    const guessed = ids.filter((id) => capture.connection(id).rolesFrom === 'first-seen').length;
    const late = ids.filter((id) => secondsOf(capture.connection(id).start - capture.start) > LATE_SECONDS).length;
    const lateText =
      late === 0
        ? ''
        : ` ${plural(late, 'of them appears', 'of them appear')} more than ${LATE_SECONDS} s after the capture began: idle until then, or their SYN is missing.`;
    const guessText =
      guessed === 0 ? '' : ` Of ${plural(guessed, 'connection')} nobody can say who opened it; the first to speak is taken for the client.`;
    return found([
      captureDraft(capture, {
        confidence: 'high',
        title: `${least}${plural(count, 'connection')} began before the capture`,
        summary: `${least}${plural(count, 'connection was', 'connections were')} already open when first seen: no SYN is in the capture. Roles come from the port numbers, and rules that need the handshake say so.${guessText}${lateText}${resumedText}`,
        count,
        connections: ids,
        note: 'first segment seen, without SYN: the connection is already open',
        metrics: { midstream: count, rolesGuessed: guessed, appearingLate: late },
        causes: [],
        remedies: [
          {
            text: 'start the capture before the connections open (restart the client), where the handshake matters',
            command: null,
            appliesTo: 'the next capture',
          },
        ],
      }),
    ]);
  },
});
