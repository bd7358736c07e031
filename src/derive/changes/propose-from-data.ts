// From new training data to a proposal: what was measured on it is compared with the contract, bound by bound. A bound that the data passes
// goes out, by no more than a cap; nothing else is ever widened: words such as `nan: allow`, patterns, modes and actions stay.
import type { Contract, DimRules, RuleName, SignatureRules, Source, TensorRules } from '../../contract/index.ts';
import { dtypes } from '../../tensor/index.ts';
import { type BoundChange, BoundMover, type DataUpdateOptions } from './bound-mover.ts';
import { joinPath, ruleOfPath } from './contract-leaves.ts';

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

function moveDims(update: BoundMover, old: ReadonlyMap<string, DimRules>, measured: Contract): ReadonlyMap<string, DimRules> {
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
  const update = new BoundMover(options);
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
