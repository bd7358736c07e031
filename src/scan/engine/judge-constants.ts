// Programs that hide in the constants of a graph, as they may in weights: a constant passes where a file would be stopped. Reads the encoded bytes
// and decodes nothing.
import { bodiesOf, locationOf, type Program } from '../graph/index.ts';
import type { ScanContext } from '../scan-context.ts';
import { findPayload, searchBudget } from '../weights/index.ts';

/** No program of any kind is smaller. */
const minBytes = 256;
/** All constants of a graph; beyond that only the size of the graph would be measured. */
const maxBytes = 1024 ** 3;

export function judgeConstants(program: Program, context: ScanContext): void {
  const budget = searchBudget();
  let left = maxBytes;
  for (const body of bodiesOf(program)) {
    for (let node = body.argCount; node < body.nodeCount; node++) {
      if (body.op(node) !== 'Const') continue;
      const bytes = body.attrBytes(node, 'value');
      if (bytes === undefined || bytes.length < minBytes || bytes.length > left) continue;
      left -= bytes.length;
      const payload = findPayload(bytes, { budget });
      // Archives and pickles of harmless names are what tables and graphs in strings look like.
      if (payload?.severity !== 'high') continue;
      const [trigger = 'none'] = program.reach.triggersOf(body, node);
      context.report({
        ruleId: 'payload/in-weights',
        severity: 'high',
        trigger,
        message: `The constant "${body.name(node)}" holds ${payload.what}`,
        location: locationOf(program, body, node),
        chain: program.reach.chainTo(body, node, trigger),
      });
    }
  }
}
