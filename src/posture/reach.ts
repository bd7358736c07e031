// What all that is served can reach of published vulnerabilities: the worst that holds for any of its models. Decides nothing about time.
import type { AdvisoryData } from '../advisories/index.ts';
import { type AdvisoryVerdict, judgeAdvisories, type Use } from '../scan/index.ts';
import type { PostureModel, Reach } from './posture-types.ts';

/** One vulnerability, judged for everything that is served. */
export interface Reached {
  readonly verdict: AdvisoryVerdict;
  readonly reach: Reach;
  readonly why: string;
  /** `digits 1`: models that decide the reach. */
  readonly models: readonly string[];
}

const reachOf = { affected: 'reachable', under_investigation: 'undecided', not_affected: 'unreachable' } as const;
const ranks: Readonly<Record<Reach, number>> = { unreachable: 0, undecided: 1, reachable: 2 };

/**
 * Every advisory of TensorFlow by its id, whatever version it is about: what a model uses does not depend on who runs it. Those of Keras are about who loads
 * a model file with Keras, which no slot has, and are left out. Without any model it answers as for one of which nothing is known.
 */
export function judgeReach(models: readonly PostureModel[], data: AdvisoryData): ReadonlyMap<string, Reached> {
  const found = new Map<string, Reached>();
  const judged: readonly PostureModel[] = models.length === 0 ? [{ name: '', version: '' }] : models;
  for (const model of judged) {
    const isKnown = model.uses !== undefined;
    for (const verdict of verdictsOf(model.uses ?? usesOfAnything(data), data))
      add(found, isKnown ? knownReach(verdict, model) : unknownReach(verdict, model));
  }
  return found;
}

/** A server asks again after each scan, for all that it serves: what was judged once is kept with what it was judged from. */
const verdictsKept = new WeakMap<
  readonly Use[],
  { readonly data: AdvisoryData; readonly verdicts: readonly AdvisoryVerdict[] }
>();

function verdictsOf(uses: readonly Use[], data: AdvisoryData): readonly AdvisoryVerdict[] {
  const known = verdictsKept.get(uses);
  if (known?.data === data) return known.verdicts;
  const { verdicts } = judgeAdvisories(uses, '0.0.0', ofEveryVersion(data));
  const ofTensorflow = verdicts.filter((verdict) => verdict.package === 'tensorflow');
  verdictsKept.set(uses, { data, verdicts: ofTensorflow });
  return ofTensorflow;
}

const everyVersion = new WeakMap<AdvisoryData, AdvisoryData>();

/** The same advisories as if each were about every version. One whose versions nobody knows stays so: the judgement says that it is. */
function ofEveryVersion(data: AdvisoryData): AdvisoryData {
  const known = everyVersion.get(data);
  if (known !== undefined) return known;
  const tensorflow = data.tensorflow.map((advisory) => ({ ...advisory, affected: [{ introduced: '0' }] }));
  const made = { ...data, tensorflow };
  everyVersion.set(data, made);
  return made;
}

function add(found: Map<string, Reached>, next: Reached): void {
  const known = found.get(next.verdict.id);
  const rank = ranks[next.reach] - (known === undefined ? -1 : ranks[known.reach]);
  if (known !== undefined && rank === 0) found.set(next.verdict.id, { ...known, models: [...known.models, ...next.models] });
  else if (rank > 0) found.set(next.verdict.id, next);
}

function knownReach(verdict: AdvisoryVerdict, model: PostureModel): Reached {
  return { verdict, reach: reachOf[verdict.status], why: verdict.why, models: [nameOf(model)] };
}

/** What even a model that uses everything cannot reach stays out of reach; of the rest nobody knows. */
function unknownReach(verdict: AdvisoryVerdict, model: PostureModel): Reached {
  if (verdict.status === 'not_affected') return knownReach(verdict, model);
  const why = model.name === '' ? 'No model was looked at' : 'No scan says what the model uses';
  return { verdict: { ...verdict, status: 'under_investigation' }, reach: 'undecided', why, models: [nameOf(model)] };
}

function nameOf({ name, version }: PostureModel): string {
  return name === '' ? 'any model' : `${name} ${version}`;
}

const everything = new WeakMap<AdvisoryData, readonly Use[]>();

/** The uses of a model that has everything that some advisory names, reached with data of a request. */
function usesOfAnything(data: AdvisoryData): readonly Use[] {
  const known = everything.get(data);
  if (known !== undefined) return known;
  const use = (kind: Use['kind'], name: string): Use => ({
    kind,
    name,
    trigger: 'inference',
    location: { file: '' },
    isRequestControlled: true,
  });
  const names = (of: 'ops' | 'tfliteOps'): readonly string[] => [...new Set(data.tensorflow.flatMap((one) => one[of] ?? []))];
  const uses = [
    ...['graph', 'xla', 'checkpoint_reader', 'tflite', 'keras-file'].map((name) => use('component', name)),
    ...names('ops').map((name) => use('tensorflow-op', name)),
    ...names('tfliteOps').map((name) => use('tflite-op', name)),
  ];
  everything.set(data, uses);
  return uses;
}
