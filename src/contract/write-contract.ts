// Writes a contract as a file for people: keys always in the same order, defaults left out, short lists on one line. What it writes is read
// back as the same contract; it never writes anything to disk itself.
import { Document, isCollection, isPair, isScalar, type Pair, visit, YAMLMap } from 'yaml';
import { printable } from '../core/index.ts';
import type { Contract } from './contract-types.ts';
import { contractFile } from './write-contract-values.ts';

export interface FormatContractOptions {
  /**
   * Comments above tensors, by `signature/inputs/alias` or `signature/outputs/alias`; the comment for the empty key stands at the head of
   * the file. Lines are separated by `\n`; what a screen cannot show is escaped.
   */
  readonly comments?: ReadonlyMap<string, string>;
}

const maxCommentLines = 100;
const maxNameParts = 64;

function commentOf(text: string): string {
  const lines = text.split('\n').slice(0, maxCommentLines);
  return lines.map((line) => ` ${printable(line, 400)}`.trimEnd()).join('\n');
}

/** The pair of `key` in a mapping. */
function pairOf(node: unknown, key: string): Pair | undefined {
  if (!(node instanceof YAMLMap)) return undefined;
  return node.items.find((pair: Pair) => isScalar(pair.key) && pair.key.value === key);
}

function addComments(document: Document, comments: ReadonlyMap<string, string>): void {
  for (const [place, text] of comments) {
    if (place === '') {
      document.commentBefore = commentOf(text);
      continue;
    }
    // A name may hold slashes itself, so every place to cut is tried.
    const parts = place.split('/').slice(0, maxNameParts);
    for (const [at, side] of parts.entries()) {
      if (side !== 'inputs' && side !== 'outputs') continue;
      const signature = pairOf(pairOf(document.contents, 'signatures')?.value, parts.slice(0, at).join('/'));
      const pair = pairOf(pairOf(signature?.value, side)?.value, parts.slice(at + 1).join('/'));
      if (pair !== undefined && isScalar(pair.key)) pair.key.commentBefore = commentOf(text);
    }
  }
}

/** Lists of plain values, and short mappings of them, stand on one line. */
function setStyle(document: Document): void {
  visit(document, {
    Scalar(_key, node) {
      // Whole numbers above 2^53 would be read back as integers; in a double they are not exact, and the exponent says so.
      if (typeof node.value === 'number' && Math.abs(node.value) > Number.MAX_SAFE_INTEGER) node.format = 'EXP';
    },
    Collection(_key, node) {
      const isFlat = !node.items.some((item) => isCollection(isPair(item) ? item.value : item));
      const isSmall = node.items.length <= 4 && pairOf(node, 'dtype') === undefined;
      if (isFlat && (isSmall || !(node instanceof YAMLMap))) node.flow = true;
    },
  });
}

/** The text of a contract file; `parseContract` gives the same contract for it. */
export function formatContract(contract: Contract, { comments = new Map() }: FormatContractOptions = {}): string {
  const document = new Document(contractFile(contract), {
    version: '1.2',
    schema: 'core',
    stringKeys: true,
    aliasDuplicateObjects: false,
  });
  setStyle(document);
  addComments(document, comments);
  return document.toString({ lineWidth: 120, flowCollectionPadding: true });
}
