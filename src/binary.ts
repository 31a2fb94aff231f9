/** The program when it is one executable: the file that it would start for a process of its own is inside of it, too. */
import { CHILD } from './commands/cross-reading.ts';

// Imported when it is known which: either begins to work as it is loaded.
if (process.env[CHILD.variable] === CHILD.value) await import('./commands/cross-reader.ts');
else await import('./cli.ts');
