// A contract as a flat list of what it says, one line per value, with defaults filled in: two contracts that mean the same give the same list.
// Descriptions, sources and the revision say nothing about requests and are left out.
import {
  type Contract,
  completeFeature,
  completeOutput,
  completeTensor,
  isRuleName,
  type Mode,
  type OutputRules,
  type RuleName,
  rulesSetOn,
  type TensorRules,
} from '../../contract/index.ts';

/** Whether a value says something of what comes in, or of what goes out. */
export type Side = 'input' | 'output';

export interface Leaf {
  readonly side: Side;
  /** The last part of the path that decides how two values compare. */
  readonly key: string;
  readonly value: unknown;
  readonly kind: 'rule' | 'mode' | 'action';
  /** Of the rule that the value belongs to. */
  readonly mode: Mode;
}

const plainName = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** `path.name`, or `path["na.me"]`. */
export function joinPath(path: string, name: string): string {
  if (plainName.test(name)) return path === '' ? name : `${path}.${name}`;
  return `${path}[${JSON.stringify(name)}]`;
}

/** Rules that are not named as their keys are. */
const otherNames: readonly (readonly [RegExp, RuleName])[] = [
  [/^image\.(formats|reencode)$/, 'image.format'],
  [/^tokens\.(padId|padSide)$/, 'tokens.padding'],
  [/^tokens\.specialIds$/, 'tokens.maxSpecialTokens'],
  [/^example\.features\b.*\.required$/, 'example.required'],
  [/^example\.features\b.*\.kind$/, 'example.kind'],
  [/^example\.features\b.*\.count\b/, 'example.count'],
  [/^example\.features\b/, 'example.values'],
];

/** The rule that a value inside of a tensor belongs to, by its path from the tensor down; undefined where there is none, as for dtype. */
export function ruleOfPath(path: string): RuleName | undefined {
  const other = otherNames.find(([pattern]) => pattern.test(path));
  if (other !== undefined) return other[1];
  const parts = path.split('.');
  for (let length = Math.min(2, parts.length); length > 0; length--) {
    const name = parts.slice(0, length).join('.');
    if (isRuleName(name)) return name;
  }
  return undefined;
}

/** Soft bounds only ever watch. */
function modeOf(rule: RuleName | undefined, modes: ReadonlyMap<RuleName, Mode>, mode: Mode): Mode {
  if (rule === undefined) return 'enforce';
  const own = modes.get(rule) ?? mode;
  return rule.startsWith('soft') && own !== 'off' ? 'shadow' : own;
}

/** Something with a name that a contract has or has not: a signature, a tensor, a feature, a relation. */
export interface Part {
  readonly side: Side;
  /** What its appearance does; its disappearance does the opposite. */
  readonly appearance: 'tightened' | 'widened' | 'changed';
  readonly mode: Mode;
}

class LeafCollector implements ContractContent {
  readonly leaves = new Map<string, Leaf>();
  readonly parts = new Map<string, Part>();

  /** Walks what is ours and finite: the depth is that of the contract's types. */
  add(path: string, inner: string, key: string, value: unknown, side: Side, mode: (inner: string) => Mode): void {
    if (value === undefined) return;
    const isObject = typeof value === 'object' && value !== null;
    if (!isObject || Array.isArray(value) || value instanceof Set) {
      this.leaves.set(path, { side, key, value, kind: 'rule', mode: mode(inner) });
      return;
    }
    const entries: readonly (readonly [string, unknown])[] = value instanceof Map ? [...value] : Object.entries(value);
    for (const [name, item] of entries) this.add(joinPath(path, name), joinPath(inner, name), name, item, side, mode);
  }

