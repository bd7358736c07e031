// What can be found in a TensorFlow.js model. Published ids keep their meaning.
import type { Rule } from '../scan-types.ts';

const manifest = 'tfjs-core io/types.ts, WeightsManifestConfig';

export const tfjsRules: readonly Rule[] = [
  {
    id: 'path-traversal/tfjs-weights',
    title: 'The manifest reads weights from outside of the folder of the model',
    category: 'path-traversal',
    severity: 'high',
    effect:
      'Who loads the model from a disk, or converts it back, opens the path that the manifest names and reads it as weights.',
    fix: 'Refuse the model. Paths of a manifest are plain file names beside model.json.',
    sources: [manifest],
  },
  {
    id: 'network/tfjs-weights',
    title: 'The manifest fetches weights from an address of its own',
    category: 'network',
    severity: 'high',
    effect: 'Loading the model sends a request to that address and takes what comes back for weights, whatever it is that day.',
    fix: 'Put the weights beside model.json and name them by their file names.',
    sources: [manifest],
  },
  {
    id: 'malformed/tfjs-missing-weights',
    title: 'A weight file of the manifest is not there',
    category: 'malformed',
    severity: 'medium',
    effect: 'The model does not load, or takes whatever somebody puts there later for weights.',
    fix: 'Restore the file, or convert the model again.',
    sources: [manifest],
  },
  {
    id: 'malformed/tfjs-weights',
    title: 'The weights do not fit what the manifest says',
    category: 'malformed',
    severity: 'medium',
    effect: 'A loader cuts the weights in the wrong places, reads beyond their end, or leaves bytes that belong to nothing.',
    fix: 'Convert the model again from its source.',
    sources: [manifest],
  },
  {
    id: 'memory/tfjs-weights',
    title: 'The manifest declares weights larger than the memory budget',
    category: 'memory',
    severity: 'high',
    effect: 'The loader allocates what the shape says.',
    fix: 'Refuse the model, or raise the budget if it needs that much.',
    sources: [manifest],
  },
  {
    id: 'malformed/tfjs-model',
    title: 'The model is not built as a TensorFlow.js model is',
    category: 'malformed',
    severity: 'medium',
    effect: 'Loaders refuse it or take parts of it for something else.',
    fix: 'Convert the model again from its source.',
    sources: ['tfjs-core io/types.ts, ModelJSON'],
  },
  {
    id: 'contract/tfjs-signature',
    title: 'The signature does not fit the graph',
    category: 'contract',
    severity: 'medium',
    effect: 'Who calls the model overwrites a constant or an intermediate result, or asks for what is not there.',
    fix: 'Convert the model again from its source.',
  },
  {
    id: 'parser-differential/tfjs-json',
    title: 'Readers may take different values from the same model.json',
    category: 'parser-differential',
    severity: 'medium',
    effect: 'One reader judges a harmless value and another runs the other one.',
    fix: 'Write the file again with each key once.',
    sources: ['RFC 8259 section 4'],
  },
];
