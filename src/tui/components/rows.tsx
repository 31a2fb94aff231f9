/** Rows of finished text. */
import { Box, Transform } from 'ink';
import { createContext, memo, type ReactNode, useContext } from 'react';
import { type Line, lineText, span } from '../present/line.ts';
import { widthOf } from '../present/text.ts';
import { paint } from '../theme.ts';

export const LookContext = createContext<{ readonly color: boolean; readonly ascii: boolean }>({ color: true, ascii: false });

/**
 * Ink measures the blanks and draws the text. Its cache of measured strings is never emptied (build/measure-text.js of 6.8.0)
 * and would otherwise grow by every row that was ever on the screen.
 */
const Painted = memo(function Painted({ text, width }: { readonly text: string; readonly width: number }): ReactNode {
  return <Transform transform={() => text}>{' '.repeat(Math.max(1, width))}</Transform>;
});

/** One row, already as wide as its place. */
export function Row({ line, selected = false }: { readonly line: Line; readonly selected?: boolean }): ReactNode {
  const look = useContext(LookContext);
  return <Painted text={paint(line, { ...look, selected })} width={widthOf(lineText(line))} />;
}

interface RowsProps {
  readonly lines: readonly Line[];
  readonly height: number;
  readonly width: number;
  /** Index of the row under the cursor. */
  readonly selected?: number;
}

/** Exactly `height` rows: what is missing is left empty, what is too much is not drawn. */
export function Rows({ lines, height, width, selected }: RowsProps): ReactNode {
  return (
    <Box flexDirection="column" height={height} width={width}>
      {lines.slice(0, height).map((line, i) => (
        <Row key={i} line={line} selected={i === selected} />
      ))}
    </Box>
  );
}

/** A vertical rule between two panes, with a blank at its right. */
export function Divider({ height }: { readonly height: number }): ReactNode {
  return <Rows lines={Array.from({ length: height }, () => [span('│ ', 'dim')])} height={height} width={2} />;
}
