// The rules `allowed` and `vocabulary`: an element is one of a known set of values. Numbers are compared by value in the tensor's type,
// strings by their bytes; no JavaScript value is made per element.
import { AirlockError, printable } from '../../core/index.ts';
import { dtypes, type NumericTensor, type StringTensor, type Tensor } from '../../tensor/index.ts';
import type { CheckContext, TensorCheck } from '../check-types.ts';
import { type EngineContext, refusing } from '../compile-context.ts';
import type { ContractNumber, ContractValue } from '../contract-types.ts';
import type { BoundRule } from '../findings.ts';
import { type NumberView, numberView, visitRows } from './element-access.ts';
import { NumberCopy, numberForType } from './numeric-types.ts';
import { NumberSet } from './set-rules-numbers.ts';
import { elementPreview, replaceStrings } from './set-rules-strings.ts';
import { ByteSet } from './set-rules-table.ts';
import { maxGrowthBytes } from './strings-rebuild.ts';

/** One of a list. @throws CONTRACT_INVALID when what replaces an element is not in the list itself */
export function compileAllowed(context: EngineContext): TensorCheck | undefined {
  const { allowed, dtype } = context.rules;
  const rule = allowed === undefined ? undefined : context.bind('allowed');
  if (allowed === undefined || rule === undefined || dtypes[dtype].kind === 'complex') return undefined;
  const { action } = rule;
  if (action.kind === 'replace' && !isMember(dtype, allowed, action.with)) {
    throw new AirlockError('CONTRACT_INVALID', { message: `${context.place}/allowed: what replaces a value is not in the list` });
  }
  return membership(context, rule, allowed, 0, listText(allowed));
}

/** In a file, but for a share. The value that replaces an element need not be in it: `[UNK]` seldom is. */
export function compileVocabulary(context: EngineContext): TensorCheck | undefined {
  const { vocabulary, dtype } = context.rules;
  const rule = vocabulary === undefined ? undefined : context.bind('vocabulary');
  if (vocabulary === undefined || rule === undefined || dtypes[dtype].kind === 'complex') return undefined;
  const { entries, maxUnknownFraction } = vocabulary;
  const values = dtype === 'DT_STRING' ? entries : numbersOf(entries);
  const unknown = maxUnknownFraction === 0 ? '' : `, but for ${maxUnknownFraction} of the elements`;
  return membership(context, rule, values, maxUnknownFraction, `one of the ${entries.size} values of the vocabulary${unknown}`);
}

/** The entries that are whole decimal numbers; no other can be an element of a numeric tensor. */
function numbersOf(entries: Iterable<string>): ContractNumber[] {
  const numbers: ContractNumber[] = [];
  for (const entry of entries) {
    if (/^-?[0-9]{1,20}$/.test(entry)) numbers.push(BigInt(entry));
    else if (entry.trim() !== '' && Number.isFinite(Number(entry))) numbers.push(Number(entry));
  }
  return numbers;
}

function isMember(dtype: Tensor['dtype'], list: readonly ContractValue[], value: ContractValue): boolean {
  if (dtype === 'DT_STRING') return list.includes(value);
  const set = new NumberSet(dtype, list);
  return set.has(numberForType(dtype, value, 'allowed, replace'));
}

function listText(list: readonly ContractValue[]): string {
  const shown = list.slice(0, 5).map((value) => (typeof value === 'string' ? `"${printable(value, 20)}"` : String(value)));
  return `one of ${shown.join(', ')}${list.length > 5 ? ` and ${list.length - 5} more` : ''}`;
}

