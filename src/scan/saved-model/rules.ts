// The rules about a SavedModel as a folder: which file is the model, whether the files that it names are its own.
import type { Rule } from '../scan-types.ts';

const loader = 'tensorflow/cc/saved_model/loader_util.cc, tensorflow/python/saved_model/loader_impl.py (2.21)';

export const savedModelRules: readonly Rule[] = [
  {
    id: 'parser-differential/two-graphs',
    title: 'A SavedModel has more than one model file',
    category: 'parser-differential',
    severity: 'medium',
    effect:
      'TensorFlow takes saved_model.pb before saved_model.pbtxt, and open-source builds pass over saved_model.cpb; a reader of the other file sees another model.',
    fix: 'Keep the file that is meant and remove the others.',
    sources: ['tensorflow/cc/saved_model/reader.cc (2.21)'],
  },
  {
    id: 'parser-differential/wrong-model-file',
    title: 'saved_model.pb is no SavedModel',
    category: 'parser-differential',
    severity: 'medium',
    effect:
      'Readers of protobuf pass over fields that they do not know, so the file is empty for one reader and a program for another.',
    fix: 'Save the model again as a SavedModel, or name the file after what it is.',
  },
  {
    id: 'malformed/saved-model',
    title: 'A model file cannot be read',
    category: 'malformed',
    severity: 'medium',
    effect: 'Loading fails, or another reader makes something else of it.',
    fix: 'Save the model again.',
  },
  {
    id: 'path-traversal/asset',
    title: 'An asset lies outside of the model',
    category: 'path-traversal',
    severity: 'high',
    effect:
      'The name is joined to the path of the assets folder unchecked: the model opens another file of the machine and may answer with what it holds.',
    fix: 'Copy the file into the assets folder and save the model again.',
    sources: [loader],
  },
  {
    id: 'malformed/missing-variables',
    title: 'The checkpoint of the model is missing',
    category: 'malformed',
    severity: 'medium',
    effect:
      'The model fails to load, or answers with variables that were never set, or with those that somebody puts there later.',
    fix: 'Copy the model again with its variables folder.',
    sources: [loader],
  },
  {
    id: 'malformed/missing-asset',
    title: 'An asset file is missing',
    category: 'malformed',
    severity: 'medium',
    effect: 'The model fails to load, or opens a file that somebody puts there later.',
    fix: 'Copy the model again with its assets folder.',
    sources: [loader],
  },
  {
    id: 'malformed/odd-asset',
    title: 'An asset has an odd name',
    category: 'malformed',
    severity: 'low',
    effect: 'Systems differ in which file it is.',
    fix: 'Give the file a plain name and save the model again.',
  },
  {
    id: 'malformed/fingerprint',
    title: 'The fingerprint of the model cannot be read',
    category: 'malformed',
    severity: 'low',
    effect: 'TensorFlow logs a warning; what compares fingerprints fails.',
    fix: 'Save the model again.',
  },
  {
    id: 'payload/unlisted-asset',
    title: 'A file in assets that the model does not name',
    category: 'payload',
    severity: 'info',
    effect: 'Nothing, unless something else reads it.',
    fix: 'Remove it when it is not needed.',
  },
];
