/** From a command of the key table to what carries it out: movement, a line that is typed into, or an action. */
import { ACTIONS, goToRow, move } from './commands.ts';
import type { Command } from './keymap.ts';
import { runFollowCommand } from './follow-view.ts';
import { helpHeight, scrollHelp } from './help.ts';
import { moved } from './menu.ts';
import { heightOf, movement, topView } from './navigation.ts';
import { PROMPT_ACTIONS } from './prompting.ts';
import type { Store } from './store.ts';
import { runTimeCommand } from './time-view.ts';

/** @param count the number typed before it: rows to move by, or the row to go to */
export function runCommand(store: Store, command: Command, count: number | null): void {
  const state = store.state();
  const height = state.help === null ? heightOf(topView(state), state) : helpHeight(state);
  const step = movement(command, height);
  if (step === undefined) perform(store, command);
  else if (state.menu !== null) store.update({ menu: moved(state.menu, step) });
  else if (state.help !== null) scrollHelp(store, step);
  else if (count === null) move(store, step);
  else if (command === 'first' || command === 'last') goToRow(store, count);
  else move(store, step * count);
}

function perform(store: Store, command: Command): void {
  if (!runTimeCommand(store, command) && !runFollowCommand(store, command)) (ACTIONS[command] ?? PROMPT_ACTIONS[command])?.(store);
}
