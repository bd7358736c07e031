// What differs between two contracts in what they enforce: semantic, not textual. The order of keys, defaults that are written out, comments
// and sources never count.
import type { Contract, Mode } from '../../contract/index.ts';
import { printable } from '../../core/index.ts';
import { type ContractContent, contractContent, type Leaf, type Side } from './contract-leaves.ts';
import { compareValues, type Effect, valueText } from './strictness.ts';

export interface ContractChange {
  /** Place in the contract's file: `signatures.serving_default.inputs.age.max`. */
  readonly path: string;
  /** `mode` and `action` for how a rule is applied; otherwise what happened to it. */
  readonly change: 'added' | 'removed' | 'tightened' | 'widened' | 'changed' | 'mode' | 'action';
  /** For those who send and read; `none` when only watching rules change. */
  readonly effect: Effect | 'none';
  /** A request that was fine may be refused now, or an answer may say what it could not say before. */
  readonly breaking: boolean;
  readonly before?: string;
  readonly after?: string;
}

function isWatching(mode: Mode): boolean {
  return mode === 'off' || mode === 'shadow';
}

function isBreaking({ side }: { readonly side: Side }, effect: ContractChange['effect']): boolean {
  if (effect === 'none') return false;
  return effect === 'changed' || effect === (side === 'input' ? 'tightened' : 'widened');
}

/** A watching rule has no effect on requests: what counts is the mode at the end where the value is the stricter one. */
function effectOf(effect: Effect, before: Leaf, after: Leaf): ContractChange['effect'] {
  const [old, now] = [before.mode, after.mode];
  const deciding = effect === 'tightened' ? [now] : effect === 'widened' ? [old] : [old, now];
  return deciding.every(isWatching) ? 'none' : effect;
}

function modeEffect(before: Leaf, after: Leaf): ContractChange['effect'] {
  return isWatching(before.mode) && isWatching(after.mode)
    ? 'none'
    : (compareValues('mode', before.value, after.value) ?? 'none');
}

function compareLeaves(path: string, before: Leaf, after: Leaf): ContractChange | undefined {
  const compared = compareValues(after.key, before.value, after.value);
  if (compared === undefined) return undefined;
  const texts = { before: valueText(before.value), after: valueText(after.value) };
  if (after.kind === 'mode') {
    const effect = modeEffect(before, after);
    return { path, change: 'mode', effect, breaking: isBreaking(after, effect), ...texts };
  }
  const effect = effectOf(compared, before, after);
  const change = after.kind === 'action' ? 'action' : compared;
  return { path, change, effect, breaking: isBreaking(after, effect), ...texts };
}

const opposites = { tightened: 'widened', widened: 'tightened', changed: 'changed' } as const;

interface Single {
  readonly side: Side;
  readonly mode: Mode;
  readonly appearance: Effect;
  readonly value?: string;
}

function single(path: string, { side, mode, appearance, value }: Single, isNew: boolean): ContractChange {
  const directed = isNew ? appearance : opposites[appearance];
  const effect = isWatching(mode) ? 'none' : directed;
  const text = value === undefined ? {} : isNew ? { after: value } : { before: value };
  return { path, change: isNew ? 'added' : 'removed', effect, breaking: isBreaking({ side }, effect), ...text };
}

/** What only `content` has: whole parts in one line, and single values of parts that both have. */
function onlyIn(content: ContractContent, other: ContractContent, isNew: boolean): ContractChange[] {
  const changes: ContractChange[] = [];
  const gone: string[] = [];
  const isInside = (path: string) => gone.some((part) => path.startsWith(part) && '.['.includes(path.charAt(part.length)));
  // A part comes before the parts inside of it.
  for (const [path, part] of content.parts) {
    if (other.parts.has(path) || isInside(path)) continue;
    gone.push(path);
    changes.push(single(path, part, isNew));
  }
  for (const [path, leaf] of content.leaves) {
    // Mode and action of a rule come and go with it.
    if (leaf.kind !== 'rule' || other.leaves.has(path) || isInside(path)) continue;
    changes.push(single(path, { ...leaf, appearance: 'tightened', value: valueText(leaf.value) }, isNew));
  }
  return changes;
}

/** All changes from `before` to `after`, sorted by path; none when both enforce the same. */
export function diffContracts(before: Contract, after: Contract): readonly ContractChange[] {
  const [old, now] = [contractContent(before), contractContent(after)];
  const changes = [...onlyIn(old, now, false), ...onlyIn(now, old, true)];
  for (const [path, leaf] of old.leaves) {
    const other = now.leaves.get(path);
    const change = other === undefined ? undefined : compareLeaves(path, leaf, other);
    if (change !== undefined) changes.push(change);
  }
  return changes.sort((a, b) => (a.path < b.path ? -1 : Number(a.path > b.path)));
}

/** One line per change. */
export function formatChanges(changes: readonly ContractChange[]): string {
  return changes
    .map(({ path, change, effect, breaking, before, after }) => {
      const values = [before, after].map((text) => (text === undefined ? '(none)' : printable(text, 60))).join(' → ');
      const note = effect === change ? '' : ` (${effect === 'none' ? 'only watched' : effect})`;
      return `${breaking ? '!' : ' '} ${change.padEnd(9)} ${printable(path, 200)}: ${values}${note}\n`;
    })
    .join('');
}
