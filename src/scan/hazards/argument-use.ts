// What an argument of an operation may hold: an input by its name in the operation's definition, or an attribute.
import type { Body, Edge } from '../graph/index.ts';
import type { Value } from '../values/index.ts';
import type { Case } from './hazard-types.ts';
import { functionNames, intAttr, stringAttr, stringListAttr } from './node-facts.ts';
import { assetTextOfCall, isAssetPath } from './own-paths.ts';
import { constantPaths, type PathUse, pathUse } from './path-origin.ts';
import { walkBack } from './walk-back.ts';

export interface ArgumentUse extends PathUse {
  /** Without `in:` or `attr:`. */
  readonly name: string;
}

/** Strings of an attribute, whatever kind it has. */
function attributeTexts(body: Body, node: number, name: string): readonly string[] {
  const one = stringAttr(body, node, name);
  if (one !== undefined) return [one];
  const number = intAttr(body, node, name);
  if (number !== undefined) return [String(number)];
  return [...stringListAttr(body, node, name), ...functionNames(body, node, name)];
}

function numberTexts(value: Value): PathUse | undefined {
  const { constants } = value;
  if (constants === undefined || !constants.every(({ numbers }) => numbers !== undefined)) return undefined;
  const numbers = constants.flatMap((constant) => constant.numbers ?? []);
  const [first] = numbers;
  return first === undefined ? undefined : { origin: 'constant-inside', value: String(first), more: numbers.length - 1 };
}

const maxHintSteps = 300;
const maxHints = 300;
const pathLike = /^[^\0\n]{0,200}[/\\.][^\0\n]{0,200}$/;

/** What the signatures give an input of theirs when a request leaves it out (`SignatureDef.defaults`). */
function presetOf(c: Case, node: string): readonly string[] {
  return c.program.signatures.flatMap(({ inputs, defaults }) =>
    defaults.size === 0
      ? []
      : inputs.flatMap(({ alias, name }) => (name.split(':')[0] === node ? (defaults.get(alias) ?? []) : [])),
  );
}

/** A constant that looks like a path and takes part in what the graph computes: more than nothing for whoever reads the finding. */
export function hint(c: Case, body: Body, edge: Edge | undefined): { readonly value?: string } {
  if (edge === undefined || !c.budget.takes('hint', maxHints)) return {};
  for (const place of walkBack(c.program, { body, edge }, maxHintSteps)) {
    if (place.body === c.program.main) {
      const preset = presetOf(c, place.body.name(place.edge.node)).find((one) => pathLike.test(one));
      if (preset !== undefined) return { value: `${preset} (by default)` };
    }
    if (place.body.op(place.edge.node) !== 'Const') continue;
    const texts = c.values.of(place.body, place.edge).constants?.flatMap(({ strings }) => strings ?? []) ?? [];
    const text = texts.map((bytes) => bytes.toString('utf8')).find((one) => pathLike.test(one));
    if (text !== undefined) return { value: `… ${text} …` };
  }
  return {};
}

function edgeOf(c: Case, body: Body, node: number, name: string): Edge | undefined {
  const index = c.context.ops.get(body.op(node))?.inputs.findIndex((input) => input.name === name) ?? -1;
  return body.inputs(node)[index];
}

function isOwnAsset(c: Case, body: Body, node: number, name: string): boolean {
  const edge = edgeOf(c, body, node, name);
  return edge !== undefined && isAssetPath(c, { body, edge });
}

/**
 * What the arguments hold that a table of risks names, each one that is there; none that is surely empty. An attribute with a path is judged
 * like a constant input.
 */
export function argumentUses(c: Case, body: Body, node: number, at: readonly string[]): readonly ArgumentUse[] {
  const uses: ArgumentUse[] = [];
  for (const place of at) {
    const name = place.slice(place.indexOf(':') + 1);
    if (place.startsWith('attr:')) {
      const use = constantPaths(attributeTexts(body, node, name), c.folder.assets);
      if (use !== undefined) uses.push({ ...use, name });
      continue;
    }
    for (const value of c.values.namedInput(body, node, name)) {
      const use = numberTexts(value) ?? pathUse(value, c.folder.assets);
      if (use === undefined) continue;
      const edge = edgeOf(c, body, node, name);
      const kept = use.origin === 'asset' && edge !== undefined ? assetTextOfCall(c, { body, edge }, node) : undefined;
      if (kept !== undefined) {
        uses.push({ origin: 'constant-outside', value: kept, more: 0, name });
        continue;
      }
      const isOwn = use.origin !== 'asset' && isOwnAsset(c, body, node, name);
      if (isOwn) uses.push({ origin: 'asset', more: 0, name });
      else uses.push({ ...use, ...(use.value === undefined ? hint(c, body, edgeOf(c, body, node, name)) : {}), name });
    }
  }
  return uses;
}
