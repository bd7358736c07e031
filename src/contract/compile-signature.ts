// One signature of a contract, compiled: runs the stages over all tensors of a request or an answer, cheap ones first, and adds up what
// the request costs. The verdict does not depend on the order in which a client named its inputs.
import { AirlockError, printable } from '../core/index.ts';
import { elementCount, type Signature, type Tensor, type TensorSpec } from '../tensor/index.ts';
import type { CheckContext, ElementPath, ImageJob } from './check-types.ts';
import { checkResults, checkShapes, checkValues, checkValuesInSteps, compileTensor, type Passing } from './compile-tensor.ts';
import type { CheckOptions, CompiledSignature, InputVerdict, OutputOptions, OutputVerdict } from './compiled-contract-types.ts';
import type { Contract, CostWeights, SignatureRules, TensorRules } from './contract-types.ts';
import { Findings, type FindingsOptions } from './findings.ts';
import { compileOutput, OutputFindings, outputPath, reduceOutput } from './rules/output.ts';
import { checkRelations, compileRelations } from './rules/relations.ts';

/** @throws CONTRACT_MISMATCH, CONTRACT_INVALID */
export function compileSignature(contract: Contract, signature: Signature, rules: SignatureRules): CompiledSignature {
  const inputs = signature.inputs.map((spec) => {
    const input = rules.inputs.get(spec.alias);
    if (input === undefined) throw unnamed(signature, spec);
    return compileTensor(contract, `${signature.name}/inputs/${spec.alias}`, spec, input);
  });
  refuseUnknown(signature, 'input', rules.inputs, signature.inputs);
  refuseUnknown(signature, 'output', rules.outputs, signature.outputs);
  // An output that the contract does not name leaves as it came; lint says so.
  const outputs = signature.outputs.map((spec) => {
    const output = rules.outputs.get(spec.alias);
    const place = `${signature.name}/outputs/${spec.alias}`;
    return output === undefined
      ? undefined
      : { compiled: compileTensor(contract, place, spec, output), ...compileOutput(contract, place, output) };
  });
  const named = outputs.flatMap((output, index) => (output === undefined ? [] : [{ ...output, index }]));
  const namedOutputs = named.map(({ compiled }) => compiled);
  const relations = compileRelations(contract, signature, rules);
  const aliases = signature.inputs.map(({ alias }) => alias);
  const { maxViolations: limit, sampleFraction } = contract;
  const { maxElements = Number.POSITIVE_INFINITY } = contract.request;
  const findingsOptions = ({ draw }: CheckOptions): FindingsOptions => ({ limit, draw, sampleFraction });

  const begin = (tensors: readonly Tensor[], paths: readonly ElementPath[], options: CheckOptions) => {
    const findings = new Findings(findingsOptions(options));
    const dims = new Map<string, number>();
    const measure = { pixels: 0, patternWork: 0, patternMs: 0 };
    const jobs: ImageJob[] = [];
    const passing: Passing[] = tensors.map((tensor, index) => ({ tensor, path: paths[index], isRefused: false }));
    const contextOf = (index: number): CheckContext => ({ path: passing[index].path, findings, dims, imageJobs: [], measure });
    const came = tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0);
    checkShapes(inputs, passing, contextOf, findings, { maxElements, elements: maxElements - came });
    return { findings, dims, measure, jobs, passing, contextOf };
  };

  const end = ({ findings, dims, measure, jobs, passing }: ReturnType<typeof begin>): InputVerdict => {
    checkRelations(relations, aliases, passing, findings);
    const passed = passing.map(({ tensor }) => tensor);
    return {
      findings,
      tensors: passed,
      imageJobs: findings.refused ? [] : jobs,
      cost: costOf(contract.cost, passed, measure.pixels, dims),
      batch: batchOf(passed),
      dims,
    };
  };

  const addJobs = ({ imageJobs }: CheckContext, tensorIndex: number, jobs: ImageJob[]): void => {
    for (const job of imageJobs) jobs.push({ ...job, tensorIndex });
  };

  return {
    checkInputs(tensors, paths, options) {
      const state = begin(tensors, paths, options);
      for (const [index, input] of inputs.entries()) {
        if (state.passing[index].isRefused) continue;
        const context = state.contextOf(index);
        checkValues(input, state.passing[index], context);
        addJobs(context, index, state.jobs);
      }
      return end(state);
    },
    *checkInSteps(tensors, paths, options) {
      const state = begin(tensors, paths, options);
      for (const [index, input] of inputs.entries()) {
        if (state.passing[index].isRefused) continue;
        const context = state.contextOf(index);
        yield* checkValuesInSteps(input, state.passing[index], context);
        addJobs(context, index, state.jobs);
      }
      return end(state);
    },
    recheck(tensors, paths, options, made) {
      const state = begin(tensors, paths, options);
      for (const [index, input] of inputs.entries()) {
        if (state.passing[index].isRefused) continue;
        const elements = made.filter(({ tensorIndex }) => tensorIndex === index).map(({ elementIndex }) => elementIndex);
        if (elements.length > 0) checkResults(input, state.passing[index], elements, state.contextOf(index));
      }
      return end(state);
    },
    checkOutputs(tensors, batch, options: OutputOptions): OutputVerdict {
      const findings = new OutputFindings(findingsOptions(options));
      const dims = new Map(options.dims);
      const measure = { pixels: 0, patternWork: 0, patternMs: 0 };
      const passing: Passing[] = named.map(({ index }) => ({
        tensor: tensors[index],
        path: outputPath(signature.outputs[index].alias, tensors[index].shape),
        isRefused: false,
      }));
      const contextOf = (index: number): CheckContext => ({ path: passing[index].path, findings, dims, imageJobs: [], measure });
      checkShapes(
        namedOutputs,
        passing,
        contextOf,
        findings,
        // What a request may hold says nothing of its answer.
        { maxElements: Number.POSITIVE_INFINITY, elements: Number.POSITIVE_INFINITY },
      );
      const result = [...tensors];
      for (const [at, output] of named.entries()) {
        const before = findings.refusals;
        output.matchesBatch?.(passing[at].tensor, batch, contextOf(at));
        if (!passing[at].isRefused && findings.refusals === before) checkValues(output.compiled, passing[at], contextOf(at));
        result[output.index] = findings.refused ? passing[at].tensor : reduceOutput(passing[at].tensor, output.reduction);
      }
      return { findings, tensors: result };
    },
  };
}

