// The model of the flood: dense layers, 8.5 million operations a row, so that a row is cheap and a large batch is dear. The weights are made in the graph, whose file
// stays small: TensorFlow works them out once, each being below the 10 MiB that it folds.
import fs from 'node:fs';
import path from 'node:path';
import { constant, node, placeholder, typeAttr, writeModel } from '../../tools/soak/saved-model.js';

export const width = 64;
const hidden = 1024;
const sizes = [width, hidden, hidden, hidden, hidden, hidden, 1];
const layers = sizes.slice(1).map((size, index) => [sizes[index], size]);
export const flopsPerRow = 2 * layers.reduce((sum, [rows, columns]) => sum + rows * columns, 0);

/** Weights of one size and value. @param {string} name @param {number[]} shape */
function weights(name, shape) {
  return [
    constant(`${name}/sizes`, Int32Array.from(shape), [2]),
    constant(`${name}/value`, Float32Array.of(1 / shape[0])),
    node(`${name}/weights`, 'Fill', [`${name}/sizes`, `${name}/value`], typeAttr('T'), typeAttr('index_type', 'int32')),
  ];
}

/** Each layer gives the mean of its input; so does the model. @param {string} folder */
export function writeLayersModel(folder) {
  const nodes = [placeholder([-1, width])];
  let input = 'x';
  for (const [index, shape] of layers.entries()) {
    const name = index === layers.length - 1 ? 'y' : `layer_${index}`;
    nodes.push(...weights(name, shape), node(name, 'MatMul', [input, `${name}/weights`], typeAttr('T')));
    input = name;
  }
  writeModel(folder, nodes, [-1, width], [-1, 1]);
  // What a server without checks must be told.
  const description = {
    input: { name: 'x', operation: 'x' },
    output: { name: 'y', operation: 'y', index: 0 },
    inputShape: [-1, width],
    outputShape: [-1, 1],
  };
  fs.writeFileSync(path.join(folder, 'model.json'), `${JSON.stringify(description)}\n`);
}

/** @param {number} rows @param {number} value */
export const requestBody = (rows, value) =>
  `{"instances":[${new Array(rows).fill(`[${new Array(width).fill(value.toFixed(1)).join(',')}]`).join(',')}]}`;
