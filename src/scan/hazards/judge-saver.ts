// Checkpoint operations. Every SavedModel with variables saves and restores with them, so they are silent exactly where the saver asks for it:
// the file name comes from the saver, or from the function that TensorFlow calls with it. Reached in any other way, they read, overwrite and
// delete files like every other file operation.
import type { Body } from '../graph/index.ts';
import { argumentUses } from './argument-use.ts';
import type { Case, OpRisk } from './hazard-types.ts';
import { reportPath } from './judge-paths.ts';
import { isSaverPath } from './own-paths.ts';
import { chainAt, named, reportHazard, triggersAt } from './report-hazard.ts';

/** Restoring is what loading is for: the restore operation in the C++ loader, restore functions of objects in Python. */
function isRestoring(c: Case, body: Body, node: number): boolean {
  return triggersAt(c, body, node).every((trigger) => {
    if (trigger === 'saver') return true;
    if (!trigger.startsWith('load')) return false;
    return chainAt(c, body, node, trigger)[0]?.via.startsWith('restore ') === true;
  });
}

/** Judges SaveV2, RestoreV2, MergeV2Checkpoints and their elders. */
export function judgeSaverOp(c: Case, body: Body, node: number, risk: OpRisk): void {
  const places = risk.at.flatMap((place) => {
    const index = c.context.ops.get(body.op(node))?.inputs.findIndex(({ name }) => place === `in:${name}`) ?? -1;
    const edge = body.inputs(node)[index];
    return edge === undefined ? [] : [{ body, edge }];
  });
  const isSaver = places.length > 0 && places.every((place) => isSaverPath(c, place));
  const isWrite = !risk.ruleId.startsWith('file-read/');
  // Savers of training that nobody names: whoever fetches them in a MetaGraph or graph means to save.
  const isLeftOver = c.program.kind !== 'saved-model';
  const isOrdinary = isWrite ? c.program.reach.isSaverOnly(body, node) : isRestoring(c, body, node);
  if (isSaver && (isOrdinary || isLeftOver || triggersAt(c, body, node).length === 0)) return;
  if (isSaver) {
    // The path is ordinary, the way to it is not: a request or loading writes over the checkpoint.
    const [trigger] = triggersAt(c, body, node);
    const way = trigger === undefined ? '' : ` (${chainAt(c, body, node, trigger)[0]?.via ?? trigger})`;
    reportHazard(c, body, node, {
      ruleId: risk.ruleId,
      severity: risk.severity,
      message: `${named(body, node)} ${risk.verb} the file name of the saver outside of saving and restoring${way}`,
      argument: { name: risk.at[0]?.slice('in:'.length) ?? '', origin: 'saver' },
      ...(risk.effect === undefined ? {} : { effect: risk.effect }),
    });
    return;
  }
  const [use] = argumentUses(c, body, node, risk.at);
  if (use !== undefined) reportPath(c, body, node, risk, use);
}
