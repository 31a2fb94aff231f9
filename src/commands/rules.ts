/** `rules`: what is looked for and with which thresholds. `explain`: one rule's full documentation. */
import type { Command } from 'commander';
import { explainWithExample } from '../engine/explain.ts';
import { ruleNamed } from '../engine/option-check.ts';
import { explanationText, ruleFormats } from '../report/index.ts';
import { chosenFormat, documentPage, resultOptions, ruleOptions, tablePage, type Flags } from './options.ts';
import { writeResult } from './output.ts';
import { rulesOf } from './settings.ts';
import type { World } from './world.ts';

export const declareRules = (command: Command): Command =>
  ruleOptions(resultOptions(command.description('the rules with their parameters and defaults'), ruleFormats));

export async function rules(world: World, flags: Flags): Promise<number> {
  const format = chosenFormat(flags, ruleFormats, 'rules');
  await writeResult(world, format(await rulesOf(world, flags), tablePage(world, flags)), flags.output);
  return 0;
}

export const declareExplain = (command: Command): Command =>
  ruleOptions(
    resultOptions(
      command.description("one rule's full explanation").argument('<rule>', 'its id, as findings and tcpdiag rules name it'),
      null,
    ),
  );

export async function explain(world: World, id: string, flags: Flags): Promise<number> {
  const rule = ruleNamed(id, await rulesOf(world, flags));
  const about = `usually ${rule.severity}; category: ${rule.category}; thresholds are changed with --set ${rule.id}.PARAM=VALUE`;
  const page = {
    ...(await explainWithExample([rule], id)),
    about: Object.keys(rule.params).length > 0 ? about : `usually ${rule.severity}; category: ${rule.category}`,
  };
  await writeResult(world, explanationText(page, documentPage(world, flags)), flags.output);
  return 0;
}
