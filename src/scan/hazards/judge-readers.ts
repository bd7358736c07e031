// Readers of TensorFlow 1 (WholeFileReader, TextLineReader, …): the names of the files come through a queue, so the path is wherever something
// is put into that queue.
import type { Body } from '../graph/index.ts';
import { origins } from '../scan-types.ts';
import { hint } from './argument-use.ts';
import type { Case, OpRisk } from './hazard-types.ts';
import { reportPath } from './judge-paths.ts';
import { type PathUse, pathUse } from './path-origin.ts';

const enqueues = ['QueueEnqueue', 'QueueEnqueueMany', 'QueueEnqueueManyV2', 'QueueEnqueueV2'];
const maxQueued = 1000;
// Reads no file: it hands on what the queue holds.
const identityReaders: ReadonlySet<string> = new Set(['IdentityReader', 'IdentityReaderV2']);

export const readingOps: readonly string[] = ['ReaderRead', 'ReaderReadV2', 'ReaderReadUpTo', 'ReaderReadUpToV2'];

function overlaps(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  for (const name of a) if (b.has(name)) return true;
  return false;
}

/** The worst file name that is put into the queue; undefined when surely none is dangerous. */
function queuedPath(c: Case, queue: ReadonlySet<string>): PathUse | undefined {
  let worst: PathUse | undefined;
  let isFilled = false;
  const refs = enqueues.flatMap((op) => c.resources.nodesOf(op)).slice(0, maxQueued);
  for (const { body, node } of refs) {
    if (!overlaps(c.resources.namesAt(body, node, 0), queue)) continue;
    isFilled = true;
    const found = pathUse(c.values.input(body, node, 1), c.folder.assets);
    const use = found === undefined || found.value !== undefined ? found : { ...found, ...hint(c, body, body.inputs(node)[1]) };
    if (use !== undefined && (worst === undefined || origins.indexOf(use.origin) > origins.indexOf(worst.origin))) worst = use;
  }
  if (!isFilled) return { origin: 'computed', value: 'file names from a queue that something else fills', more: 0 };
  return worst;
}

/** Judges an operation that reads through a reader. */
export function judgeReader(c: Case, body: Body, node: number): void {
  const readers = c.resources.creatorsAt(body, node, 0);
  const kinds = [...new Set(readers.map((ref) => ref.body.op(ref.node)))];
  if (kinds.length > 0 && kinds.every((kind) => identityReaders.has(kind))) return;
  const use = queuedPath(c, c.resources.namesAt(body, node, 1));
  if (use === undefined) return;
  const kind = kinds[0] ?? 'a reader';
  const risk: OpRisk = {
    ops: [],
    ruleId: 'file-read/reader',
    severity: 'high',
    verb: `reads with ${kind}`,
    object: 'files',
    at: [],
  };
  reportPath(c, body, node, risk, { ...use, name: 'queue_handle' });
}
