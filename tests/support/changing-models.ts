// Small models whose answers depend on the version of TensorFlow, by kernels and tables that changed between 2.12 and 2.21; each was run on both.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  attrBool,
  attrInt,
  attrString,
  attrType,
  type NodeInput,
  placeholder,
  type SignatureInput,
  savedModel,
} from './graph-builder.ts';

export type ChangingModel = 'unicode' | 'cast' | 'erfinv' | 'blank' | 'random' | 'newer-op' | 'plain';

interface Graph {
  readonly nodes: readonly NodeInput[];
  readonly signature: SignatureInput;
}

const floats = { name: 'x:0', dtype: 'DT_FLOAT', shape: [-1, 2] } as const;
const output = (dtype: string, shape: readonly number[] = [-1, 2]) => ({ name: 'y:0', dtype, shape });
const x = placeholder('x', 'DT_FLOAT', [-1, 2]);
const text = placeholder('x', 'DT_STRING', [-1]);
const strings = { name: 'x:0', dtype: 'DT_STRING', shape: [-1] } as const;
const unary = (op: string): NodeInput => ({ name: 'y', op, inputs: ['x'], attrs: { T: attrType('DT_FLOAT') } });
const plain: Graph = { nodes: [x, unary('Neg')], signature: { inputs: { x: floats }, outputs: { y: output('DT_FLOAT') } } };

const graphs: Readonly<Record<ChangingModel, Graph>> = {
  plain,
  /** RE2's table of letters: U+1E4D0, of Unicode 15, is one for 2.21 and none for 2.12. */
  unicode: {
    nodes: [
      text,
      {
        name: 'y',
        op: 'StaticRegexReplace',
        inputs: ['x'],
        attrs: { pattern: attrString('\\p{L}'), rewrite: attrString('L'), replace_global: attrBool(true) },
      },
    ],
    signature: { inputs: { x: strings }, outputs: { y: output('DT_STRING', [-1]) } },
  },
  /** A float beyond the range of uint32 becomes 1410065408 (1e10 modulo 2^32) on 2.12, and 2^31 on 2.21; only in rows long enough for vector instructions. */
  cast: {
    nodes: [
      placeholder('x', 'DT_FLOAT', [-1, 16]),
      { name: 'u', op: 'Cast', inputs: ['x'], attrs: { SrcT: attrType('DT_FLOAT'), DstT: attrType('DT_UINT32') } },
      { name: 'y', op: 'Cast', inputs: ['u'], attrs: { SrcT: attrType('DT_UINT32'), DstT: attrType('DT_FLOAT') } },
    ],
    signature: { inputs: { x: { ...floats, shape: [-1, 16] } }, outputs: { y: output('DT_FLOAT', [-1, 16]) } },
  },
  /** Outside of its domain it is infinite on 2.12, and NaN on 2.21. */
  erfinv: { nodes: [x, unary('Erfinv')], signature: { inputs: { x: floats }, outputs: { y: output('DT_FLOAT') } } },
  /** A blank text is 0 on 2.12, and an error on 2.21. */
  blank: {
    nodes: [text, { name: 'y', op: 'StringToNumber', inputs: ['x'], attrs: { out_type: attrType('DT_FLOAT') } }],
    signature: { inputs: { x: strings }, outputs: { y: output('DT_FLOAT', [-1]) } },
  },
  /** Differs by itself. */
  random: {
    nodes: [
      x,
      { name: 'shape', op: 'Shape', inputs: ['x'], attrs: { T: attrType('DT_FLOAT'), out_type: attrType('DT_INT32') } },
      {
        name: 'y',
        op: 'RandomUniform',
        inputs: ['shape'],
        attrs: { T: attrType('DT_INT32'), dtype: attrType('DT_FLOAT'), seed: attrInt(0), seed2: attrInt(0) },
      },
    ],
    signature: { inputs: { x: floats }, outputs: { y: output('DT_FLOAT') } },
  },
  /** Holds an operation that 2.12 does not have. */
  'newer-op': {
    nodes: [
      ...plain.nodes,
      placeholder('dataset', 'DT_VARIANT', []),
      { name: 'fingerprint', op: 'DatasetFingerprint', inputs: ['dataset'] },
    ],
    signature: plain.signature,
  },
};

/** Writes version 1 of a model into `folder`/`name` and gives that folder. */
export function writeChangingModel(folder: string, name: ChangingModel): string {
  const { nodes, signature } = graphs[name];
  const base = join(folder, name);
  mkdirSync(join(base, '1'), { recursive: true });
  const metaGraphs = [{ nodes, signatures: { serving_default: { methodName: 'tensorflow/serving/predict', ...signature } } }];
  writeFileSync(join(base, '1', 'saved_model.pb'), savedModel({ metaGraphs }));
  return base;
}
