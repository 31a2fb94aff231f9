/**
 * The program of the process that `check --cross-read` starts: one file read by both readers, and the answer sent to whoever started it.
 * A package that hangs or takes all memory takes this process with it and nothing else.
 */
import { crossRead, type CrossReadResult } from '../capture/cross-read.ts';
import { TcpdiagError } from '../model/errors.ts';

const path = process.argv.at(-1);
if (path !== undefined && process.send !== undefined) {
  process.send(await answer(path), () => process.exit());
}

async function answer(capture: string): Promise<CrossReadResult> {
  try {
    return await crossRead(capture);
  } catch (error) {
    if (!(error instanceof TcpdiagError)) throw error;
    return { verdict: 'not-comparable', because: error.message };
  }
}
