// The rules that follow from what was measured of one input. Every hard rule that is made here holds for all data that were read; what
// holds for nearly all of them only watches. A rule that the skeleton has already, from the signature or the graph, is kept where it is
// narrower, and a warning says where the data break it.
import { completeTensor, type TensorRules } from '../../contract/index.ts';
import { addExamples } from './example-rules.ts';
import { addImages } from './image-rules.ts';
import type { InputMeasure } from './input-measure.ts';
import { addNumbers } from './number-rules.ts';
import { RuleDraft, type RuleOptions } from './rule-draft.ts';
import { addText } from './text-rules.ts';

export interface MeasuredRules {
  readonly rules: TensorRules;
  /** The words of a vocabulary to write beside the contract. */
  readonly words: readonly string[] | undefined;
  /** For the file's comments; their words may be the data's. */
  readonly notes: readonly string[];
  /** Those of the notes that must not be overlooked. */
  readonly warnings: readonly string[];
}

/** `base`: the skeleton's rules of this tensor. */
export function rulesOfMeasure(measure: InputMeasure, base: TensorRules, options: RuleOptions): MeasuredRules {
  const to = new RuleDraft();
  if (measure.missing > 0) {
    const share = ((100 * measure.missing) / measure.records).toPrecision(2);
    to.notes.push(`${measure.missing} of ${measure.records} records (${share} %) have no value here; a request must have one`);
  }
  if (measure.numbers !== undefined) addNumbers(measure, measure.numbers, base, options, to);
  if (measure.text !== undefined) addText(measure.text, base, options, to);
  if (measure.images !== undefined) addImages(measure.images, base, options, to);
  if (measure.examples !== undefined) addExamples(measure.examples, base, options, to);
  const derivedFrom = new Map(base.derivedFrom);
  for (const name of to.derived) derivedFrom.set(name, options.source);
  const rules = completeTensor({
    ...base,
    ...to.draft,
    onViolation: base.onViolation,
    // What the graph does not demand only watches; what the data are is enforced.
    modes: new Map([...[...base.modes].filter(([name]) => !to.derived.has(name)), ...to.modes]),
    derivedFrom,
  });
  return { rules, words: to.words, notes: to.notes, warnings: to.warnings };
}
