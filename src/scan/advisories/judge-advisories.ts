// Which published vulnerabilities a model can reach in one TensorFlow: an operation that is there and reached, under the conditions that are known.
// Says `not_affected` only for a reason that it can name; what it cannot know is `under_investigation`, never left out.

import { type Advisory, type AdvisoryData, advisoryData, isAffected, isTakenBack } from '../../advisories/index.ts';
import type { AdvisoryVerdict, Finding, Use } from '../scan-types.ts';

export interface AdvisoryJudgement {
  readonly verdicts: readonly AdvisoryVerdict[];
  /** One for each vulnerability that the model reaches. */
  readonly findings: readonly Finding[];
}

type Answer = Pick<AdvisoryVerdict, 'status' | 'justification' | 'why'> & { readonly use?: Use };

/** Code that runs when a person calls it, and not when a model is loaded or asked. */
const notServing: Readonly<Record<string, string>> = {
  python_api: "TensorFlow's Python functions",
  cli_tool: 'a command line tool',
  tflite_converter: 'the TensorFlow Lite converter',
  language_binding: 'another language binding',
  tempfile: 'temporary files of Python code',
  vendor_build: 'the build of a vendor',
  tensorflow_serving: 'TensorFlow Serving, which is not part of TensorFlow',
  tflite_micro: 'TensorFlow Lite Micro, which is not in the wheel',
  eager_runtime: 'the eager runtime, which graphs do not use',
  filesystem: 'file systems that a program opens',
};

const conditionsThatFail: Readonly<Record<string, string>> = {
  eager_only: 'it needs eager execution, and a served model is a graph',
  gpu_only: 'it needs a GPU kernel, and the official CPU wheel has none',
};

/** Code that every graph passes while it is loaded or prepared. */
const loaderComponents: ReadonlySet<string> = new Set([
  'graph_loading',
  'grappler',
  'mlir_tfg',
  'core_library',
  'shape_inference',
  'image_decode',
  'kernel',
  'other',
]);

/**
 * @param uses Of a report: what its model uses.
 * @param tensorflow `2.21.0`; advisories that do not affect it are left out, as they are for Keras where the model is none of its files.
 * @param data Default what Airlock came with.
 */
export function judgeAdvisories(
  uses: readonly Use[],
  tensorflow: string,
  { tensorflow: advisories, keras }: Pick<AdvisoryData, 'tensorflow' | 'keras'> = advisoryData(),
): AdvisoryJudgement {
  const found = usesByName(uses);
  const verdicts: AdvisoryVerdict[] = [];
  const findings: Finding[] = [];
  for (const advisory of advisories) {
    if (advisory.basis !== 'none' && !isAffected(tensorflow, advisory.affected)) continue;
    if (isTakenBack(advisory)) continue;
    const answer = judgeTensorflow(advisory, found);
    verdicts.push(verdictOf(advisory, answer, 'tensorflow'));
    if (answer.status === 'affected' && answer.use !== undefined) findings.push(findingOf(advisory, answer.use, tensorflow));
  }
  if (uses.some(({ kind }) => kind === 'keras-feature')) {
    for (const advisory of keras)
      if (!isTakenBack(advisory)) verdicts.push(verdictOf(advisory, judgeKeras(advisory, found), 'keras'));
  }
  return { verdicts, findings };
}

function usesByName(uses: readonly Use[]): ReadonlyMap<string, readonly Use[]> {
  const found = new Map<string, Use[]>();
  for (const use of uses) {
    const key = `${use.kind} ${use.name}`;
    const known = found.get(key);
    if (known === undefined) found.set(key, [use]);
    else known.push(use);
  }
  return found;
}

type Found = ReadonlyMap<string, readonly Use[]>;

/** What only feeds have names no operation and no part of TensorFlow: it may be anywhere. */
const unstudied: Answer = {
  status: 'under_investigation',
  why: 'It is as a feed published it; which operations and parts reach it is not known',
};

function judgeTensorflow(advisory: Advisory, found: Found): Answer {
  if (advisory.records !== undefined && advisory.component === undefined) return unstudied;
  const { component = 'other', trigger, ops, tfliteOps, opsConfidence, conditions = [] } = advisory;
  if (advisory.basis === 'none' && notServing[component] === undefined)
    return { status: 'under_investigation', why: 'Which versions it affects is not known' };
  if (notServing[component] !== undefined)
    return notAffected('vulnerable_code_not_in_execute_path', `It is in ${notServing[component]}`);
  if (trigger === 'api_only' || trigger === 'local_user')
    return notAffected('vulnerable_code_not_in_execute_path', 'Only a program that calls TensorFlow itself can reach it');
  for (const condition of conditions) {
    const reason = conditionsThatFail[condition];
    if (reason !== undefined) return notAffected('vulnerable_code_not_present', `Here ${reason}`);
  }
  if (conditions.includes('xla_jit') && !found.has('component xla'))
    return notAffected('vulnerable_code_not_in_execute_path', 'It needs XLA, and nothing in the model asks for it');
  const named = [...(ops ?? []).map((op) => `tensorflow-op ${op}`), ...(tfliteOps ?? []).map((op) => `tflite-op ${op}`)];
  if (named.length > 0) return judgeOps(named, advisory, opsConfidence ?? 'high', found);
  return judgeComponent(component, found);
}

