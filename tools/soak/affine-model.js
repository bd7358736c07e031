// A model whose right answer everybody can work out: y = 3x + 1 for rows of four numbers, exact for small whole ones.
import { constant, node, placeholder, typeAttr, writeModel } from './saved-model.js';

const sizes = [-1, 4];

export function writeAffineModel(folder) {
  const nodes = [
    placeholder(sizes),
    constant('three', Float32Array.of(3)),
    constant('one', Float32Array.of(1)),
    node('product', 'Mul', ['x', 'three'], typeAttr('T')),
    node('y', 'AddV2', ['product', 'one'], typeAttr('T')),
  ];
  writeModel(folder, nodes, sizes, sizes);
}

/** What the model answers to these rows. */
export const affine = (rows) => rows.map((row) => row.map((value) => 3 * value + 1));
