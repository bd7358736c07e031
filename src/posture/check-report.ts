// All that `airlock runtime check` says, as one document, and the findings in it that somebody should act on. The forms for people and programs are made
// from it, and its verdict decides the exit code. Pure.
import { createHash } from 'node:crypto';
import { type Severity, severities } from '../core/index.ts';
import { dueDay } from './days.ts';
import type { NodeState } from './node-state.ts';
import type { NpmAdvisory } from './npm-advisories.ts';
import type { NpmPackage } from './npm-lock.ts';
import type { OpenAdvisory, Posture, SlotPosture } from './posture-types.ts';
import { servingSlots } from './serving-slots.ts';

/**
 * What fails a check: a deadline that has passed, `reachable` something open within reach of a model as well, `open` also what nobody knows about.
 * What is proved to be out of reach fails none.
 */
export const failPoints = ['overdue', 'reachable', 'open'] as const;
export type FailPoint = (typeof failPoints)[number];

export type CheckVerdict = 'clean' | 'vulnerable' | 'overdue';

export interface NpmState {
  /** Name of the lock file, without its folder; absent where there is none. */
  readonly lockfile?: string;
  readonly packages: readonly NpmPackage[];
  /** Undefined where they were not checked. */
  readonly advisories?: readonly NpmAdvisory[];
  /** Why they were not checked, or by what. */
  readonly checked: string;
}

export interface CheckFinding {
  readonly ruleId: CheckRuleId;
  readonly severity: Severity;
  readonly message: string;
  readonly fix: string;
  /** `tensorflow 2.12.0 x86_64`, `node`, `npm`. */
  readonly subject: string;
  /** Hex, 16 characters; the same matter has the same one tomorrow. */
  readonly fingerprint: string;
}

export interface CheckReport {
  readonly schema: 'https://tf-airlock/runtime-check/v1';
  readonly verdict: CheckVerdict;
  readonly failOn: FailPoint;
  readonly posture: Posture;
  readonly node: NodeState;
  readonly npm: NpmState;
  readonly findings: readonly CheckFinding[];
  /** What could not be done, and what was taken instead. */
  readonly notes: readonly string[];
}

export interface CheckRule {
  readonly title: string;
  readonly effect: string;
}

export const checkRules = {
  'runtime/overdue': {
    title: 'The deadline for replacing a TensorFlow has passed',
    effect:
      'A vulnerability that is public, and that a model reaches or may reach, stays open for longer than the policy allows.',
  },
  'runtime/reachable': {
    title: 'A published vulnerability is within reach of a model',
    effect: 'Who controls the model, or a request to it, can use a fault of this TensorFlow that is public.',
  },
  'runtime/undecided': {
    title: 'Nobody knows whether a model reaches a published vulnerability',
    effect: 'It counts as reached when its deadline has passed.',
  },
  'runtime/unsupported': {
    title: 'A TensorFlow gets no fixes any more',
    effect: 'Faults that are found from now on stay in it, and nobody publishes that they do.',
  },
  'runtime/yanked': { title: 'A TensorFlow was withdrawn by its publisher', effect: 'Its publisher advises against running it.' },
  'runtime/old-advisories': {
    title: 'The advisory data is old',
    effect: 'What was published since then is not among what was checked.',
  },
  'runtime/node-ended': {
    title: 'The line of Node.js gets no fixes any more',
    effect: 'The server parses what strangers send with a Node whose faults stay.',
  },
  'runtime/npm-advisory': {
    title: 'A package that Airlock runs with has a published vulnerability',
    effect: 'The server may have it.',
  },
  'runtime/npm-unhashed': {
    title: 'A package of the lock file has no digest',
    effect: 'An installation accepts whatever the registry gives for it.',
  },
} as const satisfies Record<string, CheckRule>;
export type CheckRuleId = keyof typeof checkRules;

type Parts = Omit<CheckReport, 'schema' | 'verdict' | 'findings'>;

export function makeCheckReport(parts: Parts): CheckReport {
  const findings = findingsOf(parts);
  return { schema: 'https://tf-airlock/runtime-check/v1', verdict: verdictOf(parts), ...parts, findings };
}

