// Walks a Keras configuration and judges every object and string in it, wherever it lies: Keras deserializes nested objects by the same rules
// at any depth, so a Lambda layer in a wrapper in a model in a model runs as well as one at the top. An explicit stack, never recursion; each
// value is visited once.
import { AirlockError } from '../../core/index.ts';
import type { ScanContext } from '../scan-context.ts';
import { type ConfigPlace, classOf, configOf, type Frame, keyOf, layerOf } from './config-frame.ts';
import { isJsonList, isJsonObject, type JsonObject, type JsonValue } from './json-types.ts';
import { judgeClass, judgeName } from './judge-classes.ts';
import { judgeLambdaObject, lambdaFunctionKeys } from './judge-lambda.ts';
import { judgeModule } from './judge-module.ts';
import { judgeShape } from './judge-shapes.ts';
import { judgeString } from './judge-strings.ts';
import { KerasReporter } from './keras-report.ts';
import { readJson } from './read-json.ts';

export interface JudgeConfigOptions {
  /** Bytes of weights that come with the configuration. Default 0: none are known. */
  readonly weightsBytes?: number;
  /** For the beginning of chains. Default `loading FILE`. */
  readonly root?: string;
}

/** Keys below which values go to something that is called. */
const argumentKeys: ReadonlySet<string> = new Set([
  'arguments',
  'args',
  'kwargs',
  'call_kwargs',
  'call_args',
  'inbound_nodes',
  'callbacks',
  'fn_kwargs',
  'function_kwargs',
]);
const maxNesting = 4;
const maxNestedChars = 64 * 1024 ** 2;
/** Harmless remarks of one kind; the rest adds nothing. */
const maxRemarks = 20;

/** Facts about a configuration, for the report's inventory. */
export interface ConfigFacts {
  readonly layers: number;
  readonly classes: readonly string[];
}

class ConfigJudge {
  readonly #reporter: KerasReporter;
  readonly #weightsBytes: number;
  readonly #stack: Frame[] = [];
  readonly #classes = new Set<string>();
  #layers = 0;
  #remarks = 0;

  constructor(reporter: KerasReporter, weightsBytes: number) {
    this.#reporter = reporter;
    this.#weightsBytes = weightsBytes;
  }

  run(root: JsonValue): ConfigFacts {
    this.#push(root, undefined, undefined, 0);
    for (let frame = this.#stack.pop(); frame !== undefined; frame = this.#stack.pop()) {
      const { value } = frame;
      if (typeof value === 'string') this.#string(frame, value);
      else if (isJsonList(value)) {
        for (let index = value.length - 1; index >= 0; index--) this.#push(value[index], index, frame, frame.nesting);
      } else if (isJsonObject(value)) {
        this.#object(frame, value);
        const keys = Object.keys(value);
        for (let index = keys.length - 1; index >= 0; index--) this.#push(value[keys[index]], keys[index], frame, frame.nesting);
      }
    }
    return { layers: this.#layers, classes: [...this.#classes].sort() };
  }

  #push(value: JsonValue, key: string | number | undefined, parent: Frame | undefined, nesting: number): void {
    // Numbers say nothing without their object.
    if (value === null || typeof value === 'number' || typeof value === 'boolean') return;
    // Tuples, tensors and the like belong to the class around them.
    const own = classOf(value);
    const className = own === undefined || (own.startsWith('__') && own !== '__lambda__') ? parent?.className : own;
    const isArgument = (parent?.isArgument ?? false) || (typeof key === 'string' && argumentKeys.has(key));
    this.#stack.push({ value, key, parent, className, isArgument, nesting });
  }

