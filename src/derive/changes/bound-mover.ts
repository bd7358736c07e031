// Moves the bounds of one contract towards those of another, and writes down each move. It knows keys that are bounds and groups that hold
// them; what it does not know stays as it is.
import type { ContractNumber } from '../../contract/index.ts';
import { joinPath } from './contract-leaves.ts';
import { boundDirection, isNumeric } from './strictness.ts';
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

type Bounds = Readonly<Record<string, unknown>>;

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

/** Limits against bombs and floods, and shares: somebody decided them, whatever the data look like. */
const decidedKeys = new Set(['maxRatio', 'maxDecodedBytes', 'maxMetadataBytes', 'maxScans', 'maxFeatures', 'maxUnknownFraction']);
/** Keys under which bounds are measured on data; everything else of a tensor stays. */
const measuredGroups = new Set(['string', 'tokens', 'image', 'width', 'height', 'length', 'count', 'features', 'example']);

/** Where a value is, and whether it was measured. */
export interface Place {
  readonly path: string;
  /** From the tensor down. */
  readonly inner: string;
  /** A value in the measured contract that is only its default is no measurement. */
  isMeasured(inner: string): boolean;
}

export class BoundMover {
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
    // Data that lie beyond the other end, which moves by a capped step only, must not turn the interval around.
    if (isNumeric(opposite) && (isUpper ? after < opposite : after > opposite)) return before;
    this.tightened.push({ path, before, after, wanted });
    return after;
  }
}

/** Bounds of values may be fractions where the type is; all others count something. */
function isValueBound(key: string): boolean {
  return ['min', 'max', 'exclusiveMin', 'exclusiveMax', 'softMin', 'softMax'].includes(key);
}
