import { UsageError } from '../model/errors.ts';

/** What was asked for by number is not in the capture; the numbers that are. */
export const missing = (what: string, asked: number, first: number, last: number): UsageError =>
  new UsageError(
    last < first
      ? `there is no ${what} ${String(asked)}: the capture holds none`
      : `there is no ${what} ${String(asked)}: the capture has ${String(first)} to ${String(last)}`,
  );
