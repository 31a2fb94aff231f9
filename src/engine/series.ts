/** The time series of a report. */
import type { Series } from '../model/report.ts';
import { Counter, Gauge, type TimeSeries } from '../track/time-series.ts';

/** @param start of the first bucket; null: there is no packet */
export const seriesOf = (series: TimeSeries, start: string | null): Series => ({
  bucketSeconds: series.bucketSeconds,
  start,
  syn: series.counts(Counter.SYN),
  synAnswered: series.counts(Counter.SYN_ANSWERED),
  completed: series.counts(Counter.COMPLETED),
  rst: series.counts(Counter.RST),
  retransmissions: series.counts(Counter.RETRANSMISSIONS),
  halfOpen: series.gauge(Gauge.HALF_OPEN),
  closeWait: series.gauge(Gauge.CLOSE_WAIT),
  timeWait: series.gauge(Gauge.TIME_WAIT),
  connectP50: series.connectQuantile(0.5),
  connectP99: series.connectQuantile(0.99),
});