function unnamed({ name }: Signature, { alias }: TensorSpec): AirlockError {
  const message = `The contract does not name the input ${printable(alias)} of the signature ${printable(name)}`;
  return new AirlockError('CONTRACT_MISMATCH', { message });
}

function refuseUnknown(
  { name }: Signature,
  what: string,
  rules: ReadonlyMap<string, TensorRules>,
  specs: readonly TensorSpec[],
): void {
  const known = new Set(specs.map(({ alias }) => alias));
  for (const alias of rules.keys()) {
    if (known.has(alias)) continue;
    const message = `The signature ${printable(name)} has no ${what} ${printable(alias)}`;
    throw new AirlockError('CONTRACT_MISMATCH', { message });
  }
}

function batchOf(tensors: readonly Tensor[]): number | undefined {
  let batch: number | undefined;
  for (const { shape } of tensors) {
    if (shape.length === 0) continue;
    if (batch !== undefined && shape[0] !== batch) return undefined;
    batch = shape[0];
  }
  return batch;
}

function costOf(weights: CostWeights, tensors: readonly Tensor[], pixels: number, dims: ReadonlyMap<string, number>): number {
  let cost = weights.base + weights.perPixel * pixels;
  for (const tensor of tensors) {
    cost += weights.perElement * elementCount(tensor.shape);
    if (tensor.dtype === 'DT_STRING') cost += weights.perByte * tensor.bytes.byteLength;
  }
  const { quadratic } = weights;
  if (quadratic !== undefined) cost += quadratic.weight * (dims.get(quadratic.dim) ?? 0) ** 2;
  return Number.isFinite(cost) ? cost : Number.MAX_VALUE;
}
