// Operations that wait for another one: taking from a queue, a stage, a barrier or an accumulator that nothing fills never returns, and holds
// a thread of the server for good. Ordinary in TensorFlow 1 training graphs, whose queue runners fill the queue; in an answer to a request
// nobody runs those.
import type { Severity } from '../../core/index.ts';
import type { Body, NodeRef } from '../graph/index.ts';
import type { Trigger } from '../scan-types.ts';
import { type BlockingPair, blockingPairs } from './blocking-pairs.ts';
import type { Case } from './hazard-types.ts';
import { intAttr } from './node-facts.ts';
import { named, reportHazard, triggersAt } from './report-hazard.ts';
import { resourceName } from './resource-index.ts';

function names(c: Case, pair: BlockingPair, body: Body, node: number): ReadonlySet<string> {
  return pair.isByName ? new Set([resourceName({ body, node })]) : c.resources.namesAt(body, node, 0);
}

// More than these say nothing more.
const maxPartners = 1_000;
const maxKnown = 10_000;

/** Nodes of one side of a pair by the name of what they work on, and those of unknown name. Made once for a graph. */
class Side {
  readonly #byName = new Map<string, NodeRef[]>();
  readonly #known = new Map<string, readonly NodeRef[]>();

  constructor(c: Case, pair: BlockingPair, ops: ReadonlySet<string>) {
    for (const op of ops) {
      for (const ref of c.resources.nodesOf(op)) {
        for (const name of names(c, pair, ref.body, ref.node)) {
          const refs = this.#byName.get(name);
          if (refs === undefined) this.#byName.set(name, [ref]);
          else refs.push(ref);
        }
      }
    }
  }

  /** Those that may work on one of these; none for a name that cannot be told. */
  of(mine: ReadonlySet<string>): readonly NodeRef[] {
    const key = [...mine].join('\0');
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = new Set<NodeRef>();
    for (const name of [...mine, '?']) for (const ref of this.#byName.get(name) ?? []) found.add(ref);
    const refs = [...found].slice(0, maxPartners);
    if (this.#known.size < maxKnown) this.#known.set(key, refs);
    return refs;
  }
}

const sides = new WeakMap<Case, Map<BlockingPair, { readonly takers: Side; readonly givers: Side }>>();

function sidesOf(c: Case, pair: BlockingPair): { readonly takers: Side; readonly givers: Side } {
  const ofCase = sides.get(c) ?? new Map<BlockingPair, { readonly takers: Side; readonly givers: Side }>();
  sides.set(c, ofCase);
  const known = ofCase.get(pair) ?? { takers: new Side(c, pair, pair.takes), givers: new Side(c, pair, pair.gives) };
  ofCase.set(pair, known);
  return known;
}

function isReachedWith(c: Case, refs: readonly NodeRef[], triggers: readonly Trigger[], atMost: number): number {
  let count = 0;
  for (const { body, node } of refs) {
    if (triggersAt(c, body, node).some((trigger) => triggers.includes(trigger)) && ++count === atMost) break;
  }
  return count;
}

/** A person who trains from a MetaGraph file starts its queue runners; a server never does. */
function isTraining(c: Case): boolean {
  return c.program.kind === 'meta-graph' && c.program.signatures.length === 0;
}

const needsSeveral = /Many|UpTo|Barrier|Accumulator/;

/** A node that takes hangs unless something that is reached with it fills what it takes from. */
function takeSeverity(c: Case, pair: BlockingPair, body: Body, node: number): Severity {
  const mine = names(c, pair, body, node);
  const { givers, takers } = sidesOf(c, pair);
  const filling = givers.of(mine);
  if (filling.length > 0 && isTraining(c)) return 'low';
  const triggers = triggersAt(c, body, node);
  const together = isReachedWith(c, filling, triggers, 100);
  if (together === 0) return 'high';
  return isReachedWith(c, takers.of(mine), triggers, 100) > together || needsSeveral.test(body.op(node)) ? 'medium' : 'low';
}

/** Judges a node that waits until there is something. */
export function judgeTaking(c: Case, body: Body, node: number): void {
  const pair = blockingPairs.find(({ takes }) => takes.has(body.op(node)));
  if (pair === undefined) return;
  const severity = takeSeverity(c, pair, body, node);
  const why = severity === 'high' ? 'that nothing fills in the same call' : 'that may be empty';
  reportHazard(c, body, node, {
    ruleId: 'hang/blocking-op',
    severity,
    message: `${named(body, node)} waits without end for a ${pair.what} ${why}`,
    effect: 'The thread of the server that answers the request never comes back; a few requests, and the server answers nobody.',
  });
}

function capacityOf(c: Case, pair: BlockingPair, body: Body, node: number): number | undefined {
  if (pair.isByName) return intAttr(body, node, 'capacity');
  const [made] = c.resources.creatorsAt(body, node, 0);
  return made === undefined ? undefined : intAttr(made.body, made.node, 'capacity');
}

/** Judges a node that fills: where the capacity is bounded and nothing empties it, it waits once that is full. */
export function judgeGiving(c: Case, body: Body, node: number): void {
  const pair = blockingPairs.find(({ gives }) => gives.has(body.op(node)));
  if (pair === undefined || pair.what === 'accumulator' || isTraining(c)) return;
  const triggers = triggersAt(c, body, node);
  if (!triggers.some((trigger) => trigger === 'inference' || trigger.startsWith('load'))) return;
  const taking = sidesOf(c, pair).takers.of(names(c, pair, body, node));
  if (isReachedWith(c, taking, triggers, 1) > 0) return;
  const capacity = capacityOf(c, pair, body, node);
  const isBounded = capacity !== undefined && capacity > 0;
  reportHazard(c, body, node, {
    ruleId: 'hang/blocking-op',
    severity: isBounded ? 'medium' : 'low',
    message: isBounded
      ? `${named(body, node)} waits without end once the ${pair.what} holds ${capacity} elements, which nothing takes out,`
      : `${named(body, node)} fills a ${pair.what} that nothing empties`,
  });
}
