/** Counted over all segments; rules ask what the capture lacks everywhere. */
import { Flag } from '../model/flags.ts';

export class SegmentCounts {
  tcp = 0;
  syn = 0;
  fin = 0;
  rst = 0;
  payload = 0;
  plain = 0;

  /** Sums and no branches: code that was optimised before the first FIN need not be thrown away for it. */
  control(flags: number): void {
    this.fin += flags & Flag.FIN;
    this.syn += (flags & Flag.SYN) >> 1;
    this.rst += (flags & Flag.RST) >> 2;
  }
}
