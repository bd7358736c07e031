// From new training data to a proposal: what was measured on it is compared with the contract, bound by bound. A bound that the data passes
// goes out, by no more than a cap; nothing else is ever widened: words such as `nan: allow`, patterns, modes and actions stay.
import type { Contract, ContractNumber, DimRules, RuleName, SignatureRules, Source, TensorRules } from '../../contract/index.ts';
import { dtypes } from '../../tensor/index.ts';
import { joinPath, ruleOfPath } from './contract-leaves.ts';
import { boundDirection } from './strictness.ts';
import { cappedBound } from './widening-cap.ts';

export interface DataUpdateOptions {
  /** Of the old range, per step. Default 0.1. */
  readonly maxWidening?: number;
  /** Bounds that the data stays well inside of come in, up to the data and `margin`. Default false. */
  readonly tighten?: boolean;
  /** Of the range of the data, kept when a bound comes in. Default 0.25. */
  readonly margin?: number;
}

export interface BoundChange {
  /** `signatures.serving_default.inputs.age.max`. */
  readonly path: string;
  readonly before: ContractNumber;
  readonly after: ContractNumber;
  /** The extreme of the data. */
  readonly wanted: ContractNumber;
}

export interface DataProposal {
  /** The next revision; the same contract when nothing changed. */
  readonly contract: Contract;
  readonly widened: readonly BoundChange[];
  readonly tightened: readonly BoundChange[];
  /** What the data asks for and this step does not give, or not whole. */
  readonly capped: readonly BoundChange[];
  /** Comments for `formatContract`: each tensor that was widened is marked. */
  readonly comments: ReadonlyMap<string, string>;
}

type Bounds = Readonly<Record<string, unknown>>;

function isNumeric(value: unknown): value is ContractNumber {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** `max` for `min`, `maxBytes` for `minBytes`. */
function oppositeKey(key: string): string {
  if (/^(soft|exclusive)/.test(key)) return key.endsWith('Min') ? key.replace('Min', 'Max') : key.replace('Max', 'Min');
  return key.startsWith('min') ? key.replace('min', 'max') : key.replace('max', 'min');
}

function isPlainObject(value: unknown): value is Bounds {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Set) && !(value instanceof Map)
  );
}

/** Keys under which bounds are measured on data; everything else of a tensor is somebody's decision. */
const decidedKeys = new Set(['maxRatio', 'maxDecodedBytes', 'maxMetadataBytes', 'maxScans', 'maxFeatures', 'maxUnknownFraction']);
const measuredGroups = new Set([
  'string',
  'tokens',
  'image',
  'width',
  'height',
  'length',
  'count',
  'features',
  'example',
  'vocabulary',
]);

interface Place {
  readonly path: string;
  /** From the tensor down. */
  readonly inner: string;
  /** A value in the measured contract that is only its default is no measurement. */
  isMeasured(inner: string): boolean;
}

class DataUpdate {
  readonly widened: BoundChange[] = [];
  readonly tightened: BoundChange[] = [];
  readonly capped: BoundChange[] = [];
  readonly #options: Required<DataUpdateOptions>;

  constructor({ maxWidening = 0.1, tighten = false, margin = 0.25 }: DataUpdateOptions) {
    this.#options = { maxWidening, tighten, margin };
  }

