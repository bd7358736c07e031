// Turns a hazard at a node into a finding: who can make it happen, by what way, and how much that lowers its severity. One finding for one
// hazard at one node; the other ways to make it happen stand at the end of its message.
import { compareSeverity, lowered, type Severity } from '../../core/index.ts';
import { type Body, locationOf, severityByTrigger } from '../graph/index.ts';
import type { ChainStep, Trigger } from '../scan-types.ts';
import type { Case, Hazard } from './hazard-types.ts';

export function atMost(severity: Severity, highest: Severity): Severity {
  return compareSeverity(severity, highest) > 0 ? highest : severity;
}

function when(trigger: Trigger, root: string | undefined): string {
  const fetched = root?.startsWith('fetch ') === true ? root.slice('fetch '.length) : undefined;
  switch (trigger) {
    case 'parse':
      return 'when the file is opened';
    case 'load':
      return 'when the model is loaded';
    case 'load-cpp':
      return `when TensorFlow Serving loads the model${root === undefined ? '' : ` (${root})`}`;
    case 'load-python':
      return `when Python loads the model${root === undefined ? '' : ` (${root})`}`;
    case 'saver':
      return 'when the model is saved or restored';
    case 'none':
      return 'though nothing known reaches it';
    default:
      if (fetched !== undefined) return `when ${fetched} is fetched`;
      return root === undefined ? 'when the model is used' : `when ${root} is called`;
  }
}

const others: Readonly<Record<Trigger, string>> = {
  parse: 'opening',
  load: 'loading',
  'load-cpp': 'loading in TensorFlow Serving',
  'load-python': 'loading in Python',
  inference: 'inference',
  api: 'a function that is not a signature',
  saver: 'saving or restoring',
  none: 'nothing',
};

/** Worst first; empty when nothing reaches the node. */
export function triggersAt(c: Case, body: Body, node: number): readonly Trigger[] {
  return c.program.reach.triggersOf(body, node);
}

/** `ReadFile "a/b"`. */
export function named(body: Body, node: number): string {
  return `${body.op(node)} "${body.name(node)}"`;
}

/** The way from a root to the node. */
export function chainAt(c: Case, body: Body, node: number, trigger: Trigger): readonly ChainStep[] {
  return c.program.reach.chainTo(body, node, trigger);
}

/** Findings of one kind for one graph; those after them say nothing more, and a way to each would cost more than all the rest. */
const maxAlike = 200;

/** Reports a hazard of a node. */
export function reportHazard(c: Case, body: Body, node: number, hazard: Hazard): void {
  const triggers = triggersAt(c, body, node);
  const trigger = c.isHeld ? 'none' : (hazard.always ?? triggers[0] ?? 'none');
  if (!c.budget.takes(`${hazard.ruleId} ${hazard.severity} ${trigger}`, maxAlike)) return;
  const chain = chainAt(c, body, node, trigger);
  // Nobody here runs the string: only code outside of the model could.
  const isHeld = c.isHeld && chain.length > 0;
  const severity = isHeld ? atMost(lowered(hazard.severity), 'medium') : severityByTrigger(hazard.severity, trigger);
  const also = triggers.slice(1).map((other) => others[other]);
  const end = isHeld
    ? 'when somebody runs the graph that lies in this string'
    : `${when(trigger, chain[0]?.via)}${also.length === 0 ? '' : `; also by ${also.join(', ')}`}`;
  c.context.report({
    ruleId: hazard.ruleId,
    severity,
    trigger,
    message: `${hazard.message} ${end}`,
    location: locationOf(c.program, body, node),
    chain,
    ...(hazard.argument === undefined ? {} : { argument: hazard.argument }),
    ...(hazard.effect === undefined ? {} : { effect: hazard.effect }),
    ...(hazard.fix === undefined ? {} : { fix: hazard.fix }),
  });
}

/** Reports what belongs to the model as a whole: a signature, the saver, an oddity of the file. */
export function reportModel(
  c: Case,
  finding: {
    readonly ruleId: string;
    readonly severity: Severity;
    readonly trigger: Trigger;
    readonly message: string;
    readonly path?: string;
  },
): void {
  const { file, metaGraph } = c.program;
  const { ruleId, severity, trigger, message, path } = finding;
  c.context.report({
    ruleId,
    severity,
    trigger,
    message,
    location: { file, ...(metaGraph === undefined ? {} : { metaGraph }), ...(path === undefined ? {} : { path }) },
    chain: [],
  });
}