/** What serves decides; when nothing that is installed serves, everything that is installed does. */
function verdictOf({ posture, failOn }: Parts): CheckVerdict {
  const judged = servingSlots(posture);
  if (judged.some(({ isOverdue }) => isOverdue)) return 'overdue';
  if (failOn === 'overdue') return 'clean';
  const counts = ({ reach }: OpenAdvisory): boolean => reach === 'reachable' || (failOn === 'open' && reach === 'undecided');
  return judged.some(({ advisories }) => advisories.some(counts)) ? 'vulnerable' : 'clean';
}

function findingsOf({ posture, node, npm }: Parts): readonly CheckFinding[] {
  const found: CheckFinding[] = [...posture.slots.flatMap(slotFindings)];
  const { isOld, read, ageDays } = posture.advisoryData;
  if (isOld)
    found.push(
      finding('runtime/old-advisories', 'medium', 'advisories', '', {
        message: `The advisory data is of ${read}, ${ageDays} days old`,
        fix: 'airlock advisories update',
      }),
    );
  if (node.state === 'ended')
    found.push(
      finding('runtime/node-ended', 'high', 'node', node.version, {
        message: `Node.js ${node.version} has had no fixes since ${node.end}`,
        fix:
          node.newestLts === undefined ? 'Run Airlock with a line that gets fixes' : `Run Airlock with Node.js ${node.newestLts}`,
      }),
    );
  for (const one of npm.advisories ?? [])
    found.push(
      finding('runtime/npm-advisory', one.severity, 'npm', `${one.package} ${one.id ?? one.title}`, {
        message: `${one.package} (${one.range}): ${one.title}${one.id === undefined ? '' : ` (${one.id})`}`,
        fix: 'Install an Airlock whose lock file has the fix',
      }),
    );
  for (const { name, version, hasIntegrity } of npm.packages)
    if (!hasIntegrity)
      found.push(
        finding('runtime/npm-unhashed', 'medium', 'npm', `${name}@${version}`, {
          message: `${name} ${version} has no digest in ${npm.lockfile ?? 'the lock file'}`,
          fix: 'Make the lock file anew with npm, and look at what changed',
        }),
      );
  return found.sort((a, b) => severities.indexOf(b.severity) - severities.indexOf(a.severity));
}

function slotFindings(slot: SlotPosture): readonly CheckFinding[] {
  const { version, arch, support, isYanked, updates } = slot;
  const subject = `tensorflow ${version} ${arch}`;
  const change = updates.newest;
  const fix = change === undefined ? 'No newer release is known' : `airlock runtime stage --version ${change}`;
  const found = slot.advisories.flatMap((one) => advisoryFinding(one, subject, version));
  if (support.state === 'unsupported')
    found.push(
      finding('runtime/unsupported', slot.isServing ? 'medium' : 'low', subject, '', {
        message: `TensorFlow ${version} has had no fixes since ${support.since}, when the second newer minor came out`,
        fix,
      }),
    );
  if (isYanked)
    found.push(
      finding('runtime/yanked', 'high', subject, '', { message: `TensorFlow ${version} was withdrawn by its publisher`, fix }),
    );
  return found;
}

function advisoryFinding(one: OpenAdvisory, subject: string, version: string): CheckFinding[] {
  if (one.reach === 'unreachable') return [];
  const { id, cve, severity, why, models, deadline } = one;
  const rule = one.isOverdue ? 'runtime/overdue' : one.reach === 'reachable' ? 'runtime/reachable' : 'runtime/undecided';
  const until = deadline === undefined ? '' : one.isOverdue ? `, due since ${dueDay(deadline)}` : `, due by ${dueDay(deadline)}`;
  return [
    finding(rule, severity, subject, id, {
      message: `${cve ?? id} of TensorFlow ${version}${until}: ${why} (${models.slice(0, 3).join(', ')}${models.length > 3 ? ', …' : ''})`,
      fix:
        one.fix === undefined
          ? 'No fixed release is known; keep the model away from what strangers send'
          : `Run TensorFlow ${one.fix} or newer`,
    }),
  ];
}

function finding(
  ruleId: CheckRuleId,
  severity: Severity,
  subject: string,
  matter: string,
  texts: Pick<CheckFinding, 'message' | 'fix'>,
): CheckFinding {
  // An advisory that becomes overdue is the same matter as before.
  const kind = matter !== '' && subject.startsWith('tensorflow ') ? 'advisory' : ruleId;
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([kind, subject, matter]))
    .digest('hex')
    .slice(0, 16);
  return { ruleId, severity, subject, fingerprint, ...texts };
}