function judgeOps(named: readonly string[], { trigger }: Advisory, confidence: 'high' | 'medium' | 'low', found: Found): Answer {
  const uses = named.flatMap((key) => found.get(key) ?? []);
  const list = `${named
    .slice(0, 4)
    .map((key) => key.slice(key.indexOf(' ') + 1))
    .join(', ')}${named.length > 4 ? ', …' : ''}`;
  if (uses.length === 0) {
    if (confidence !== 'high' && (found.has('component graph') || found.has('component tflite')))
      return { status: 'under_investigation', why: `The model has no ${list}, but other operations may reach it` };
    return notAffected('component_not_present', `The model has no ${list}`);
  }
  const reached = uses.filter((use) => use.trigger !== 'none');
  if (reached.length === 0) return notAffected('vulnerable_code_not_in_execute_path', `Nothing reaches ${list} in the model`);
  const controlled = reached.filter((use) => use.isRequestControlled !== false);
  if (controlled.length === 0 && trigger === 'untrusted_input')
    return notAffected('vulnerable_code_cannot_be_controlled_by_adversary', `What goes into ${list} is constant in the model`);
  const [use] = controlled.length > 0 ? controlled : reached;
  const how = use.isRequestControlled === true ? 'with data of a request' : 'with data that the model decides';
  return { status: 'affected', why: `The model reaches ${use.name} ${how}`, use };
}

function judgeComponent(component: string, found: Found): Answer {
  const uses = found.get(`component ${component}`);
  if (component === 'checkpoint_reader' || component === 'xla') {
    if (uses === undefined)
      return notAffected('component_not_present', `The model has nothing for ${component.replaceAll('_', ' ')}`);
    return { status: 'affected', why: `The model uses ${component.replaceAll('_', ' ')}`, use: uses[0] };
  }
  if (component === 'tflite') {
    if (!found.has('component tflite')) return notAffected('component_not_present', 'The model is not a TensorFlow Lite model');
    return { status: 'under_investigation', why: 'It is in the TensorFlow Lite interpreter, which every such model uses' };
  }
  if (component === 'keras' || component === 'third_party_hdf5') {
    if (!found.has('component keras-file')) return notAffected('component_not_present', 'The model is not a Keras file');
    return { status: 'under_investigation', why: 'It is in the code that reads Keras files' };
  }
  if (loaderComponents.has(component) && found.has('component graph'))
    return {
      status: 'under_investigation',
      why: 'Every graph passes this code while it is loaded; what sets it off is not known',
    };
  return notAffected('component_not_present', 'The model has no graph that reaches it');
}

function judgeKeras({ features = [] }: Advisory, found: Found): Answer {
  if (features.length === 0) return unstudied;
  const uses = features.flatMap((feature) => found.get(`keras-feature ${feature}`) ?? []);
  if (uses.length === 0) return notAffected('component_not_present', `The model has no ${features.join(' and no ')}`);
  return { status: 'affected', why: `The model has: ${uses[0].name}; a Keras older than the fix loads it`, use: uses[0] };
}

function notAffected(justification: NonNullable<AdvisoryVerdict['justification']>, why: string): Answer {
  return { status: 'not_affected', justification, why };
}

function verdictOf(advisory: Advisory, answer: Answer, name: 'tensorflow' | 'keras'): AdvisoryVerdict {
  const { id, cve, severity, ops = [], tfliteOps = [], fixed } = advisory;
  return {
    id,
    ...(cve === undefined ? {} : { cve }),
    severity,
    package: name,
    status: answer.status,
    ...(answer.justification === undefined ? {} : { justification: answer.justification }),
    why: answer.why,
    ops: [...ops, ...tfliteOps],
    fixedVersions: fixed,
  };
}

function findingOf({ id, cve, severity, impact, fixed }: Advisory, use: Use, tensorflow: string): Finding {
  const what = impact.map((word) => word.replaceAll('_', ' ')).join(', ');
  const fix = fixed.length === 0 ? 'No fixed version is known.' : `Run it with TensorFlow ${fixed.join(' or ')}, or newer.`;
  return {
    ruleId: 'advisory/reachable',
    severity,
    trigger: use.trigger,
    message: `${cve ?? id} (${what}) of TensorFlow ${tensorflow} is within reach: ${use.name} is used`,
    location: use.location,
    chain: [],
    argument: { name: use.name, ...(use.isRequestControlled === true ? { origin: 'request' as const } : {}) },
    fix,
    advisories: cve === undefined ? [id] : [cve, id],
  };
}