function membership(
  context: EngineContext,
  rule: BoundRule,
  values: Iterable<ContractValue>,
  maxUnknownFraction: number,
  expected: string,
): TensorCheck {
  const { dtype } = context.rules;
  const { action } = rule;
  if (dtype === 'DT_STRING') {
    const set = new ByteSet([...values].filter((value) => typeof value === 'string'));
    const filling = action.kind === 'replace' ? new TextEncoder().encode(String(action.with)) : undefined;
    const tooMuch = refusing(rule);
    return (tensor, check) => {
      if (tensor.dtype !== 'DT_STRING') return tensor;
      const { bytes, offsets } = tensor;
      const own = check.findings.isSecondLook ? filling : undefined;
      const unknown = unknownStrings(
        tensor,
        (index) => set.has(bytes, offsets[index], offsets[index + 1]) || isEqual(own, tensor, index),
      );
      const isReplaced = reportUnknown(tensor, unknown, context, { rule, expected, maxUnknownFraction }, check);
      if (!isReplaced || filling === undefined) return tensor;
      const replaced = replaceStrings(tensor, unknown, filling);
      if (replaced !== undefined) return replaced;
      check.findings.report(
        tooMuch,
        () => check.path(),
        `replacements that add at most ${maxGrowthBytes} bytes`,
        () => 'more',
      );
      return tensor;
    };
  }
  const set = new NumberSet(dtype, values);
  const filling = action.kind === 'replace' ? numberForType(dtype, action.with, `${rule.id}, replace`) : undefined;
  return (tensor, check) => {
    if (tensor.dtype === 'DT_STRING') return tensor;
    const view = numberView(tensor);
    const found = unknownNumbers(view, set);
    const unknown = check.findings.isSecondLook ? found.filter((index) => view.exact(index) !== filling) : found;
    const isReplaced = reportUnknown(tensor, unknown, context, { rule, expected, maxUnknownFraction }, check);
    return isReplaced && filling !== undefined ? replaceNumbers(tensor, unknown, filling) : tensor;
  };
}

/** Indices of elements, none when all are known. */
type Indices = readonly number[];
const none: Indices = [];

function unknownStrings({ offsets }: StringTensor, isKnown: (index: number) => boolean): Indices {
  let unknown: number[] | undefined;
  for (let index = 0; index < offsets.length - 1; index++) {
    if (isKnown(index)) continue;
    unknown ??= [];
    unknown.push(index);
  }
  return unknown ?? none;
}

function isEqual(content: Uint8Array | undefined, { bytes, offsets }: StringTensor, index: number): boolean {
  return content !== undefined && Buffer.compare(content, bytes.subarray(offsets[index], offsets[index + 1])) === 0;
}

function unknownNumbers(view: NumberView, set: NumberSet): Indices {
  let unknown: number[] | undefined;
  visitRows(view, 1, (values, count, base) => {
    for (let i = 0; i < count; i++) {
      if (set.hasDouble(values[i], view, base + i)) continue;
      unknown ??= [];
      unknown.push(base + i);
    }
    return true;
  });
  return unknown ?? none;
}

interface Membership {
  readonly rule: BoundRule;
  readonly expected: string;
  readonly maxUnknownFraction: number;
}

/** True when the unknown elements have to be replaced. */
function reportUnknown(
  tensor: Tensor,
  unknown: Indices,
  { maxReports }: EngineContext,
  { rule, expected, maxUnknownFraction }: Membership,
  { findings, path }: CheckContext,
): boolean {
  if (unknown.length === 0) return false;
  const count = tensor.shape.reduce((product, size) => product * size, 1);
  if (unknown.length <= maxUnknownFraction * count) return false;
  if (maxUnknownFraction > 0) {
    return (
      findings.report(
        rule,
        () => path(),
        expected,
        () => `${unknown.length} of ${count} others`,
      ) !== undefined
    );
  }
  for (const index of unknown.slice(0, maxReports)) {
    findings.report(
      rule,
      () => path(index),
      expected,
      () => elementPreview(tensor, index),
    );
  }
  return findings.outcomeOf(rule) === 'replace';
}

function replaceNumbers(tensor: NumericTensor, indices: Indices, value: ContractNumber): Tensor {
  const copy = new NumberCopy(tensor);
  for (const index of indices) copy.set(index, value);
  return copy.tensor;
}
