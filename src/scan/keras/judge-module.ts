// What a pair of module and name in a configuration means. Judges the text only; no module is ever looked for, because what is installed here
// says nothing about the machine that loads the model.
import type { Severity } from '../../core/index.ts';
import {
  executingBuiltins,
  executingModules,
  type Gadget,
  harmlessKerasNames,
  kerasGadgets,
  kerasPackages,
  modelParts,
  reachingModules,
  writingCallbacks,
} from './module-facts.ts';

export interface ModuleReference {
  readonly module: string;
  /** Class or function. */
  readonly name: string;
  readonly isFunction: boolean;
  /** Null and undefined where the file has none: the serializer of Keras always gives one for what is not public. */
  readonly registeredName: string | null | undefined;
}

export interface ModuleVerdict {
  readonly ruleId:
    | 'code-execution/module-reference'
    | 'code-execution/keras-gadget'
    | 'code-execution/keras-function'
    | 'file-write/keras-callback'
    | 'custom-op/keras-module'
    | 'custom-op/keras-class';
  readonly severity: Severity;
  /** After `module.name`. */
  readonly does: string;
  readonly gadget?: Gadget;
}

/** `keras.src.utils.file_utils` gives `utils.file_utils`; undefined for a module that is not of Keras. */
function insideKeras(module: string): string[] | undefined {
  const parts = module.split('.').map((part) => part.trim());
  const prefixes = [
    ['tensorflow', 'python', 'keras'],
    ['tensorflow', 'keras'],
    ['tensorflow', '_api', 'v2', 'keras'],
    ['tf', 'keras'],
    ['tensorflow_core', 'python', 'keras'],
  ];
  if (['keras', 'tf_keras', 'keras_core', '_tf_keras'].includes(parts[0])) parts.shift();
  else {
    const prefix = prefixes.find((candidate) => candidate.every((part, index) => parts[index] === part));
    if (prefix === undefined) return undefined;
    parts.splice(0, prefix.length);
  }
  while (['src', 'api', '_tf_keras', 'keras', 'python', '_legacy', '_v2', 'v2'].includes(parts[0])) parts.shift();
  return parts;
}

function judgeKeras(inside: readonly string[], { name, isFunction }: ModuleReference): ModuleVerdict | undefined {
  const last = name.split('.').at(-1) ?? name;
  if (writingCallbacks.has(last) && (inside[0] === 'callbacks' || inside.length === 0)) {
    return {
      ruleId: 'file-write/keras-callback',
      severity: 'high',
      does: `${writingCallbacks.get(last)} a place that the file chooses`,
    };
  }
  // TFSMLayer and other layers have rules of their own.
  const gadget = inside[0] === 'layers' && !isFunction ? undefined : kerasGadgets.get(last);
  if (gadget !== undefined)
    return { ruleId: 'code-execution/keras-gadget', severity: gadget.severity, does: gadget.does, gadget };
  const isPart = inside.length === 0 || modelParts.has(inside[0]);
  if (isPart && /^(?:deserialize|get|from_config)$/.test(last) && isFunction) {
    return { ruleId: 'code-execution/keras-gadget', severity: 'high', does: 'makes any object of Keras from a configuration' };
  }
  if (isPart || harmlessKerasNames.has(last)) return undefined;
  if (inside[0] === 'applications') {
    return { ruleId: 'code-execution/keras-gadget', severity: 'medium', does: 'builds a model and downloads its weights' };
  }
  if (inside[0] === 'utils' && inside[1] === 'bounding_boxes') return undefined;
  const severity = ['utils', 'saving', 'config', 'export', 'datasets', 'visualization'].includes(inside[0]) ? 'high' : 'medium';
  return { ruleId: 'code-execution/keras-gadget', severity, does: `belongs to ${inside[0]}, which is no part of a model` };
}

const harmlessNumpy = /^(?:dtype|ndarray|generic|u?int(?:8|16|32|64)|float(?:16|32|64)|bool_?|complex(?:64|128)|str_|bytes_)$/;
const harmlessTensorFlow = /(?:Spec|Wrapper|TensorShape|DType|Dimension|_DictWrapper|_TupleWrapper)$/;

/** Undefined when the reference is ordinary. */
export function judgeModule(reference: ModuleReference): ModuleVerdict | undefined {
  const { module, name, isFunction, registeredName } = reference;
  const inside = insideKeras(module);
  if (inside !== undefined) return judgeKeras(inside, reference);
  const [root] = module.trim().split('.');
  const runs = (severity: Severity, does: string): ModuleVerdict => ({
    ruleId: 'code-execution/module-reference',
    severity,
    does,
  });
  const called = isFunction ? 'called' : 'made';
  if (root === 'builtins' || root === '__builtin__' || root === '__builtins__') {
    if (executingBuiltins.has(name)) return runs('critical', `is Python's own and is ${called} with arguments from the file`);
    return isFunction ? { ruleId: 'code-execution/keras-function', severity: 'info', does: 'is a custom function' } : undefined;
  }
  if (executingModules.has(root)) return runs('critical', `is imported and ${called} with arguments from the file`);
  if (root === 'numpy')
    return harmlessNumpy.test(name) ? undefined : runs('high', `is imported and ${called} with arguments from the file`);
  if (root === 'tensorflow' || root === 'tensorflow_core') {
    if (harmlessTensorFlow.test(name)) return undefined;
    return runs('high', `is imported and ${called} with arguments from the file`);
  }
  const last = name.split('.').at(-1) ?? name;
  if (kerasPackages.has(root)) {
    const gadget = isFunction ? kerasGadgets.get(last) : undefined;
    if (gadget !== undefined)
      return { ruleId: 'code-execution/keras-gadget', severity: gadget.severity, does: gadget.does, gadget };
    return { ruleId: 'custom-op/keras-class', severity: 'info', does: `belongs to ${root}` };
  }
  if (reachingModules.has(root)) return runs('high', `is imported and ${called} with arguments from the file`);
  if (/^(?:eval|exec|execfile|__import__)$/.test(last))
    return runs('high', `is imported and ${called} with arguments from the file`);
  if (root === '' || root === '__main__' || typeof registeredName === 'string') {
    return {
      ruleId: 'custom-op/keras-class',
      severity: 'low',
      does: 'is custom: it has to be registered where the model is loaded',
    };
  }
  return {
    ruleId: 'custom-op/keras-module',
    severity: 'medium',
    does: 'is not registered: Keras before 3.9 imports the module from wherever Python finds it',
  };
}
