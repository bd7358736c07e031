// Operations that take a path: what the path is decides, never the operation's name. Assets of the model are ordinary, a file of the machine
// is a finding, and a path that a request chooses is the worst.
import type { Severity } from '../../core/index.ts';
import type { Body } from '../graph/index.ts';
import { type ArgumentUse, argumentUses } from './argument-use.ts';
import type { Case, OpRisk } from './hazard-types.ts';
import { isEndless, isSecret, pathArgument, pathWords } from './path-origin.ts';
import { chainAt, named, reportHazard, triggersAt } from './report-hazard.ts';

const maxWays = 500;

/** True when what the node makes gets into what a request is answered, by data and not only by order. */
function isAnswered(c: Case, body: Body, node: number): boolean {
  if (!triggersAt(c, body, node).includes('inference')) return false;
  if (!c.budget.takes('way to an answer', maxWays)) return true;
  return !chainAt(c, body, node, 'inference').some(({ via }) => via === 'control');
}

function readSeverity(c: Case, body: Body, node: number, risk: OpRisk, use: ArgumentUse): Severity | undefined {
  switch (use.origin) {
    case 'asset':
    case 'constant-inside':
      return undefined;
    case 'request':
      return 'critical';
    case 'constant-outside':
    case 'remote':
      if (use.value !== undefined && isSecret(use.value)) return 'critical';
      return isAnswered(c, body, node) ? 'critical' : risk.severity;
    default:
      return risk.severity;
  }
}

function ruleOf(risk: OpRisk, use: ArgumentUse): string {
  if (use.origin === 'remote') return 'network/remote-path';
  if (use.origin === 'request' && risk.ruleId.startsWith('file-read/')) return 'file-read/request-path';
  return risk.ruleId;
}

function effectOf(risk: OpRisk, use: ArgumentUse): string | undefined {
  if (use.value !== undefined && isEndless(use.value)) {
    return `${use.value} never ends or waits for somebody: reading it takes all memory or hangs the request.`;
  }
  if (use.origin === 'remote') return 'TensorFlow connects to another machine with the credentials of this one.';
  return risk.effect;
}

/** Reports one argument that names a path. */
export function reportPath(c: Case, body: Body, node: number, risk: OpRisk, use: ArgumentUse): void {
  const isRead = risk.ruleId.startsWith('file-read/');
  const severity = isRead ? readSeverity(c, body, node, risk, use) : risk.severity;
  if (severity === undefined) return;
  const effect = effectOf(risk, use);
  const network = use.origin === 'remote' ? ' over the network' : '';
  reportHazard(c, body, node, {
    ruleId: ruleOf(risk, use),
    severity,
    message: `${named(body, node)} ${risk.verb} ${pathWords(use)}${network}`,
    argument: pathArgument(use.name, use),
    ...(effect === undefined ? {} : { effect }),
  });
}

function severityRank(use: ArgumentUse): number {
  return ['asset', 'constant-inside', 'saver', 'variable', 'computed', 'constant-outside', 'remote', 'request'].indexOf(
    use.origin,
  );
}

/** Judges an operation of the tables of files: at most one finding, by its worst path. */
export function judgePath(c: Case, body: Body, node: number, risk: OpRisk): void {
  const uses = argumentUses(c, body, node, risk.at);
  const [worst] = [...uses].sort((a, b) => severityRank(b) - severityRank(a));
  if (worst !== undefined) reportPath(c, body, node, risk, worst);
}
