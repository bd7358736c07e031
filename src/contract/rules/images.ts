// The rules of tensors whose strings are encoded images. The server only ever reads headers; what must be decoded becomes a job for the
// process that may.
import type { StringTensor, Tensor } from '../../tensor/index.ts';
import type { CheckContext, CompileContext, TensorCheck } from '../check-types.ts';
import { refusing } from '../compile-context.ts';
import type { ImageRules } from '../contract-types.ts';
import type { BoundRule, Findings } from '../findings.ts';
import { checkImageBytes, type ImageJudge, type ImageRuleName } from '../images/index.ts';
import { ruleTable } from '../rule-table.ts';
import { ElementSteps, inOneStep } from './element-steps.ts';

/** One rule that an image breaks, in words for a client. */
export interface ImageViolation {
  readonly rule: ImageRuleName;
  readonly expected: string;
  readonly got: string;
}

const imageRuleNames = (Object.keys(ruleTable) as (keyof typeof ruleTable)[]).filter((name): name is ImageRuleName =>
  name.startsWith('image.'),
);

/**
 * All that is wrong with one encoded image where nothing can be made anew: a value of a tf.Example, or a file that is only looked at.
 * An image in a format that would have to be is refused by `image.format`. Empty when the image may go on as it is.
 */
export function imageViolations(bytes: Uint8Array, rules: ImageRules): ImageViolation[] {
  const found: ImageViolation[] = [];
  checkImageBytes(
    bytes,
    { ...rules, reencode: [] },
    {
      isOn: () => true,
      enforces: () => true,
      report(rule, expected, got) {
        found.push({ rule, expected, got: got() });
        return undefined;
      },
    },
  );
  return found;
}

/** A rule, and the same rule where its action is of no help. */
interface BoundImageRule {
  readonly rule: BoundRule;
  readonly refusing: BoundRule;
}

/**
 * The check of a tensor's images; undefined when the contract says nothing of images. It adds the pixels of every image to the cost, and
 * a job for each image that must be made anew; it never changes the tensor itself.
 */
export function compileImageRules(context: CompileContext): TensorCheck | undefined {
  const rules = context.rules.image;
  if (rules === undefined) return undefined;
  const bound = boundRules(context);
  const inSteps = (tensor: Tensor, check: CheckContext) => checkImages(tensor, rules, bound, check);
  return Object.assign((tensor: Tensor, check: CheckContext) => inOneStep(inSteps(tensor, check)), { inSteps });
}

/**
 * The check of images that came from the decoder, as the model would get them; undefined when the contract says nothing of images. Only
 * what the decoder may have changed: that such an image is a sound PNG without anything else in it was checked when it came, and how much
 * it was compressed is nobody's fault.
 */
export function compileImageResults(context: CompileContext): ImageResultCheck | undefined {
  const { image } = context.rules;
  if (image === undefined) return undefined;
  const rules: ImageRules = {
    ...image,
    formats: ['png'],
    reencode: [],
    inflatedSize: 'ignore',
    maxRatio: Number.POSITIVE_INFINITY,
    maxMetadataBytes: Number.POSITIVE_INFINITY,
  };
  const bound = boundRules(context);
  return ({ bytes, offsets }, elements, { findings, path }) => {
    for (const element of elements) {
      const judge = judgeOf(bound, findings, () => path(element));
      checkImageBytes(bytes.subarray(offsets[element], offsets[element + 1]), rules, judge);
    }
  };
}

/** Looks at some strings of a tensor. */
export type ImageResultCheck = (
  tensor: StringTensor,
  elements: Iterable<number>,
  context: Pick<CheckContext, 'findings' | 'path'>,
) => void;

function boundRules(context: CompileContext): ReadonlyMap<ImageRuleName, BoundImageRule> {
  const bound = new Map<ImageRuleName, BoundImageRule>();
  for (const name of imageRuleNames) {
    const rule = context.bind(name);
    if (rule !== undefined) bound.set(name, { rule, refusing: refusing(rule) });
  }
  return bound;
}

function judgeOf(bound: ReadonlyMap<ImageRuleName, BoundImageRule>, findings: Findings, path: () => string): ImageJudge {
  return {
    isOn: (name) => bound.has(name),
    enforces: (name) => {
      const rule = bound.get(name)?.rule;
      return rule !== undefined && findings.enforces(rule);
    },
    report(name, expected, got, isMendable) {
      const pair = bound.get(name);
      return pair && findings.report(isMendable ? pair.rule : pair.refusing, path, expected, got);
    },
  };
}

function* checkImages(
  tensor: Tensor,
  rules: ImageRules,
  bound: ReadonlyMap<ImageRuleName, BoundImageRule>,
  { findings, path, imageJobs, measure }: CheckContext,
): Generator<void, Tensor> {
  if (tensor.dtype !== 'DT_STRING') return tensor;
  const { bytes, offsets } = tensor;
  const steps = new ElementSteps(offsets, measure);
  let element = 0;
  const judge = judgeOf(bound, findings, () => path(element));
  for (; element < offsets.length - 1; element++) {
    if (steps.endsBefore(element)) yield;
    const before = findings.refusals;
    const { header, task } = checkImageBytes(bytes.subarray(offsets[element], offsets[element + 1]), rules, judge);
    if (header !== undefined) measure.pixels += header.width * header.height * header.frames;
    // The engine knows which tensor this is.
    if (task !== undefined && findings.refusals === before)
      imageJobs.push({ ...task, tensorIndex: 0, elementIndex: element, path: path(element) });
  }
  return tensor;
}
