/**
 * Rows as Apache Parquet, for DuckDB, pandas, Spark: the columns are the rows' own keys, nested as they are there. A key that a row does
 * not have is null; times are nanoseconds since 1970 (UTC). Rows are packed group by group, so a million never exist at once.
 */
import type { ParquetWriter } from 'hyparquet-writer';
import { parseTimeArgument } from '../model/clock.ts';
import type { ConnectionRow, EndpointRow, SocketRow, SynOptions, TransitionRow } from '../model/report.ts';
import { TOOL_NAME, TOOL_VERSION } from '../model/version.ts';

type Column =
  | 'text'
  | 'bool'
  | 'int32'
  | 'int64'
  | 'double'
  | 'time'
  | { readonly list: Column }
  | { readonly group: Readonly<Record<string, Column>> };

/** One column for each key of a row: one that is new and missing here does not compile. */
type Columns<Row> = Readonly<Record<keyof Row, Column>>;

const OPTIONS: Columns<SynOptions> = {
  mss: 'int32',
  windowScale: 'int32',
  sackPermitted: 'bool',
  timestamps: 'bool',
  fastOpen: 'bool',
  mptcp: 'bool',
};

const ENDPOINT: Columns<EndpointRow> = {
  ip: 'text',
  port: 'int32',
  state: 'text',
  stateSince: 'time',
  packets: 'int64',
  ipBytes: 'int64',
  payloadBytes: 'int64',
  syn: 'int64',
  synAck: 'int64',
  fin: 'int64',
  rst: 'int64',
  firstSynFrame: 'int64',
  firstSynAckFrame: 'int64',
  firstFinFrame: 'int64',
  firstRstFrame: 'int64',
  retransmissions: 'int64',
  outOfOrder: 'int64',
  missedBytes: 'int64',
  sequenceBytes: 'int64',
  endSent: 'time',
  delaySeconds: 'double',
  options: { group: OPTIONS },
  profile: 'text',
  profileFrom: 'text',
  name: 'text',
  nameFrom: 'text',
};

const TRANSITION: Columns<TransitionRow> = {
  time: 'time',
  localTime: 'time',
  frame: 'int64',
  endpoint: 'text',
  from: 'text',
  to: 'text',
  cause: 'text',
  assumed: 'bool',
  file: 'int32',
  fileFrame: 'int64',
};

const CONNECTION: Columns<ConnectionRow> = {
  type: 'text',
  id: 'int64',
  client: { group: ENDPOINT },
  server: { group: ENDPOINT },
  encapsulation: { list: 'text' },
  basis: 'text',
  rolesFrom: 'text',
  start: 'time',
  end: 'time',
  duration: 'double',
  firstFrame: 'int64',
  lastFrame: 'int64',
  connectSeconds: 'double',
  handshakeRtt: 'double',
  clientSideRtt: 'double',
  serverSideRtt: 'double',
  outcome: 'text',
  closedBy: 'text',
  connState: 'text',
  history: 'text',
  completeness: 'int32',
  transitions: { list: { group: TRANSITION } },
  findings: { list: 'text' },
  copies: 'int64',
  lastCopy: { group: { interfaceIndex: 'int32', hops: 'int32' } },
  leg: 'int32',
  sameAs: 'int64',
};

const SOCKET: Columns<SocketRow> = {
  type: 'text',
  at: 'time',
  host: 'text',
  local: 'text',
  remote: 'text',
  state: 'text',
  since: 'time',
  basis: 'text',
  connection: 'int64',
  leg: 'int32',
  sameAs: 'int64',
  localName: 'text',
  remoteName: 'text',
};

export const connectionParquet = (rows: Iterable<ConnectionRow>): AsyncGenerator<Uint8Array> => parquet(rows, CONNECTION);
export const socketParquet = (rows: Iterable<SocketRow>): AsyncGenerator<Uint8Array> => parquet(rows, SOCKET);

/** A compromise: readers skip groups by their statistics, and one group is in memory at a time. */
const ROWS_PER_GROUP = 16_384;

async function* parquet<Row extends object>(rows: Iterable<Row>, columns: Columns<Row>): AsyncGenerator<Uint8Array> {
  // Loaded when somebody wants it: nobody else should wait for it.
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer');
  const schema = [{ name: 'row', num_children: Object.keys(columns).length }, ...elements(columns)];
  const writer = new ByteWriter();
  const file: ParquetWriter = new ParquetWriter({ writer, schema, createdBy: `${TOOL_NAME} version ${TOOL_VERSION}` });
  const written = (): Uint8Array => {
    const bytes = writer.getBytes().slice();
    writer.index = 0;
    return bytes;
  };
  let group: Row[] = [];
  const pack = (): Uint8Array => {
    const columnData = Object.entries<Column>(columns).map(([name, column]) => ({
      name,
      data: group.map((row) => packed(row[name as keyof Row], column)),
    }));
    void file.write({ columnData, rowGroupSize: ROWS_PER_GROUP });
    group = [];
    return written();
  };
  for (const row of rows) {
    group.push(row);
    if (group.length === ROWS_PER_GROUP) yield pack();
  }
  if (group.length > 0) yield pack();
  void file.finish();
  yield written();
}

type Element = ConstructorParameters<typeof ParquetWriter>[0]['schema'][number];

const elements = (columns: Readonly<Record<string, Column>>): readonly Element[] =>
  Object.entries(columns).flatMap(([name, column]) => elementsOf(name, column));

/** https://parquet.apache.org/docs/file-format/types/logicaltypes: groups before their members, a list in its three levels. */
function elementsOf(name: string, column: Column): readonly Element[] {
  const repetition_type = 'OPTIONAL';
  if (typeof column === 'object') {
    if ('group' in column) return [{ name, repetition_type, num_children: Object.keys(column.group).length }, ...elements(column.group)];
    const list: Element = { name: 'list', repetition_type: 'REPEATED', num_children: 1 };
    return [{ name, repetition_type, converted_type: 'LIST', num_children: 1 }, list, ...elementsOf('element', column.list)];
  }
  switch (column) {
    case 'text':
      return [{ name, repetition_type, type: 'BYTE_ARRAY', converted_type: 'UTF8' }];
    case 'bool':
      return [{ name, repetition_type, type: 'BOOLEAN' }];
    case 'int32':
      return [{ name, repetition_type, type: 'INT32' }];
    case 'int64':
      return [{ name, repetition_type, type: 'INT64' }];
    case 'double':
      return [{ name, repetition_type, type: 'DOUBLE' }];
    case 'time':
      return [{ name, repetition_type, type: 'INT64', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'NANOS' } }];
  }
}

function packed(value: unknown, column: Column): unknown {
  if (value === null || value === undefined) return undefined;
  if (typeof column === 'object') {
    if ('list' in column) return (value as readonly unknown[]).map((v) => packed(v, column.list));
    const members = value as Readonly<Record<string, unknown>>;
    return Object.fromEntries(Object.entries(column.group).map(([key, member]) => [key, packed(members[key], member)]));
  }
  if (column === 'int64') return BigInt(value as number);
  return column === 'time' ? epochNanos(value as string) : value;
}

/** undefined: beyond the year 2261, which 64 bits of nanoseconds do not hold, or no calendar has. */
function epochNanos(text: string): bigint | undefined {
  const time = parseTimeArgument(text);
  if (time?.kind !== 'absolute') return undefined;
  const since = BigInt(time.seconds) * 1_000_000_000n + BigInt(time.nanos);
  return since === BigInt.asIntN(64, since) ? since : undefined;
}