  /** `old` with its bounds moved towards those of `measured`. Walks what is ours and finite. */
  move<T extends object>(place: Place, old: T, measured: object | undefined, isInteger: boolean): T {
    if (measured === undefined) return old;
    const found = measured as Bounds;
    const entries = Object.entries(old).map(([key, value]: [string, unknown]) => {
      const other = found[key];
      const inside = { ...place, path: joinPath(place.path, key), inner: joinPath(place.inner, key) };
      if (decidedKeys.has(key)) return [key, value];
      if (isNumeric(value) && isNumeric(other) && boundDirection(key) !== undefined && place.isMeasured(inside.inner))
        return [key, this.#bound(inside.path, key, value, other, old as Bounds, found, isInteger || !isValueBound(key))];
      if (!measuredGroups.has(key)) return [key, value];
      if (value instanceof Map && other instanceof Map) return [key, this.#features(inside, value, other)];
      return [key, isPlainObject(value) && isPlainObject(other) ? this.move(inside, value, other, true) : value];
    });
    return Object.fromEntries(entries) as T;
  }

  #features(place: Place, old: ReadonlyMap<string, object>, measured: ReadonlyMap<string, object>): ReadonlyMap<string, object> {
    return new Map(
      [...old].map(([name, rules]) => {
        const isInteger = 'kind' in rules && rules.kind === 'int64';
        const inside = { ...place, path: joinPath(place.path, name), inner: joinPath(place.inner, name) };
        return [name, this.move(inside, rules, measured.get(name), isInteger)];
      }),
    );
  }

  #bound(
    path: string,
    key: string,
    before: ContractNumber,
    wanted: ContractNumber,
    old: Bounds,
    measured: Bounds,
    isInteger: boolean,
  ): ContractNumber {
    const isUpper = boundDirection(key) === 'upper';
    const isOutside = isUpper ? wanted > before : wanted < before;
    const opposite = old[oppositeKey(key)];
    if (isOutside) {
      const { maxWidening: maxFraction } = this.#options;
      const after = cappedBound({ before, wanted, opposite: isNumeric(opposite) ? opposite : undefined, maxFraction, isInteger });
      const change = { path, before, after, wanted };
      if (after !== before) this.widened.push(change);
      if (after !== wanted) this.capped.push(change);
      return after;
    }
    if (!this.#options.tighten) return before;
    const other = measured[oppositeKey(key)];
    const spread = Math.abs(Number(wanted) - Number(isNumeric(other) ? other : 0)) * this.#options.margin;
    const room = Number(wanted) + (isUpper ? spread : -spread);
    const rounded = isUpper ? Math.ceil(room) : Math.floor(room);
    const after = isInteger ? rounded : room;
    // Past 2^53 a double would not be exact; such bounds stay.
    if (!Number.isFinite(after) || (isInteger && !Number.isSafeInteger(after))) return before;
    if (isUpper ? after >= before : after <= before) return before;
    this.tightened.push({ path, before, after, wanted });
    return after;
  }
}

/** Bounds of values may be fractions where the type is; all others count something. */
function isValueBound(key: string): boolean {
  return ['min', 'max', 'exclusiveMin', 'exclusiveMax', 'softMin', 'softMax'].includes(key);
}

/** Names the new source for each rule that moved. */
function derive(rules: TensorRules, path: string, changes: readonly BoundChange[], source: string): TensorRules {
  const derivedFrom = new Map(rules.derivedFrom);
  for (const change of changes) {
    if (!change.path.startsWith(`${path}.`)) continue;
    const rule: RuleName | undefined = ruleOfPath(change.path.slice(path.length + 1));
    if (rule !== undefined) derivedFrom.set(rule, source);
  }
  return { ...rules, derivedFrom };
}

/** Dimensions that were measured: those in the shapes of inputs whose shape was. A batch is no property of the data. */
function measuredDims(measured: Contract): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { inputs } of measured.signatures.values())
    for (const { shape = [], derivedFrom } of inputs.values())
      if (derivedFrom.has('shape')) for (const dim of shape.slice(1)) if (dim.kind === 'symbol') names.add(dim.name);
  return names;
}

function moveDims(update: DataUpdate, old: ReadonlyMap<string, DimRules>, measured: Contract): ReadonlyMap<string, DimRules> {
  const names = measuredDims(measured);
  return new Map(
    [...old].map(([name, rules]) => {
      const place = { path: joinPath('dims', name), inner: name, isMeasured: () => names.has(name) };
      return [name, update.move(place, rules, measured.dims.get(name), true)];
    }),
  );
}

function describe({ path, before, after, wanted }: BoundChange, prefix: string): string {
  const rest = after === wanted ? '' : `; the data asks for ${wanted}`;
  return `WIDENED ${path.slice(prefix.length + 1)}: ${before} to ${after}${rest}`;
}

/**
 * Moves the bounds of inputs in `contract` towards those of `measured`, which is a contract of new data without margins. `sources` are the
 * data's; the first becomes the origin of what moved.
 */
export function proposeFromData(
  contract: Contract,
  measured: Contract,
  sources: readonly Source[],
  options: DataUpdateOptions = {},
): DataProposal {
  const update = new DataUpdate(options);
  const dims = moveDims(update, contract.dims, measured);
  const comments = new Map<string, string>();
  const revision = contract.metadata.revision + 1;
  const taken = new Set(contract.metadata.sources.map(({ id }) => id));
  const added = sources.map((source, index) => {
    let id = `update-${revision}-${index + 1}`;
    while (taken.has(id)) id = `${id}-`;
    return { ...source, id, margin: `bounds move by at most ${options.maxWidening ?? 0.1} of their old range` };
  });
  const moveSignature = (name: string, signature: SignatureRules): SignatureRules => {
    const inputs = [...signature.inputs].map(([alias, rules]): [string, TensorRules] => {
      const path = joinPath(`${joinPath('signatures', name)}.inputs`, alias);
      const isInteger = dtypes[rules.dtype].kind !== 'float';
      const other = measured.signatures.get(name)?.inputs.get(alias);
      const isMeasured = (inner: string) => other?.derivedFrom.has(ruleOfPath(inner) ?? 'relation') === true;
      const moved = other?.dtype === rules.dtype ? update.move({ path, inner: '', isMeasured }, rules, other, isInteger) : rules;
      const own = update.widened.filter((change) => change.path.startsWith(`${path}.`));
      if (own.length > 0) comments.set(`${name}/inputs/${alias}`, own.map((change) => describe(change, path)).join('\n'));
      const [source] = added;
      const changes = [...update.widened, ...update.tightened];
      return [alias, source === undefined ? moved : derive(moved, path, changes, source.id)];
    });
    return { ...signature, inputs: new Map(inputs) };
  };
  const signatures = new Map([...contract.signatures].map(([name, signature]) => [name, moveSignature(name, signature)]));
  const { widened, tightened, capped } = update;
  if (widened.length + tightened.length === 0) return { contract, widened, tightened, capped, comments };
  const metadata = { ...contract.metadata, revision, sources: [...contract.metadata.sources, ...added] };
  return { contract: { ...contract, metadata, dims, signatures }, widened, tightened, capped, comments };
}