  tensor(path: string, rules: TensorRules | OutputRules, side: Side, mode: Mode): void {
    // Callers have to change what they send, or read, either way.
    this.parts.set(path, { side, appearance: 'changed', mode: 'enforce' });
    const { onViolation, modes, derivedFrom: _, vocabulary, example, ...rest } = rules;
    const modeAt = (inner: string) => modeOf(ruleOfPath(inner), modes, mode);
    for (const [key, value] of Object.entries(rest)) this.add(joinPath(path, key), key, key, value, side, modeAt);
    this.#vocabulary(path, '', vocabulary, side, modeAt);
    if (example !== undefined) this.#example(joinPath(path, 'example'), example, side, modeAt);
    for (const rule of rulesSetOn(rules)) {
      const own = modeOf(rule, modes, mode);
      this.leaves.set(`${path}.modes.${rule}`, { side, key: 'mode', value: own, kind: 'mode', mode: own });
      const action = onViolation.get(rule) ?? { kind: 'reject' };
      this.leaves.set(`${path}.onViolation.${rule}`, { side, key: 'action', value: action, kind: 'action', mode: own });
    }
  }

  /** The words count, not the name of their file; without words, its digest. */
  #vocabulary(
    path: string,
    inner: string,
    vocabulary: TensorRules['vocabulary'],
    side: Side,
    mode: (inner: string) => Mode,
  ): void {
    if (vocabulary === undefined) return;
    const { entries, sha256, maxUnknownFraction } = vocabulary;
    const words = entries.size > 0 ? { entries } : { sha256 };
    this.add(`${path}.vocabulary`, joinPath(inner, 'vocabulary'), 'vocabulary', { ...words, maxUnknownFraction }, side, mode);
  }

  #example(path: string, example: NonNullable<TensorRules['example']>, side: Side, mode: (inner: string) => Mode): void {
    const { features, sparse, ragged, ...rest } = example;
    this.add(path, 'example', 'example', rest, side, mode);
    for (const [name, draft] of features) {
      const { vocabulary, ...rules } = completeFeature(draft);
      const [place, inner] = [joinPath(`${path}.features`, name), joinPath('example.features', name)];
      // A feature that could not be sent before may be sent once it is named, and has to be when it is required.
      const named = rules.required ? 'changed' : 'widened';
      const appearance = example.unknownFeatures === 'reject' ? named : 'tightened';
      this.parts.set(place, { side, appearance, mode: mode(`${inner}.${rules.required ? 'required' : 'kind'}`) });
      this.add(place, inner, name, rules, side, mode);
      this.#vocabulary(place, inner, vocabulary, side, mode);
    }
    for (const [group, list] of Object.entries({ sparse, ragged }))
      for (const { name, ...structure } of list) {
        const place = joinPath(`${path}.${group}`, name);
        this.parts.set(place, { side, appearance: 'tightened', mode: mode(`example.${group}`) });
        this.add(place, `example.${group}`, name, structure, side, mode);
      }
  }
}

export interface ContractContent {
  readonly leaves: ReadonlyMap<string, Leaf>;
  readonly parts: ReadonlyMap<string, Part>;
}

/** What `contract` says, by path; paths are the places in its file. */
export function contractContent(contract: Contract): ContractContent {
  const collector = new LeafCollector();
  const { metadata, request, dims, cost, mode, sampleFraction, maxViolations } = contract;
  const enforced = () => 'enforce' as const;
  const whole = { metadata: { id: metadata.id }, request, dims, cost, sampleFraction, maxViolations };
  for (const [key, value] of Object.entries(whole)) collector.add(key, key, key, value, 'input', enforced);
  for (const [name, { inputs, outputs, relations }] of contract.signatures) {
    const path = joinPath('signatures', name);
    // What is not named cannot be called.
    collector.parts.set(path, { side: 'input', appearance: 'widened', mode: 'enforce' });
    for (const [alias, rules] of inputs)
      collector.tensor(joinPath(`${path}.inputs`, alias), completeTensor(rules), 'input', mode);
    for (const [alias, rules] of outputs)
      collector.tensor(joinPath(`${path}.outputs`, alias), completeOutput(rules), 'output', mode);
    for (const { id, mode: own = mode, ...relation } of relations) {
      const place = joinPath(`${path}.relations`, id);
      collector.parts.set(place, { side: 'input', appearance: 'tightened', mode: own });
      collector.add(place, 'relation', id, relation, 'input', () => own);
      collector.leaves.set(`${place}.mode`, { side: 'input', key: 'mode', value: own, kind: 'mode', mode: own });
    }
  }
  return collector;
}
