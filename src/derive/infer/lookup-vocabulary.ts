// The words that a lookup table knows: from the text file in the model's assets that it is filled with, or from constants in the graph
// (core/ops/lookup_ops.cc at 2.21). Only tables whose keys are whole lines or a list of strings; others are not told.
import type { WholeMetaGraph } from '../../model/index.ts';
import { constStrings, intAttribute } from './const-value.ts';
import type { GraphView, Origin, Scope } from './graph-view.ts';
import { type InputUse, usesOf } from './input-uses.ts';

/** Where a table's words are. */
export type TableWords =
  | { readonly kind: 'asset'; readonly fileName: string }
  | { readonly kind: 'constant'; readonly words: readonly Uint8Array[] };

/** `key_index` of a file whose keys are its whole lines (lookup_ops.cc). */
const wholeLine = -2;

const initializers: Readonly<Record<string, 'file' | 'list'>> = {
  InitializeTableFromTextFile: 'file',
  InitializeTableFromTextFileV2: 'file',
  InitializeTable: 'list',
  InitializeTableV2: 'list',
  LookupTableImport: 'list',
  LookupTableImportV2: 'list',
};

export function isTableLookup({ node, inputIndex }: InputUse): boolean {
  return inputIndex === 1 && (node.op === 'LookupTableFindV2' || node.op === 'LookupTableFind');
}

/** TensorFlow 2 keeps an asset's path in a variable, which one op of the main graph sets when the model is loaded. */
function behindVariable(view: GraphView, origin: Origin): Origin | undefined {
  if (origin.node.op !== 'VarHandleOp' || origin.scope !== view.main) return origin;
  const assignments = view
    .consumersOf({ scope: origin.scope, name: origin.node.name })
    .filter(({ node, index }) => index === 0 && node.op === 'AssignVariableOp');
  const [assignment] = assignments;
  if (assignments.length !== 1 || assignment.node.input[1] === undefined) return undefined;
  return view.originOf({ scope: view.main, name: assignment.node.input[1] });
}

/** The asset whose path a tensor is. */
function assetOf(metaGraph: WholeMetaGraph, view: GraphView, scope: Scope, input: string): string | undefined {
  const read = view.originOf({ scope, name: input });
  const origin = read === undefined ? undefined : behindVariable(view, read);
  if (origin === undefined || origin.scope !== view.main) return undefined;
  const asset = metaGraph.assetFileDef.find(({ tensorInfo }) => {
    const name = tensorInfo?.encoding.case === 'name' ? tensorInfo.encoding.value : '';
    return name.replace(/:0$/, '') === origin.node.name;
  });
  return asset?.filename;
}

/**
 * The words of the table that `use` looks its values up in, or undefined. A table that is filled twice, or by something else too, is
 * not told either.
 */
export function tableWords(metaGraph: WholeMetaGraph, view: GraphView, use: InputUse): TableWords | undefined {
  const table = view.originOf({ scope: use.scope, name: use.node.input[0] });
  if (table === undefined) return undefined;
  const [handle] = view.outputsOf(table.scope, table.node);
  if (handle === undefined) return undefined;
  const fillings = usesOf(view, handle).filter(
    ({ node, inputIndex }) => inputIndex === 0 && Object.hasOwn(initializers, node.op),
  );
  const [filling] = fillings;
  if (filling === undefined || new Set(fillings.map(({ node }) => node)).size > 1) return undefined;
  const { scope, node } = filling;
  if (node.input[1] === undefined) return undefined;
  if (initializers[node.op] === 'file') {
    if (intAttribute(node, 'key_index') !== wholeLine) return undefined;
    const fileName = assetOf(metaGraph, view, scope, node.input[1]);
    return fileName === undefined ? undefined : { kind: 'asset', fileName };
  }
  const keys = view.originOf({ scope, name: node.input[1] });
  const words = keys === undefined ? undefined : constStrings(keys.node);
  return words === undefined ? undefined : { kind: 'constant', words };
}