  #object(frame: Frame, object: JsonObject): void {
    const config = configOf(object);
    const className = classOf(object);
    if (object.safe_mode === false || object.enable_unsafe_deserialization === true) this.#unsafeMode(frame);
    if (className === undefined) {
      if (typeof object.module === 'string' && (typeof object.registered_name === 'string' || typeof object.config === 'string'))
        this.#reference(frame, object, '');
      return;
    }
    if (config !== undefined) {
      if (this.#classes.size < 1000) this.#classes.add(className);
      if (keyOf(frame) === 'layers' || frame.key === 'layer') this.#layers++;
      judgeName(frame, config.name, this.#reporter);
      judgeShape(frame, config, this.#weightsBytes, this.#reporter);
    }
    if (object.name !== config?.name) judgeName(frame, object.name, this.#reporter);
    // judgeLambda looks into those of a Lambda layer.
    const isInLambda =
      frame.parent?.className === 'Lambda' && frame.parent.key === 'config' && lambdaFunctionKeys.includes(String(frame.key));
    if (className === '__lambda__') {
      if (!isInLambda) judgeLambdaObject(frame, object, this.#reporter);
    } else judgeClass(frame, config, this.#reporter);
    this.#reference(frame, object, className);
  }

  #unsafeMode(frame: Frame): void {
    this.#reporter.use(frame, 'config.json: keras.config.enable_unsafe_deserialization');
    this.#reporter.report(frame, {
      rule: 'configuration/keras-unsafe-mode',
      message: `${frame.className ?? 'The configuration'} "${layerOf(frame) ?? ''}" turns safe mode off (safe_mode: false)`,
      argument: { name: 'safe_mode', value: 'false' },
    });
  }

  #reference(frame: Frame, object: JsonObject, className: string): void {
    const isTypeSpec = className === '__typespec__';
    if (className.startsWith('__') && !isTypeSpec) return;
    const isFunction = className === 'function' || className === '';
    const { module, config, registered_name: registered, spec_name: specName } = object;
    const named = isFunction ? (typeof config === 'string' ? config : registered) : isTypeSpec ? specName : className;
    const name = typeof named === 'string' ? named : className;
    const registeredName = typeof registered === 'string' || registered === null ? registered : undefined;
    // Keras 1 and 2 give no module: the class is one of theirs or registered.
    if (typeof module !== 'string' || module === '') return;
    const verdict = judgeModule({ module, name, isFunction, registeredName });
    if (verdict === undefined) return;
    const isRemark = verdict.severity === 'info' || verdict.severity === 'low';
    if (isRemark && ++this.#remarks > maxRemarks) return;
    const full = `${module}.${name}`;
    for (const feature of verdict.gadget?.features ?? []) this.#reporter.use(frame, feature);
    if (verdict.ruleId === 'code-execution/module-reference' || verdict.ruleId === 'custom-op/keras-module') {
      this.#reporter.use(frame, 'config.json module/class_name deserialization');
    }
    const layer = layerOf(frame);
    const key = typeof frame.key === 'number' ? `${keyOf(frame)}[${frame.key}]` : frame.key;
    const role = key === undefined ? '' : `, given as ${key}${layer === undefined ? '' : ` of "${layer}"`},`;
    this.#reporter.report(frame, {
      rule: verdict.ruleId,
      severity: verdict.severity,
      message: `${isFunction ? 'Function' : 'Class'} ${full}${role} ${verdict.does}${argumentsOf(frame)}`,
      argument: { name: 'module', value: full },
      ...(verdict.gadget?.advisories === undefined ? {} : { advisories: verdict.gadget.advisories }),
    });
  }

  #string(frame: Frame, text: string): void {
    const first = text[0];
    if (
      (first === '{' || first === '[' || first === ' ' || first === '\n') &&
      text.length > 20 &&
      /class_?[nN]ame/.test(text.slice(0, 65536))
    ) {
      const nested = this.#nested(frame, text);
      if (nested !== undefined) {
        this.#push(nested, undefined, frame, frame.nesting + 1);
        return;
      }
    }
    const isLambda = frame.className === '__lambda__' || isLambdaFunction(frame);
    judgeString(frame, text, isLambda, this.#reporter);
  }

  /** A document in a string; undefined when it is none. */
  #nested(frame: Frame, text: string): JsonValue | undefined {
    if (frame.nesting >= maxNesting || text.length > maxNestedChars) {
      this.#reporter.context.unreadable(this.#reporter.place.file, 'documents in strings are nested too deeply or too large');
      return undefined;
    }
    try {
      return readJson(Buffer.from(text)).value;
    } catch (thrown) {
      if (AirlockError.from(thrown).code === 'INTERNAL') throw thrown;
      return undefined;
    }
  }
}

/** True for what judgeLambda has looked at: the function of a Lambda layer, in whatever it is wrapped. */
function isLambdaFunction(frame: Frame): boolean {
  let at: Frame | undefined = frame;
  for (let steps = 0; at?.className === 'Lambda' && steps < 6; at = at.parent, steps++) {
    if (typeof at.key === 'string' && lambdaFunctionKeys.includes(at.key)) return true;
  }
  return false;
}

/** What a function is called with, as far as a person wants to know: ` (url=http://…)`. */
function argumentsOf(frame: Frame): string {
  const owner = frame.parent?.value;
  if (!isJsonObject(owner)) return '';
  const given = owner.arguments ?? owner.kwargs ?? owner.args;
  if (given === undefined || given === null) return '';
  return ` (${JSON.stringify(given).slice(0, 300)})`;
}

/** Judges one configuration: of a model, a layer, or what it is compiled with. Any JSON value may be given. */
export function judgeKerasConfig(
  config: JsonValue,
  place: ConfigPlace,
  context: ScanContext,
  options: JudgeConfigOptions = {},
): ConfigFacts {
  const reporter = new KerasReporter(context, place, options.root);
  return new ConfigJudge(reporter, options.weightsBytes ?? 0).run(config);
}
