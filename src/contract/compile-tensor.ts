// The checks of one tensor in the order in which they run, cheap ones first. A check that refuses ends its tensor's list; the other
// tensors go on, so that one answer says as much as is sensible.
import { AirlockError, printable } from '../core/index.ts';
import type { Tensor, TensorSpec } from '../tensor/index.ts';
import type { CheckContext, ElementPath, TensorCheck } from './check-types.ts';
import { type EngineContext, engineContext, withoutActions } from './compile-context.ts';
import type { Contract, TensorRules } from './contract-types.ts';
import type { Findings } from './findings.ts';
import { compileAudioRules } from './rules/audio.ts';
import { compileExampleRules } from './rules/example.ts';
import { compileImageResults, compileImageRules, type ImageResultCheck } from './rules/images.ts';
import { compileMonotone } from './rules/numeric-monotone.ts';
import { compileNumbers } from './rules/numeric-scan.ts';
import { compileAllowed, compileVocabulary } from './rules/set-rules.ts';
import { compileUnique } from './rules/set-rules-unique.ts';
import { compileShape, compileSizes, type Room, type ShapeCheck, type SizeCheck } from './rules/shape.ts';
import { compileStatistics } from './rules/statistics.ts';
import { compileStringRules } from './rules/strings.ts';
import { compileTokens } from './rules/tokens.ts';
import { SecondLook } from './second-look.ts';

export interface CompiledTensor {
  readonly spec: TensorSpec;
  readonly rules: TensorRules;
  readonly shape: ShapeCheck | undefined;
  /** Sizes: run on what the rule of shapes gave, before anything looks at an element. */
  readonly sizes: SizeCheck | undefined;
  readonly values: readonly TensorCheck[];
  /** For images that came from the decoder: undefined where there are none. */
  readonly results: { readonly strings: TensorCheck | undefined; readonly images: ImageResultCheck } | undefined;
}

/** A tensor on its way through the checks. */
export interface Passing {
  tensor: Tensor;
  path: ElementPath;
  isRefused: boolean;
}

/** @throws CONTRACT_MISMATCH for a tensor of another type; CONTRACT_INVALID from the rules */
export function compileTensor(contract: Contract, place: string, spec: TensorSpec, rules: TensorRules): CompiledTensor {
  if (spec.dtype !== rules.dtype) {
    const message = `${printable(place, 200)}: the contract says ${rules.dtype}, the model ${spec.dtype}`;
    throw new AirlockError('CONTRACT_MISMATCH', { message });
  }
  const context = engineContext(contract, place, rules);
  const checks = [
    compileNumbers(context),
    compileStringRules(context),
    compileAllowed(context),
    compileVocabulary(context),
    compileMonotone(context),
    compileUnique(context),
    compileStatistics(context),
    compileTokens(context),
    compileExampleRules(context),
    compileImageRules(context),
    compileAudioRules(context),
  ];
  return {
    spec,
    rules,
    shape: compileShape(context, contract.dims),
    sizes: compileSizes(context),
    values: checks.filter((check) => check !== undefined),
    results: compileResults(withoutActions(context)),
  };
}

function compileResults(context: EngineContext): CompiledTensor['results'] {
  const images = compileImageResults(context);
  return images && { strings: compileStringRules(context), images };
}

/** Shape and sizes of all tensors. Those whose shape is only watched come last: they bind no dimension for the others. */
export function checkShapes(
  compiled: readonly CompiledTensor[],
  passing: readonly Passing[],
  contextOf: (index: number) => CheckContext,
  findings: Findings,
  room: Room,
): void {
  const watched: number[] = [];
  for (const [index, { shape }] of compiled.entries()) {
    if (shape !== undefined && findings.enforces(shape.rule)) checkShape(compiled[index], passing[index], contextOf(index), room);
    else watched.push(index);
  }
  if (watched.length === 0) return;
  const dims = new Map(contextOf(0).dims);
  for (const index of watched) checkShape(compiled[index], passing[index], { ...contextOf(index), dims }, room);
}

function checkShape({ shape, sizes }: CompiledTensor, passing: Passing, context: CheckContext, room: Room): void {
  const before = context.findings.refusals;
  if (shape !== undefined) Object.assign(passing, shape.check(passing.tensor, context, room, sizes));
  if (context.findings.refusals === before) sizes?.check(passing.tensor, { ...context, path: passing.path });
  passing.isRefused = context.findings.refusals !== before;
}

/** As `checkValues`, in steps. */
export function* checkValuesInSteps(compiled: CompiledTensor, passing: Passing, context: CheckContext): Generator<void, void> {
  const { findings } = context;
  let lastChange = -1;
  for (const [index, check] of compiled.values.entries()) {
    const before = findings.refusals;
    const { tensor } = passing;
    passing.tensor = check.inSteps === undefined ? check(tensor, context) : yield* check.inSteps(tensor, context);
    passing.isRefused = findings.refusals !== before;
    if (passing.isRefused) return;
    if (passing.tensor !== tensor) lastChange = index;
    yield;
  }
  if (lastChange >= 0) yield* lookAgain(compiled, lastChange, passing, context);
}

/** Looks once more at a tensor some of whose images were made anew. No action is taken any more. */
export function checkResults(
  { results }: CompiledTensor,
  { tensor }: Passing,
  elements: Iterable<number>,
  context: CheckContext,
): void {
  if (results === undefined || tensor.dtype !== 'DT_STRING') return;
  results.strings?.(tensor, context);
  results.images(tensor, elements, context);
}

export function checkValues(compiled: CompiledTensor, passing: Passing, context: CheckContext): void {
  const { findings } = context;
  let lastChange = -1;
  for (const [index, check] of compiled.values.entries()) {
    const before = findings.refusals;
    const { tensor } = passing;
    passing.tensor = check(tensor, context);
    passing.isRefused = findings.refusals !== before;
    if (passing.isRefused) return;
    if (passing.tensor !== tensor) lastChange = index;
  }
  if (lastChange < 0) return;
  const steps = lookAgain(compiled, lastChange, passing, context);
  while (steps.next().done !== true);
}

/**
 * Once more the sizes, and the checks up to the last one that changed the tensor: they have not seen what it became. What one action puts
 * in place may break the rule of another, and an action that would have to be taken again is taken no more: the request is refused.
 */
function* lookAgain(
  { sizes, values }: CompiledTensor,
  lastChange: number,
  passing: Passing,
  context: CheckContext,
): Generator<void, void> {
  const { measure, findings: first } = context;
  const again = { ...context, path: passing.path, findings: new SecondLook(first), imageJobs: [] };
  const before = first.refusals;
  const { pixels } = measure;
  sizes?.check(passing.tensor, again);
  for (const check of values.slice(0, lastChange + 1)) {
    if (first.refusals !== before) break;
    if (check.inSteps === undefined) check(passing.tensor, again);
    else yield* check.inSteps(passing.tensor, again);
    yield;
  }
  // They have been counted.
  measure.pixels = pixels;
  passing.isRefused = first.refusals !== before;
}
