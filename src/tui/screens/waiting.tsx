/** In place of an answer that is on its way, or that could not be given. */
import type { ReactNode } from 'react';
import { Rows } from '../components/rows.tsx';
import type { Loaded } from '../navigation.ts';
import { fitLine, span } from '../present/line.ts';
import { wrap } from '../present/text.ts';

export function Waiting({
  data,
  what,
  height,
  width,
}: {
  readonly data: Loaded<unknown>;
  readonly what: string;
  readonly height: number;
  readonly width: number;
}): ReactNode {
  const text = data.error === null ? `Reading ${what} …` : `Cannot show ${what}: ${data.error}`;
  const lines = wrap(text, width - 4).map((line) => fitLine([span('  '), span(line, data.error === null ? 'dim' : 'warning')], width));
  return <Rows lines={[fitLine([], width), ...lines]} height={height} width={width} />;
}
